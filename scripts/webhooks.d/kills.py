"""Two instances on one database, killed in turn while changes pour in and the receiver fails at random: nothing may be missing,
each key in order, and what is repeated no more than what was on its way."""

import random
import threading
import time

import counters
from processes import say


def prove(harness, changes=100_000, kills=20, keys=1_000, fail=0.3, seed=None):
    seed = seed if seed is not None else random.randrange(10**9)
    say(f"kills: seed {seed}")
    dice = random.Random(seed)
    cluster, receiver = harness.cluster, harness.receiver(seed)
    pair = [harness.instance("a"), harness.instance("b")]
    for instance in pair:
        instance.await_ready()
    hook = pair[0].expect(
        201, "POST", "/v1/webhooks", {"url": receiver.url, "view": "counter", "concurrency": 16})
    secret = hook["secret"]
    receiver.tell(secrets=[secret], fail=fail)
    path = f"/v1/webhooks/{hook['id']}"
    await_cover(pair, pair[0], path)
    cluster.sql(counters.add(keys))
    written, worst = keys, 0
    for number in range(kills):
        writer = pour(cluster, (changes - written) // (kills - number), keys, dice)
        if number % 5 == 2:
            # Signed with both secrets from here on; the receiver knows the old one until the end of the round, then the new one.
            secret = pair[0].expect(
                200, "POST", f"{path}/rotate-secret", {"overlap_seconds": 3_600})["secret"]
        victim = holder(pair)
        survivor = pair[1] if victim is pair[0] else pair[0]
        before = again(receiver.book())
        victim.kill()
        writer.join()
        written += writer.done
        victim.start()
        victim.await_ready()
        # Lets the backlog go down, since the new process knows nothing of what happened before it.
        receiver.tell(fail=0.0)
        await_cover([victim], survivor, path)
        repeated = again(receiver.book()) - before
        worst = max(worst, repeated)
        say(f"kill {number + 1}, of {victim.name}: {repeated} repeated, {written} changes written")
        receiver.tell(fail=fail, secrets=[secret])
    receiver.tell(fail=0.0)
    want = counters.values(cluster)
    book = settle(receiver, want)
    for instance in pair:
        instance.stop()
    return report(book, want, written, kills, worst, seed)


def pour(cluster, changes, keys, dice):
    """A writer of so many changes that has been at it for a while."""
    writer = Writer(cluster, changes, keys, dice.randrange(10**9))
    writer.start()
    time.sleep(dice.uniform(0.2, 3))
    return writer


def again(book):
    """What was repeated though its first delivery had been answered."""
    return book["repeated"] - book["unheard"]


def holder(pair):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        for instance in pair:
            if instance.metric("onhand_webhook_duty"):
                return instance
        time.sleep(0.05)
    raise SystemExit("nobody delivers")


def await_cover(instances, asked, path):
    """Until each instance has in its window all that is not delivered; without a log on disk a change that only a dead process
    had is announced as lost."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        position = asked.ask("GET", path)[1].get("position")
        if position:
            high, low = position.partition(":")[2].split("/")
            cursor = int(high, 16) << 32 | int(low, 16)
            oldest = min([cursor] + exceptions(asked))
            starts = [i.metric("onhand_webhook_window_start_bytes") for i in instances]
            if all(0 < start <= oldest for start in starts):
                return
        time.sleep(0.1)
    raise SystemExit(f"not covered: {position} {starts}")


def exceptions(instance):
    rows = instance.cluster.sql("SELECT position FROM onhand.webhook_exceptions")
    lsns = [row.partition(":")[2].split("/") for row in rows]
    return [int(high, 16) << 32 | int(low, 16) for high, low in lsns]


def settle(receiver, want, seconds=600):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        book = receiver.book()
        if book["last"] == want:
            return book
        time.sleep(0.5)
    return receiver.book()


def report(book, want, changes, kills, worst, seed):
    missing = {key: value for key, value in want.items() if book["last"].get(key) != value}
    return {
        "what": f"{changes:,} changes, {kills} kills, 30% of requests fail (seed {seed})",
        "requests": book["requests"], "events": book["events"], "repeated": book["repeated"],
        "repeated since their answer was not heard": book["unheard"],
        "repeated after one kill at most": worst,
        "failed": book["failed"], "unverified": book["unverified"], "resyncs": book["resyncs"],
        "signatures": book["signatures"],
        "missing": len(missing), "out of order": len(book["losses"]),
        "ok": not missing and not book["losses"] and not book["unverified"]
        and not book["resyncs"],
    }


class Writer(threading.Thread):
    """Bumps counters in transactions of some, for a few seconds and up to a number of changes."""

    SECONDS = 4
    PER_CALL = 20

    def __init__(self, cluster, changes, keys, seed):
        super().__init__(daemon=True)
        self.cluster, self.changes, self.keys = cluster, changes, keys
        self.dice = random.Random(seed)
        self.done = 0

    def run(self):
        started = time.monotonic()
        while self.done < self.changes:
            statements = []
            while len(statements) < self.PER_CALL and self.done < self.changes:
                count = min(self.dice.choice([1, 1, 2, 5, 20]), self.changes - self.done)
                first = self.dice.randint(1, self.keys - count + 1)
                statements += ["BEGIN", counters.bump(first, first + count - 1), "COMMIT"]
                self.done += count
            self.cluster.sql(";".join(statements))
            time.sleep(max(0, started + self.SECONDS * self.done / self.changes - time.monotonic()))
