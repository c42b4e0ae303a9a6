// Follows views with onhand.js, in Node and in a page alike, for a test that asks what became of it.
// `onhand` is the module under test.
globalThis.followed = {};

globalThis.open = (name, address, options) => {
  followed[name] = { connection: onhand.connect(address, options), subscriptions: {} };
};

globalThis.follow = (connection, name, view, options = {}) => {
  const log = { changes: 0, resynced: [], stale: [], error: null, halves: 0 };
  const showsAllPlaces = view === "stocked" && !options.where?.on_hand;
  const subscription = followed[connection].connection.subscribe(view, options, (change) => {
    if (change.kind === "rows") {
      log.changes += 1;
      if (change.resynced) log.resynced.push(change.resynced);
      if (showsAllPlaces && !adds(subscription)) log.halves += 1;
    }
    if (change.kind === "stale") log.stale.push(change.stale);
    if (change.kind === "error") {
      log.error = { code: change.error.code, closeCode: change.error.closeCode ?? null };
    }
  });
  followed[connection].subscriptions[name] = { subscription, log };
};

// Each item's units are moved between places only, so any half of a transaction shows.
const adds = ({ rows }) => {
  const sums = new Map();
  for (const row of rows.values()) sums.set(row.item, (sums.get(row.item) ?? 0) + row.on_hand);
  return [...sums.values()].every((sum) => sum === unitsOfItem);
};

globalThis.look = (connection, name) => {
  const { subscription, log } = followed[connection].subscriptions[name];
  const { rows, copies, failed, position, stale, key } = subscription;
  const all = [...rows].flatMap(([id, row]) => Array(copies.get(id) ?? 1).fill(row));
  return { rows: all, failed: [...failed], position, stale, key, log };
};

globalThis.leave = (connection, name) => {
  followed[connection].subscriptions[name].subscription.unsubscribe();
};

globalThis.shut = (connection) => followed[connection].connection.close();

// A socket on which one message in `every` that has changes is lost.
globalThis.lossy = (every) => class extends WebSocket {
  #seen = 0;

  set onmessage(handler) {
    super.onmessage = handler && ((event) => {
      const isLost = event.data.startsWith('{"type":"changes"') && (this.#seen += 1) % every === 0;
      if (!isLost) handler.call(this, event);
    });
  }
};
