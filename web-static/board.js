// A board over whatever views are served: follows their rows as they change. What is told about the views themselves is asked
// for once a second, and so are the first rows of views that have too many to be followed.

import { connect } from "./onhand.js";

const pollMilliseconds = 1000;
const rowsMax = 1000;
// Changes that come faster are shown together.
const showMilliseconds = 200;

// Words that views use for how bad things are, worst first. A column that holds them is shown as badges, and decides the
// order of rows until a reader picks another column.
const severities = [
  ["OUT_OF_STOCK", "bad"],
  ["CRITICAL", "bad"],
  ["ERROR", "bad"],
  ["REORDER_NOW", "poor"],
  ["GAPS", "poor"],
  ["LOW", "poor"],
  ["HIGH", "poor"],
  ["WARNING", "warn"],
  ["REORDER_SOON", "warn"],
  ["MEDIUM", "warn"],
  ["INFO", "good"],
  ["HEALTHY", "good"],
  ["OK", "good"],
  ["IN_STOCK", "good"],
];
const ranks = new Map(severities.map(([word], rank) => [word, rank]));
const tones = new Map(severities);

const numberTypes = /^(smallint|integer|bigint|numeric|real|double precision)/;
const timeTypes = /^timestamp with time zone/;

const element = (id) => document.getElementById(id);

// ---- Reading ----

class Unavailable extends Error {}

async function get(path) {
  let response;
  try {
    response = await fetch(path, { signal: AbortSignal.timeout(10_000), cache: "no-store" });
  } catch {
    throw new Unavailable("Onhand can't be reached");
  }
  const body = parse(await response.text());
  if (!response.ok && response.status !== 503) throw new Error(body.detail ?? response.statusText);
  return { body, isOK: response.ok, stale: response.headers.get("Onhand-Stale") };
}

// Numbers stay as they were sent, where the browser can: 79.90 and large integers keep all their digits.
function parse(text) {
  return JSON.parse(text, (_, value, context) =>
    typeof value === "number" && context?.source ? context.source : value);
}

// ---- One view ----

class ViewPanel {
  constructor(description) {
    this.name = `${description.schema}.${description.name}`;
    this.columns = description.columns;
    this.key = description.key;
    this.rows = new Map();
    this.sort = null;
    this.position = null;
    this.subscription = null;
    this.showing = null;
    this.root = element("view").content.firstElementChild.cloneNode(true);
    this.body = this.find("tbody");
    this.find("h2").textContent = description.name;
    this.makeHead();
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  makeHead() {
    for (const column of this.columns) {
      const button = document.createElement("button");
      button.textContent = column.name.replaceAll("_", " ");
      button.title = column.type;
      button.addEventListener("click", () => this.sortBy(column.name));
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.className = numberTypes.test(column.type) ? "number" : "";
      cell.append(button);
      this.find("thead tr").append(cell);
    }
  }

  sortBy(name) {
    const isDescending = this.sort?.name === name && !this.sort.isDescending;
    this.sort = { name, isDescending };
    this.find("thead tr").childNodes.forEach((cell, index) => {
      const isSorted = this.columns[index].name === name;
      cell.ariaSort = isSorted ? (isDescending ? "descending" : "ascending") : null;
    });
    this.arrange();
  }

  describe(description) {
    this.count = Number(description.rows);
    this.find(".count").textContent = `${this.count.toLocaleString()} rows`;
    this.find(".reason").textContent = description.reason ?? "";
  }

  // Nothing is asked for a view that is folded away.
  async refresh(position) {
    if (!this.root.open) return this.leave();
    if (this.count <= rowsMax) return this.follow();
    this.leave();
    await this.poll(position);
  }

  follow() {
    // One that has ended may be served again by now.
    if (this.subscription && !this.subscription.hasEnded) return;
    // All digits are kept: of prices, and of keys beyond 2^53.
    const options = { bigint: "string" };
    this.subscription = feed().subscribe(this.name, options, (change, { rows }) => {
      if (change.kind === "rows") this.showSoon(() => this.showAll([...rows.values()]));
      if (change.kind === "error") this.find(".reason").textContent = change.error.message;
    });
  }

  leave() {
    this.subscription?.unsubscribe();
    this.subscription = null;
    clearTimeout(this.showing);
    this.showing = null;
  }

  showSoon(show) {
    this.showing ??= setTimeout(() => {
      this.showing = null;
      show();
    }, this.rows.size === 0 ? 0 : showMilliseconds);
  }

  showAll(rows) {
    // The order that a list of rows would have.
    const orders = this.key.map((name) => comparison({ name, isDescending: false }, this.columns));
    rows.sort((a, b) => {
      for (const order of orders) {
        const sign = order(a, b);
        if (sign !== 0) return sign;
      }
      return 0;
    });
    this.find(".more").textContent = "";
    this.show(rows);
    putAlertsFirst();
  }

  // Not twice for the same position.
  async poll(position) {
    if (this.position === position) return;
    const path = `v1/views/${encodeURIComponent(this.name)}/rows?limit=${rowsMax}`;
    const { body, isOK } = await get(path);
    if (!isOK) {
      this.find(".reason").textContent = body.detail;
      return;
    }
    this.show(body.rows);
    this.find(".more").textContent = body.next === null
      ? "" : `The first ${rowsMax.toLocaleString()} rows are shown.`;
    this.position = position;
  }

  show(rows) {
    const isFirst = this.rows.size === 0;
    const old = this.rows;
    this.rows = new Map();
    rows.forEach((row, index) => {
      const id = this.identity(row, index);
      const line = old.get(id) ?? this.makeLine(!isFirst);
      line.update(row);
      this.rows.set(id, line);
    });
    this.severity = this.columns.find(({ name }) =>
      rows.length > 0 && rows.every((row) => ranks.has(row[name])));
    this.showTally(rows);
    this.arrange();
  }

  identity(row, index) {
    return this.key.length > 0 ? JSON.stringify(this.key.map((name) => row[name])) : index;
  }

  makeLine(isNew) {
    const line = new Line(this.columns);
    if (isNew) line.mark();
    return line;
  }

  showTally(rows) {
    const counts = new Map();
    if (this.severity) {
      for (const row of rows) {
        const word = row[this.severity.name];
        counts.set(word, (counts.get(word) ?? 0) + 1);
      }
    }
    const words = [...counts.keys()].sort((a, b) => ranks.get(a) - ranks.get(b));
    this.find(".tally").replaceChildren(
      ...words.map((word) => badge(word, `${counts.get(word)} ${word}`)));
  }

  // Only moves what is out of place, so that scrolling and selections survive.
  arrange() {
    const lines = [...this.rows.values()];
    const order = this.order();
    if (order) lines.sort((a, b) => order(a.row, b.row));
    const elements = lines.map((line) => line.element);
    const kept = new Set(elements);
    for (const element of [...this.body.children]) if (!kept.has(element)) element.remove();
    elements.forEach((element, index) => {
      if (this.body.children[index] !== element) {
        this.body.insertBefore(element, this.body.children[index] ?? null);
      }
    });
  }

  order() {
    if (this.sort) return comparison(this.sort, this.columns);
    const name = this.severity?.name;
    return name && ((a, b) => ranks.get(a[name]) - ranks.get(b[name]));
  }
}

function comparison({ name, isDescending }, columns) {
  const type = columns.find((column) => column.name === name).type;
  const sign = isDescending ? -1 : 1;
  return (a, b) => {
    const [x, y] = [a[name], b[name]];
    // NULL comes last either way.
    if (x === null || y === null) return (x === null) - (y === null);
    if (ranks.has(x) && ranks.has(y)) return sign * (ranks.get(x) - ranks.get(y));
    return sign * (numberTypes.test(type) ? Number(x) - Number(y) : text(x).localeCompare(text(y)));
  };
}

// ---- One row ----

class Line {
  constructor(columns) {
    this.columns = columns;
    this.row = {};
    this.element = document.createElement("tr");
    this.element.append(...columns.map((column) => {
      const cell = document.createElement("td");
      cell.className = numberTypes.test(column.type) ? "number" : "";
      return cell;
    }));
  }

  update(row) {
    const isNew = Object.keys(this.row).length === 0;
    this.columns.forEach(({ name, type }, index) => {
      const value = row[name];
      if (!isNew && text(value) === text(this.row[name])) return;
      const cell = this.element.children[index];
      fill(cell, value, type);
      if (!isNew) highlight(cell);
    });
    this.row = row;
  }

  mark() {
    highlight(this.element);
  }
}

function highlight(element) {
  element.classList.remove("changed");
  // Reading the size makes the browser see the class go, and start the animation anew.
  void element.offsetWidth;
  element.classList.add("changed");
}

function fill(cell, value, type) {
  cell.classList.toggle("null", value === null);
  if (tones.has(value)) {
    cell.replaceChildren(badge(value, value));
  } else if (value !== null && timeTypes.test(type)) {
    cell.textContent = timeText(new Date(value));
    cell.title = value;
  } else {
    cell.textContent = value === null ? "–" : text(value);
  }
}

// The day is worth its room only where it is another.
function timeText(time) {
  const isToday = time.toDateString() === new Date().toDateString();
  return isToday ? time.toLocaleTimeString() : time.toLocaleString();
}

function text(value) {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function badge(word, label) {
  const span = document.createElement("span");
  span.className = "badge";
  span.dataset.tone = tones.get(word);
  span.textContent = label.replaceAll("_", " ").toLowerCase();
  return span;
}

// ---- The whole ----

const panels = new Map();
let moved = null;
let connection = null;

// Made when something is followed first, and anew where the server ended it for good.
function feed() {
  if (!connection || connection.hasEnded) connection = connect(new URL(".", import.meta.url));
  return connection;
}

async function refresh() {
  const { body, isOK, stale } = await get("v1/views");
  if (!isOK) {
    await showProgress();
    return;
  }
  const degraded = body.views.filter((view) => view.state === "degraded").length;
  if (stale) {
    showState(`stale for ${stale}`, "poor");
  } else if (degraded > 0) {
    showState(`live, ${degraded} degraded`, "warn");
  } else {
    showState("live", "good");
  }
  document.body.classList.toggle("outdated", Boolean(stale));
  showPosition(body.position);
  arrangePanels(body.views);
  await Promise.all([...panels.values()].map((panel) => panel.refresh(body.position)));
  putAlertsFirst();
}

async function showProgress() {
  const { body } = await get("readyz");
  const rows = body.snapshot_rows ? `, ${Number(body.snapshot_rows).toLocaleString()} rows` : "";
  showState(`starting: ${body.capture}${body.detail ? ` ${body.detail}` : ""}${rows}`, "warn");
}

function arrangePanels(views) {
  const names = new Set();
  for (const view of views) {
    // A view whose columns or key have changed is another view.
    const id = JSON.stringify([view.schema, view.name, view.key, view.columns]);
    names.add(id);
    if (!panels.has(id)) panels.set(id, new ViewPanel(view));
    panels.get(id).describe(view);
  }
  for (const [id, panel] of panels) {
    if (names.has(id)) continue;
    panel.leave();
    panels.delete(id);
  }
  const shown = [...element("views").children];
  const roots = [...panels.values()].map((panel) => panel.root);
  if (shown.length !== roots.length || shown.some((child) => !roots.includes(child))) {
    element("views").replaceChildren(...roots);
  }
}

// What needs attention stands on top: views whose every row is a warning of some kind.
function putAlertsFirst() {
  const isAlerts = ({ severity, rows }) => severity !== undefined
    && [...rows.values()].every(({ row }) => tones.get(row[severity.name]) !== "good");
  const sorted = [...panels.values()].sort((a, b) => isAlerts(b) - isAlerts(a));
  if (sorted[0] && element("views").firstElementChild !== sorted[0].root) {
    element("views").replaceChildren(...sorted.map((panel) => panel.root));
  }
}

function showState(label, tone) {
  element("state").textContent = label;
  element("state").dataset.tone = tone;
}

function showPosition(position) {
  element("position").textContent = position;
  const now = performance.now();
  const bytes = walBytes(position);
  if (moved === null || bytes !== moved.bytes) {
    if (moved !== null) {
      const perSecond = Number(bytes - moved.bytes) / ((now - moved.at) / 1000);
      element("rate").textContent = perSecond >= 0 ? `${(perSecond / 1024).toFixed(1)} KiB/s` : "–";
    }
    moved = { bytes, at: now };
  }
  const seconds = Math.round((now - moved.at) / 1000);
  element("moved").textContent = seconds < 2 ? "now" : `${seconds} s ago`;
  if (seconds >= 2) element("rate").textContent = "0 KiB/s";
}

function walBytes(position) {
  const [high, low] = position.split(":")[1].split("/");
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

async function poll() {
  try {
    if (!document.hidden) await refresh();
  } catch (error) {
    showState(error.message, "bad");
    document.body.classList.add("outdated");
    if (!(error instanceof Unavailable)) console.error(error);
  }
  setTimeout(poll, pollMilliseconds);
}

poll();
