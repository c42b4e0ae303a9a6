"""An endpoint that is down while many changes hit few keys, with `coalesce` on, beside one that is well: afterwards the first is
owed no more than the newest row of each key, and the second noticed nothing."""

import socket
import statistics
import time

from kills import settle
import counters


def prove(harness, changes=1_000_000, keys=10_000):
    cluster, well, late = harness.cluster, harness.receiver(1), harness.receiver(2)
    instance = harness.instance("a")
    instance.await_ready()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        # Bound and not listened on: every connection is refused.
        dead = instance.expect(201, "POST", "/v1/webhooks", {
            "url": f"http://127.0.0.1:{closed.getsockname()[1]}/", "view": "counter",
            "coalesce": True, "filter": {"id": f"lte.{keys}"}})
        good = instance.expect(201, "POST", "/v1/webhooks", {
            "url": well.url, "view": "counter", "filter": {"id": "gt.1000000"}})
        well.tell(secrets=[good["secret"]])
        late.tell(secrets=[dead["secret"]], strict=False)
        before = delays(cluster, well, 0)
        started = time.monotonic()
        cluster.sql(counters.add(keys))
        for _ in range(changes // keys - 1):
            cluster.sql(counters.bump(1, keys))
        written = time.monotonic() - started
        # What the database itself was behind is not the receivers' doing.
        lsn = cluster.sql("SELECT pg_current_wal_flush_lsn()")[0]
        instance.expect(200, "GET", f"/v1/views/counter?wait=30s&min_position={lsn}")
        owed = await_owed(instance)
        during = delays(cluster, well, 1_000)
        instance.expect(200, "PATCH", f"/v1/webhooks/{dead['id']}", {"url": late.url})
    want = {key: value for key, value in counters.values(cluster).items() if key <= keys}
    book = settle(late, want)
    instance.stop()
    newest = book["last"] == want
    return {
        "what": f"{changes:,} changes of {keys:,} keys while an endpoint is down",
        "written in seconds": round(written, 1),
        "owed afterwards": owed, "events delivered afterwards": book["events"],
        "all newest": newest, "unverified": book["unverified"],
        "other endpoint, ms, alone": before, "other endpoint, ms, beside it": during,
        "ok": newest and owed <= keys and book["events"] <= keys and not book["unverified"],
    }


def delays(cluster, receiver, start, count=200):
    """Milliseconds from a commit to the receiver, for changes one by one."""
    receiver.ask(reset=True)
    for number in range(count):
        cluster.sql(
            # Otherwise the server sends nothing until its next flush, which is 200 ms away.
            "SET synchronous_commit = on; INSERT INTO counters VALUES (%d, 1, extract(epoch from clock_timestamp()))"
            % (1_000_001 + start + number))
    end = time.monotonic() + 30
    while len(receiver.book()["delays"]) < count and time.monotonic() < end:
        time.sleep(0.05)
    found = [delay * 1_000 for delay in receiver.book()["delays"]]
    quantiles = statistics.quantiles(found, n=100)
    return {"p50": round(quantiles[49], 1), "p99": round(quantiles[98], 1), "count": len(found)}


def await_owed(instance):
    """What is owed once nothing more comes in."""
    last, since = -1, time.monotonic()
    while time.monotonic() - since < 3:
        owed = instance.metric("onhand_webhook_owed_changes")
        if owed != last:
            last, since = owed, time.monotonic()
        time.sleep(0.2)
    return last
