"""Clients that stop reading, beside a thousand that go on."""

import asyncio
import contextlib
import json
import random
import sys
import time

from live import Live, narrow
from mirror import Broken, in_order, number
from shop import Shop, lsn_value

ITEMS, PLACES, NOTE = 200, 2, 2_000
# Items that the others follow; more would be more than one Python can read.
HOT = 50
HEALTHY, STALLED = 1_000, 20
# Of resident memory while readers stall. Had each a queue of what it was not told, they would take gigabytes.
GROWTH_MAX = 48 << 10
# Changes that the buffers of both kernels may hold, tcp(7): what is in them is told, however old.
UNDER_WAY = (8 << 20) // NOTE


class Updates:
    """Writes long rows over and over, so that queues of changes would show."""

    def __init__(self, shop, items=ITEMS, places=PLACES, note=NOTE):
        self.connection = shop.connect()
        self.written = {}
        self.version = 0
        self.connection.execute(
            f"INSERT INTO stock SELECT i, p, 100, 0, repeat('n', {note}) "
            f"FROM generate_series(1, {items}) i, generate_series(1, {places}) p")

    def transact(self, hot):
        self.version += 1
        items = random.sample(range(HOT + 1, ITEMS + 1), 20)
        if hot:
            items[0] = random.randint(1, HOT)
        self.connection.execute(
            "UPDATE stock SET version = %s WHERE item = ANY(%s)", (self.version, items))
        self.written[self.version] = time.monotonic()

    async def run(self, seconds, pause=0.05, hot=True):
        """On a thread of its own, which a thousand clients on the other must not starve."""
        await asyncio.to_thread(self.work, time.monotonic() + seconds, pause, hot)

    def work(self, end, pause, hot):
        while time.monotonic() < end:
            self.transact(hot)
            time.sleep(pause)

    def position(self):
        return lsn_value(self.connection.execute("SELECT onhand.position()::text").fetchone()[0])

    def rows(self, item=None):
        query = "SELECT to_json(t) FROM stocked t" + (f" WHERE item = {item}" if item else "")
        return in_order(tuple(sorted(row[0].items())) for row in self.connection.execute(query).fetchall())


class Healthy:
    """Reads what there is, at once, and notes how late it came."""

    def __init__(self, live, mirror, updates):
        self.live, self.mirror, self.updates = live, mirror, updates
        self.late = []

    async def run(self):
        while True:
            message = await self.live.step()
            if message["type"] == "changes":
                version = max(row["version"] for row in self.mirror.rows.values())
                if version in self.updates.written:
                    self.late.append(time.monotonic() - self.updates.written[version])


async def taken_in(healthy, lsn):
    """Returns once all have heard of a position: what is measured then does not stand behind a queue of the past."""
    async with asyncio.timeout(180):
        while any(number(one.mirror.told or "x:0/0") < lsn for one in healthy):
            await asyncio.sleep(0.1)


async def stalled(shop):
    """A client with little room for what is sent to it, that reads its snapshot and no more."""
    live = await Live(shop.live, **await narrow(shop.port)).__aenter__()
    mirror = await live.subscribe("stocked")
    await live.until(lambda: mirror.told)
    return live, mirror


def percentile(values, part):
    return sorted(values)[int(len(values) * part)] * 1000 if values else 0


async def check(onhand, seed, seconds):
    random.seed(seed)
    with Shop(onhand) as shop:
        updates = Updates(shop)
        healthy = []
        for place in range(HEALTHY):
            live = await Live(shop.live).__aenter__()
            healthy.append(Healthy(live, await live.subscribe(
                "stocked", where={"item": f"eq.{place % HOT + 1}"}), updates))
        sys.setswitchinterval(0.0005)
        async with asyncio.TaskGroup() as tasks:
            reading = [tasks.create_task(one.run()) for one in healthy]
            # Until the window of changes for those who come back is full: it is kept in any case.
            await updates.run(12, pause=0, hot=False)
            await taken_in(healthy, updates.position())
            for one in healthy:
                one.late.clear()
            await updates.run(seconds / 2)
            without = [late for one in healthy for late in one.late]
            for one in healthy:
                one.late.clear()
            sleepers = [await stalled(shop) for _ in range(STALLED)]
            before = shop.resident_kilobytes()
            await updates.run(seconds)
            growth = shop.resident_kilobytes() - before
            beside = [late for one in healthy for late in one.late]
            for task in reading:
                task.cancel()
        lsn = updates.position()
        for one in healthy:
            await one.live.reach(lsn)
            item = next(iter(one.mirror.rows.values()))["item"]
            one.mirror.expect(one.mirror.sorted_rows() == updates.rows(item), "not what PostgreSQL has")
            one.live.vanish()
        told = await wake(sleepers, lsn, updates)
        if growth > GROWTH_MAX:
            raise Broken(f"{growth} kB more while {STALLED} readers stalled")
        # Far from what noise makes of it: others wait for nobody.
        if percentile(beside, .5) > 3 * percentile(without, .5) + 50:
            raise Broken(f"others heard in {percentile(without, .5)} ms, and in {percentile(beside, .5)} ms beside them")
        return (f"{updates.version} updates of 40 rows; {growth} kB for {STALLED} stalled readers of {ITEMS * PLACES} "
                f"keys; they woke to {told} changes each at most; {HEALTHY} others in this process heard in p50 "
                f"{percentile(without, .5):.1f} p99 {percentile(without, .99):.1f} ms before, p50 "
                f"{percentile(beside, .5):.1f} p99 {percentile(beside, .99):.1f} ms beside them")


async def wake(sleepers, lsn, updates):
    """Reads on, and returns the most changes that one was told: each key once, but for what was under way already."""
    most = 0
    for live, mirror in sleepers:
        changes = 0
        async with asyncio.timeout(60):
            while number(mirror.told or "x:0/0") < lsn:
                message = await live.step()
                changes += len(message.get("changes", ()))
        mirror.expect(not mirror.resyncs, f"{mirror.resyncs}")
        mirror.expect(mirror.sorted_rows() == updates.rows(), "not what PostgreSQL has")
        mirror.expect(changes <= UNDER_WAY + ITEMS * PLACES, f"woke to {changes} changes")
        most = max(most, changes)
        live.vanish()
    return most


async def captures(onhand):
    """A client that follows a large view many times over and stalls costs one capture, not one for each."""
    follows = 300
    with Shop(onhand) as shop:
        updates = Updates(shop)
        updates.connection.execute(
            f"INSERT INTO stock SELECT i, 1, 1, 0, repeat('n', {NOTE}) FROM generate_series(1001, 2000) i")
        async with Live(shop.live, **await narrow(shop.port)) as live:
            one = await live.subscribe("stocked")
            await live.until(lambda: one.told)
            before = shop.resident_kilobytes()
            for place in range(follows):
                await live.socket.send(json.dumps({"type": "subscribe", "id": f"more{place}", "view": "stocked"}))
            # As many messages as there are subscriptions: each has had its first turn, if turns went round.
            for _ in range(follows):
                await live.step()
            await asyncio.sleep(2)
            growth = shop.resident_kilobytes() - before
            if growth > 32 << 10:
                raise Broken(f"{growth} kB for a client that has stalled")
            return f"{growth} kB for a client with {follows} large subscriptions"


async def marks(onhand):
    """Clients that follow a view many times over and stall begin anew where too much would be kept for them; others do not notice."""
    items, follows, looked_at = 1_000, 600, 20
    with Shop(onhand, workers=1) as shop:
        updates = Updates(shop, items=items, places=1, note=10)
        async with Live(shop.live) as healthy:
            reader = await healthy.subscribe("stocked")
            await healthy.reach(updates.position())
            sleepers = [await many_times(shop, range(first, first + follows), looked_at) for first in (0, follows)]
            before = shop.resident_kilobytes()
            for part in range(30):
                updates.connection.execute(
                    "UPDATE stock SET version = version + 1 WHERE item %% 10 = %s", (part % 10,))
                await healthy.reach(updates.position(), timeout=60)
            growth = shop.resident_kilobytes() - before
            rows = updates.rows()
            reader.expect(not reader.resyncs and reader.sorted_rows() == rows, f"{reader.resyncs}")
            lost = 0
            for live in sleepers:
                await live.reach(updates.position(), timeout=120)
                for mirror in live.mirrors.values():
                    mirror.expect(set(mirror.resyncs) <= {"fell_behind"}, f"{mirror.resyncs}")
                    mirror.expect(mirror.sorted_rows() == rows, "not what PostgreSQL has")
                    lost += bool(mirror.resyncs)
                live.vanish()
            if not 0 < lost < 2 * looked_at:
                raise Broken(f"{lost} of {2 * looked_at} began anew, neither all nor none should")
            return (f"{growth} kB for {2 * follows} subscriptions to {items} rows; {lost} of {2 * looked_at} that were "
                    "looked at began anew")


async def many_times(shop, numbers, looked_at):
    """A client with little room for what is sent to it that follows a view so many times, has read the rows and stalls."""
    live = await Live(shop.live, **await narrow(shop.port)).__aenter__()
    for number in numbers:
        # Another condition each, or they would be one interest.
        where = {"item": f"lt.{1_000_000 + number}"}
        if number % (len(numbers) // looked_at):
            await live.send(type="subscribe", id=f"unseen {number}", view="stocked", where=where)
            await live.step()
        else:
            mirror = await live.subscribe("stocked", where=where)
            await live.until(lambda: mirror.told)
    return live


async def large_rows(onhand):
    """Who asks for 20 MB and does not read costs one capture, by keys as by slices; where many do, they cost less."""
    with Shop(onhand, workers=1) as shop:
        updates = Updates(shop)
        updates.connection.execute(
            "INSERT INTO stock SELECT i, 1, 1, 0, repeat('n', 20000) FROM generate_series(1001, 2000) i")
        keys = ",".join(map(str, range(1_001, 2_001)))
        asked = [{}, {"where": {"item": f"in.({keys})", "place": "eq.1"}}]
        with contextlib.ExitStack() as stack:
            async with Live(shop.live) as live:
                whole = await live.subscribe("stocked")
                await live.until(lambda: whole.told and len(whole.rows) >= 1_000, timeout=60)
            before = shop.resident_kilobytes()

            async def stall(count):
                for number in range(count):
                    live = await Live(shop.live, **await narrow(shop.port)).__aenter__()
                    stack.callback(live.vanish)
                    await live.subscribe("stocked", **asked[number % 2])
                await asyncio.sleep(3)
                return shop.resident_kilobytes() - before

            few = await stall(20)
            many = await stall(280)
            if few > 20 * 2_500 or many > 130_000:
                raise Broken(f"{few} kB for 20 clients that have stalled, {many} for 300")
            # Who reads has every row.
            async with Live(shop.live) as live:
                reader = await live.subscribe("stocked", **asked[-1])
                await live.until(lambda: reader.told, timeout=60)
                if len(reader.rows) != 1_000:
                    raise Broken(f"{len(reader.rows)} rows")
            return f"{few} kB for 20 clients, {many} kB for 300"
