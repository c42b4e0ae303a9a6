// Follows views of an Onhand server: live maps of rows that are right, and that know when they are not.
//
//   import { connect } from "/onhand.js";
//   const shop = connect();
//   const stock = shop.subscribe("live_stock", { where: { item_id: "in.(1,2)" } }, (change) => {
//     if (change.kind === "rows") show([...stock.rows.values()]);
//     if (change.kind === "stale") dim(change.stale);
//   });
//
// Runs in browsers, and in Node with a WebSocket (22, or 20 with --experimental-websocket, or given as an option). The protocol
// and the rules that this follows are in docs/push.md.

/** @typedef {Record<string, any>} Row A row as the view has it: columns and values. */

/**
 * @typedef {object} ConnectOptions
 * @property {string | (() => string | Promise<string>)} [token] Of a caller, or what fetches one before each connection.
 * @property {number} [heartbeat] Milliseconds of silence after which the server is asked whether it is there; after twice as
 *   many the connection counts as dead. 30,000 unless given.
 * @property {typeof WebSocket} [WebSocket] Where there is no global one.
 */

/**
 * @typedef {object} SubscribeOptions
 * @property {Record<string, string | string[]>} [where] Conditions by column, as `{on_hand: ["gt.0", "lt.10"]}`.
 * @property {string} [select] Columns, the key's among them; all unless given.
 * @property {"string" | "number"} [bigint] Whether bigint and numeric are strings, which lose nothing. A key beyond 2^53
 *   needs it.
 * @property {string} [minPosition] Nothing older is shown: `onhand.position()` after one's own write.
 */

/**
 * @typedef {object} RowChange One row of a step.
 * @property {string} id Its place in `rows`.
 * @property {Row | null} row What it is now; null if it is gone, or has no right value.
 * @property {Row | null} old What it was.
 */

/**
 * @typedef {{kind: "rows", changed: RowChange[], position: string, resynced: string | null}
 *   | {kind: "stale", stale: boolean}
 *   | {kind: "error", error: PushError}} Change
 * `rows`: a step was applied; `resynced` says why changes in between may be missing, if they may. `stale`: whether the rows may
 * be outdated has changed. `error`: the subscription has ended, and why.
 */

/** Why a subscription ended; `code` is the server's, or `closed` with the `closeCode` of the connection. */
export class PushError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {number} [closeCode]
   */
  constructor(code, message, closeCode) {
    super(message);
    this.name = "PushError";
    this.code = code;
    this.closeCode = closeCode;
  }
}

/**
 * Connects to a server, and again whenever the connection is lost.
 *
 * @param {string | URL} [url] The server's address; the one that this file came from unless given.
 * @param {ConnectOptions} [options]
 * @returns {Connection}
 */
export function connect(url = new URL(".", import.meta.url), options = {}) {
  return new Connection(url, options);
}

const pauseMin = 500;
const pauseMax = 30_000;

/** What is asked again later: the server can't answer at present. */
const passing = new Set(["not_ready", "too_many_waiting", "position_not_reached", "view_degraded"]);

/**
 * Milliseconds before the next attempt. Half is left to chance, so that clients of one server do not come back together.
 *
 * @param {number} attempts So far.
 */
function backoff(attempts) {
  return Math.min(pauseMax, pauseMin * 2 ** attempts) * (0.5 + Math.random() / 2);
}

/** After such a time, in milliseconds, what went before a connection no longer makes the next pause longer. */
const lasting = 30_000;
/** The same where the connection was cut: a page on the move comes back soon, and a server that speaks and dies is left alone. */
const lastingUntilCut = 5_000;

/** @typedef {"now" | "later" | "never"} Comeback When to connect again. */

/**
 * What a close code asks for. Without a code (1005, 1006, 1015) the connection was lost or refused.
 *
 * @param {number} code
 * @returns {Comeback}
 */
export function comeback(code) {
  if (code === 1001 || code === 1012) return "now";
  return wasCut(code) || code === 1013 || (code >= 4100 && code <= 4199) ? "later" : "never";
}

/** @param {number} code */
function wasCut(code) {
  return code === 1005 || code === 1006 || code === 1015;
}

/**
 * What a promise becomes, unless it takes too long.
 *
 * @template T
 * @param {number} milliseconds
 * @param {T | Promise<T>} promise
 * @returns {Promise<T>}
 */
function within(milliseconds, promise) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */ let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("it took too long")), milliseconds);
  });
  return Promise.race([promise, /** @type {Promise<never>} */ (late)]).finally(() => clearTimeout(timer));
}

/** One socket and the subscriptions that share it. */
export class Connection {
  /** @type {URL} */ #url;
  /** @type {ConnectOptions} */ #options;
  /** @type {typeof WebSocket} */ #WebSocket;
  /** @type {WebSocket | null} */ #socket = null;
  /** @type {Map<string, Subscription>} */ #subscriptions = new Map();
  /** What is asked for again after a pause. */
  /** @type {Map<Subscription, ReturnType<typeof setTimeout>>} */ #paused = new Map();
  #nextID = 1;
  #attempts = 0;
  #openedAt = 0;
  #heardAt = 0;
  #hasAsked = false;
  /** Whether the server has said anything on this connection. */
  #hasSpoken = false;
  /** Why there will be no further connection. */
  /** @type {PushError | null} */ #error = null;
  /** Counts connections, so that what belongs to an old one is told apart. */
  #generation = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #reconnecting;
  /** @type {ReturnType<typeof setInterval> | undefined} */ #watch;
  #isServerStale = false;
  #hurry = () => this.#reconnectNow();

  /**
   * @param {string | URL} url
   * @param {ConnectOptions} options
   */
  constructor(url, options) {
    const address = new URL(url, globalThis.location?.href);
    if (!address.pathname.endsWith("/")) address.pathname += "/";
    this.#url = new URL("v1/live", address);
    this.#url.protocol = address.protocol.replace(/^http/, "ws");
    this.#options = options;
    const constructor = options.WebSocket ?? globalThis.WebSocket;
    if (!constructor) throw new TypeError("there is no WebSocket here: give one as an option");
    this.#WebSocket = constructor;
    this.#watch = setInterval(() => this.#look(), this.#heartbeat / 4);
    globalThis.addEventListener?.("online", this.#hurry);
    this.#open();
  }

  get #heartbeat() {
    return this.#options.heartbeat ?? 30_000;
  }

  /** Whether there will be no further connection: closed here, or by the server for a reason that has to be mended. */
  get hasEnded() {
    return this.#error !== null;
  }

  /** Whether nothing can be told at present: there is no live connection, or the server can't follow the database. */
  get isStale() {
    return this.#socket === null || this.#heardAt === 0 || this.#isServerStale;
  }

  /**
   * Follows the rows of a view that pass conditions.
   *
   * @param {string} view
   * @param {SubscribeOptions} [options]
   * @param {(change: Change, subscription: Subscription) => void} [onChange]
   * @returns {Subscription}
   */
  subscribe(view, options = {}, onChange = () => {}) {
    const subscription = new Subscription(view, options, onChange, {
      leave: (id) => this.#leave(id),
      again: (subscription, pause) => this.#again(subscription, pause),
      isStale: () => this.isStale,
    });
    if (this.#error) queueMicrotask(() => subscription.fail(/** @type {PushError} */ (this.#error)));
    else this.#ask(subscription);
    return subscription;
  }

  /** Ends all subscriptions and the connection. */
  close() {
    const subscriptions = this.#end(new PushError("closed", "the connection was closed here"), 1000);
    for (const subscription of subscriptions) subscription.unsubscribe();
  }

  /**
   * Has no further connection.
   *
   * @param {PushError} error
   * @param {number} [code]
   * @returns {Subscription[]} Those there were.
   */
  #end(error, code) {
    this.#error ??= error;
    clearTimeout(this.#reconnecting);
    clearInterval(this.#watch);
    globalThis.removeEventListener?.("online", this.#hurry);
    this.#drop(code);
    const subscriptions = [...this.#subscriptions.values(), ...this.#paused.keys()];
    for (const timer of this.#paused.values()) clearTimeout(timer);
    this.#subscriptions.clear();
    this.#paused.clear();
    return subscriptions;
  }

  /** @param {PushError} error */
  #fail(error) {
    for (const subscription of this.#end(error)) subscription.fail(error);
  }

  // ---- The socket ----

  async #open() {
    const generation = ++this.#generation;
    /** @type {string | undefined} */ let token;
    try {
      const given = this.#options.token;
      token = typeof given === "function" ? await within(2 * this.#heartbeat, given()) : given;
    } catch {
      if (generation === this.#generation) this.#retry("later");
      return;
    }
    if (this.#error || generation !== this.#generation) return;
    /** @type {WebSocket} */ let socket;
    try {
      socket = new this.#WebSocket(this.#url, ["onhand.v1"]);
    } catch (error) {
      // An address that there can be no WebSocket to, from here.
      return this.#fail(new PushError("closed", String(error)));
    }
    this.#socket = socket;
    this.#openedAt = Date.now();
    this.#heardAt = 0;
    this.#hasAsked = false;
    this.#hasSpoken = false;
    // A server that can't follow the database says so first of all.
    this.#isServerStale = false;
    // `close` follows; without a handler some implementations count it as not handled.
    socket.onerror = () => {};
    socket.onopen = () => {
      if (socket !== this.#socket) return;
      this.#heardAt = Date.now();
      if (token !== undefined) this.#send({ type: "authenticate", token });
      for (const subscription of this.#subscriptions.values()) this.#send(subscription.request());
    };
    socket.onmessage = (event) => {
      if (socket === this.#socket) this.#receive(JSON.parse(event.data));
    };
    socket.onclose = (event) => {
      if (socket === this.#socket) this.#lost(event.code, event.reason);
    };
  }

  /** @param {object} message */
  #send(message) {
    if (this.#socket?.readyState === this.#WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** @param {number} [code] */
  #drop(code) {
    const socket = this.#socket;
    this.#socket = null;
    this.#generation += 1;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(code);
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #lost(code, reason) {
    this.#drop();
    const when = comeback(code);
    if (when === "never") {
      return this.#fail(new PushError("closed", reason || `the server closed with ${code}`, code));
    }
    // Who is told to come back later, and then told so again, waits longer; so does who is cut off time and again.
    const isWell = when === "now" ? this.#hasSpoken
      : Date.now() - this.#openedAt > (wasCut(code) ? lastingUntilCut : lasting);
    if (isWell) this.#attempts = 0;
    this.#retry(when);
  }

  /** @param {Comeback} when */
  #retry(when) {
    const isFirst = this.#attempts === 0;
    const pause = when === "now" && isFirst
      ? pauseMin * Math.random() : backoff(this.#attempts);
    this.#attempts += 1;
    for (const subscription of [...this.#subscriptions.values()]) subscription.lose();
    clearTimeout(this.#reconnecting);
    // Who was told may have closed it.
    if (this.#error) return;
    this.#reconnecting = setTimeout(() => this.#open(), pause);
  }

  #reconnectNow() {
    if (this.#error || this.#socket) return;
    clearTimeout(this.#reconnecting);
    this.#open();
  }

  /** Asks a silent server whether it is there, and gives up one that does not answer. */
  #look() {
    if (!this.#socket) return;
    const now = Date.now();
    if (this.#heardAt === 0) {
      if (now - this.#openedAt > 2 * this.#heartbeat) this.#lost(1006, "");
    } else if (now - this.#heardAt > 2 * this.#heartbeat) {
      this.#lost(1006, "");
    } else if (now - this.#heardAt > this.#heartbeat && !this.#hasAsked) {
      this.#hasAsked = true;
      this.#send({ type: "ping" });
    }
  }

  // ---- Messages ----

  /** @param {any} message */
  #receive(message) {
    this.#heardAt = Date.now();
    this.#hasAsked = false;
    this.#hasSpoken = true;
    if (message.type === "heartbeat") return this.#takeHeartbeat(message);
    const subscription = this.#subscriptions.get(message.id);
    // Frames of what has been left may still be under way.
    if (!subscription) return;
    if (message.type !== "error") return subscription.take(message);
    this.#subscriptions.delete(message.id);
    if (passing.has(message.code)) {
      return this.#again(subscription, backoff(subscription.refusals++));
    }
    subscription.fail(new PushError(message.code, `${message.title}: ${message.detail}`));
  }

  /** @param {{position?: string, stale?: boolean}} heartbeat */
  #takeHeartbeat({ position, stale = false }) {
    this.#isServerStale = stale;
    for (const subscription of [...this.#subscriptions.values()]) {
      if (position) subscription.moveTo(position);
      subscription.showStale();
    }
  }

  // ---- Subscriptions ----

  /** @param {Subscription} subscription */
  #ask(subscription) {
    // A new name each time: frames of the subscription before can't be mistaken for its own.
    subscription.id = String(this.#nextID++);
    this.#subscriptions.set(subscription.id, subscription);
    this.#send(subscription.request());
  }

  /**
   * Asks anew for a subscription, at once or after a pause in milliseconds.
   *
   * @param {Subscription} subscription
   * @param {number} [pause]
   */
  #again(subscription, pause) {
    this.#leave(subscription.id);
    subscription.lose();
    // Its listener may have ended it.
    if (subscription.hasEnded) return;
    if (pause === undefined) return this.#ask(subscription);
    this.#paused.set(subscription, setTimeout(() => {
      this.#paused.delete(subscription);
      if (!subscription.hasEnded) this.#ask(subscription);
    }, pause));
  }

  /** @param {string} id */
  #leave(id) {
    if (this.#subscriptions.delete(id)) this.#send({ type: "unsubscribe", id });
  }
}

/**
 * @typedef {object} SubscriptionOwner
 * @property {(id: string) => void} leave
 * @property {(subscription: Subscription, pause?: number) => void} again
 * @property {() => boolean} isStale
 */

/** Rows of a view, kept as they are at `position`: exactly what PostgreSQL would answer there. */
export class Subscription {
  /** Rows by id. An id is the JSON of the key's values in the order of `key`, or of the whole row without a key. */
  /** @type {Map<string, Row>} */ rows = new Map();
  /** How often a row is there, by id, in a view without a key; only where it is more than once. */
  /** @type {Map<string, number>} */ copies = new Map();
  /** Why rows have no right value at present, by id. */
  /** @type {Map<string, string>} */ failed = new Map();
  /** What the rows reflect; null until they are complete. */
  /** @type {string | null} */ position = null;
  /** The names of the key's columns; empty where the view has none. */
  /** @type {string[]} */ key = [];
  /** Why the subscription has ended. */
  /** @type {PushError | null} */ error = null;
  /** Whether the rows may be outdated, as the last change told. */
  stale = true;
  hasEnded = false;
  id = "";
  /** How often in a row the server could not answer. */
  refusals = 0;

  /** @type {SubscribeOptions} */ #options;
  /** @type {(change: Change, subscription: Subscription) => void} */ #onChange;
  /** @type {SubscriptionOwner} */ #owner;
  #view;
  /** The position last told on this connection; null where none was since it began. */
  /** @type {string | null} */ #told = null;
  /** Whether the rows are those of the position last told: not while changes that were missed are still to come. */
  #isCurrent = false;
  /** Frames that are not to be shown yet. */
  /** @type {any[]} */ #staged = [];
  /** @type {string | null} */ #resynced = null;

  /**
   * @param {string} view
   * @param {SubscribeOptions} options
   * @param {(change: Change, subscription: Subscription) => void} onChange
   * @param {SubscriptionOwner} owner
   */
  constructor(view, options, onChange, owner) {
    this.#view = view;
    this.#options = options;
    this.#onChange = onChange;
    this.#owner = owner;
  }

  /**
   * The row with this key, its values in the order of `key`.
   *
   * @param {...any} values
   * @returns {Row | undefined}
   */
  get(...values) {
    return this.rows.get(JSON.stringify(values));
  }

  /** Ends it; `onChange` is not called any more. */
  unsubscribe() {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.#owner.leave(this.id);
  }

  // ---- For the connection ----

  /** What was told does not count any more, and what follows is not told yet. */
  lose() {
    this.#told = null;
    this.#isCurrent = false;
    this.#staged = [];
    this.showStale();
  }

  /** What asks for it. */
  request() {
    const { where, select, bigint, minPosition } = this.#options;
    const asked = { type: "subscribe", id: this.id, view: this.#view, where, select, bigint };
    if (this.position) return { ...asked, after: this.position };
    return { ...asked, min_position: minPosition };
  }

  /** @param {any} frame */
  take(frame) {
    switch (frame.type) {
      case "resumed":
        this.key = frame.key;
        this.#told = frame.position;
        break;
      case "resynced":
        this.#resynced = frame.reason;
        this.lose();
        break;
      case "snapshot":
      case "changes":
        this.#stage(frame);
        break;
    }
  }

  /** @param {any} frame */
  #stage(frame) {
    if (frame.type === "changes" && frame.position && frame.previous !== this.#told) {
      // Something was missed, which must not happen: start anew.
      this.position = null;
      this.#resynced = "gap";
      return this.#owner.again(this);
    }
    this.#staged.push(frame);
    if (!frame.position) return;
    const frames = this.#staged;
    this.#staged = [];
    this.#apply(frames, frame.position);
  }

  /**
   * @param {any[]} frames
   * @param {string} position
   */
  #apply(frames, position) {
    /** @type {Map<string, Row | null>} */ const before = new Map();
    const note = (/** @type {string} */ id) => {
      if (!before.has(id)) before.set(id, this.rows.get(id) ?? null);
    };
    if (frames[0].type === "snapshot") {
      for (const id of this.rows.keys()) note(id);
      this.rows.clear();
      this.copies.clear();
      this.failed.clear();
    }
    for (const frame of frames) {
      if (frame.type === "snapshot") this.#applySnapshot(frame, note);
      else for (const change of frame.changes) this.#applyChange(change, note);
    }
    this.position = this.#told = position;
    this.#isCurrent = true;
    this.refusals = 0;
    const resynced = this.#resynced;
    this.#resynced = null;
    const changed = this.#compare(before);
    // Also where only copies changed, or what failed.
    const isStep = frames.some(({ type, changes }) => type === "snapshot" || changes.length > 0);
    if (isStep || resynced !== null) {
      this.#tell({ kind: "rows", changed, position, resynced });
    }
    this.showStale();
  }

  /**
   * @param {any} frame
   * @param {(id: string) => void} note
   */
  #applySnapshot(frame, note) {
    this.key = frame.key;
    for (const row of frame.rows) {
      const id = this.#identify(row);
      note(id);
      if (this.rows.has(id)) this.copies.set(id, (this.copies.get(id) ?? 1) + 1);
      this.rows.set(id, row);
    }
    for (const { key, error } of frame.failed ?? []) this.failed.set(this.#identify(key), error);
  }

  /**
   * @param {any} change
   * @param {(id: string) => void} note
   */
  #applyChange(change, note) {
    const id = this.#identify(change.row ?? change.key);
    note(id);
    this.copies.delete(id);
    this.failed.delete(id);
    if (change.op === "upsert") {
      this.rows.set(id, change.row);
      if (change.copies > 1) this.copies.set(id, change.copies);
    } else {
      this.rows.delete(id);
      if (change.error !== undefined) this.failed.set(id, change.error);
    }
  }

  /**
   * What is another than before.
   *
   * @param {Map<string, Row | null>} before
   * @returns {RowChange[]}
   */
  #compare(before) {
    const changed = [];
    for (const [id, old] of before) {
      const row = this.rows.get(id) ?? null;
      if (JSON.stringify(row) !== JSON.stringify(old)) changed.push({ id, row, old });
    }
    return changed;
  }

  /**
   * @param {Row} row Or its key.
   * @returns {string}
   */
  #identify(row) {
    const names = this.key.length > 0 ? this.key : Object.keys(row).sort();
    return JSON.stringify(names.map((name) => row[name]));
  }

  /** @param {string} position To which nothing has changed. */
  moveTo(position) {
    if (this.#told === null) return;
    this.position = this.#told = position;
    this.#isCurrent = true;
  }

  /** Tells if the rows may be outdated, where that has changed. */
  showStale() {
    const stale = !this.#isCurrent || this.#resynced !== null || this.#owner.isStale();
    if (this.hasEnded || stale === this.stale) return;
    this.stale = stale;
    this.#tell({ kind: "stale", stale });
  }

  /** @param {PushError} error */
  fail(error) {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.error = error;
    this.stale = true;
    this.#tell({ kind: "error", error });
  }

  /** @param {Change} change */
  #tell(change) {
    try {
      this.#onChange(change, this);
    } catch (error) {
      // The page hears of its mistake, and the other subscriptions go on.
      queueMicrotask(() => { throw error; });
    }
  }
}
