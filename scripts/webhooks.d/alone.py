"""One instance with a change log, killed again and again while changes pour in, and down for a while each time, and a receiver that
fails at random: nothing may be missing or announced as lost, and no row go back."""

import random

from kills import again, pour, settle
from processes import say
import counters


def prove(harness, changes=100_000, kills=20, keys=1_000, fail=0.3, seed=None):
    seed = seed if seed is not None else random.randrange(10**9)
    say(f"alone: seed {seed}")
    dice = random.Random(seed)
    cluster, receiver = harness.cluster, harness.receiver(seed)
    instance = harness.instance("alone", keeps=True)
    instance.await_ready()
    hook = instance.expect(
        201, "POST", "/v1/webhooks", {"url": receiver.url, "view": "counter", "concurrency": 16})
    # What commits while nobody runs may come as one change of a row.
    receiver.tell(secrets=[hook["secret"]], fail=fail, strict=False)
    cluster.sql(counters.add(keys))
    written, worst = keys, 0
    for number in range(kills):
        writer = pour(cluster, (changes - written) // (kills - number), keys, dice)
        before = again(receiver.book())
        instance.kill()
        if number % 3 == 0:
            writer.join()
        instance.start()
        instance.await_ready()
        writer.join()
        written += writer.done
        repeated = again(receiver.book()) - before
        worst = max(worst, repeated)
        say(f"kill {number + 1}: {repeated} repeated, {written} changes written")
    receiver.tell(fail=0.0)
    want = counters.values(cluster)
    book = settle(receiver, want)
    health = instance.ask("GET", f"/v1/webhooks/{hook['id']}")[1]["health"]
    instance.stop()
    missing = {key: value for key, value in want.items() if book["last"].get(key) != value}
    return {
        "what": f"{written:,} changes, {kills} kills of the only instance, 30% of requests fail (seed {seed})",
        "requests": book["requests"], "events": book["events"], "repeated": book["repeated"],
        "repeated since their answer was not heard": book["unheard"],
        "repeated after one kill at most": worst, "failed": book["failed"],
        "unverified": book["unverified"], "resyncs": book["resyncs"], "missing": len(missing),
        "health": health,
        "ok": not missing and not book["unverified"] and not book["resyncs"],
    }
