"""Hundreds of clients that subscribe, stall, vanish and come back while the shop is open."""

import asyncio
import collections
import json
import random
import sys
import time

from live import EventStream, Live
from mirror import Broken, Mirror, in_order
from shop import Shop, lsn_of, lsn_value

# Units of the first items are only moved between places, so each of them always has as many.
MOVED_ITEMS, ITEMS, PLACES, UNITS = 40, 60, 5, 500


class Workload:
    """Random transactions from one seed. Versions count up over all rows, so an older row is always known by its version."""

    def __init__(self, shop, seed):
        self.connection = shop.connect()
        self.random = random.Random(f"workload {seed}")
        self.version = 0
        self.transactions = 0
        self.connection.execute(
            f"INSERT INTO stock SELECT i, p, {UNITS // PLACES}, 0 "
            f"FROM generate_series(1, {ITEMS}) i, generate_series(1, {PLACES}) p")

    def next_version(self):
        self.version += 1
        return self.version

    def transact(self):
        self.transactions += 1
        with self.connection.transaction(), self.connection.pipeline():
            for _ in range(self.random.choice([1, 1, 1, 1, 2, 5, 40])):
                self.random.choice([self.move, self.move, self.move, self.sell, self.drop, self.relocate])()

    def move(self):
        """All or some units of a row go to another place; an emptied row goes."""
        item = self.random.randint(1, MOVED_ITEMS)
        source, target = self.random.sample(range(1, PLACES + 1), 2)
        self.connection.execute(
            """
            WITH taken AS (
              SELECT item, on_hand - on_hand / %(share)s AS units FROM stock
              WHERE item = %(item)s AND place = %(source)s AND on_hand > 0),
            left_over AS (
              UPDATE stock s SET on_hand = on_hand - units, version = %(version)s FROM taken
              WHERE s.item = taken.item AND place = %(source)s)
            INSERT INTO stock SELECT item, %(target)s, units, %(version)s FROM taken
            ON CONFLICT (item, place) DO UPDATE
              SET on_hand = stock.on_hand + excluded.on_hand, version = excluded.version
            """,
            {"item": item, "source": source, "target": target, "share": self.random.choice([2, 3, 1_000_000]),
             "version": self.next_version()})
        self.connection.execute("DELETE FROM stock WHERE item = %s AND on_hand = 0", (item,))

    def other(self):
        return self.random.randint(MOVED_ITEMS + 1, ITEMS), self.random.randint(1, PLACES)

    def sell(self):
        self.connection.execute(
            "INSERT INTO stock VALUES (%s, %s, %s, %s) ON CONFLICT (item, place) DO UPDATE "
            "SET on_hand = excluded.on_hand, version = excluded.version",
            (*self.other(), self.random.randint(0, 150), self.next_version()))

    def drop(self):
        self.connection.execute("DELETE FROM stock WHERE item = %s AND place = %s", self.other())

    def relocate(self):
        """Changes a row's key, if the place is free; the row that was there before may be gone since this morning or this instant."""
        item, place = self.other()
        target = self.random.randint(1, PLACES)
        if self.random.random() < 0.5:
            self.connection.execute(
                "DELETE FROM stock WHERE item = %s AND place = %s AND place <> %s", (item, target, place))
        self.connection.execute(
            "UPDATE stock SET place = %s, version = %s WHERE item = %s AND place = %s "
            "AND NOT EXISTS (SELECT FROM stock WHERE item = %s AND place = %s)",
            (target, self.next_version(), item, place, item, target))

    def run(self, until, pause):
        """On a thread of its own, which hundreds of clients on the other must not starve."""
        while time.monotonic() < until:
            self.transact()
            time.sleep(self.random.uniform(0, 2 * pause))

    def position(self):
        return lsn_value(self.connection.execute("SELECT onhand.position()::text").fetchone()[0])

    def rows(self, spec):
        return in_order(
            tuple(sorted(row[0].items())) for row in
            self.connection.execute(f"SELECT to_json(t) FROM {spec.view} t WHERE {spec.sql}").fetchall())


Spec = collections.namedtuple("Spec", "view where sql check")


def check_units(mirror):
    """Of items that are only moved, no unit is missing or there twice."""
    units = collections.Counter()
    for row in mirror.rows.values():
        units[row["item"]] += row["on_hand"]
    for item, sum in units.items():
        mirror.expect(item > MOVED_ITEMS or sum == UNITS, f"item {item} has {sum} units at {mirror.position}")


def check_totals(mirror):
    for row in mirror.rows.values():
        mirror.expect(row["item"] > MOVED_ITEMS or row["total"] == UNITS, f"{row} at {mirror.position}")


def random_spec(random):
    item = random.randint(1, ITEMS)
    items = sorted(random.sample(range(1, ITEMS + 1), 3))
    units = random.randint(5, 60)
    listed = ",".join(map(str, items))
    specs = [
        (1, Spec("stocked", {}, "true", check_units)),
        (6, Spec("stocked", {"item": f"eq.{item}"}, f"item = {item}", check_units)),
        (6, Spec("stocked", {"item": f"in.({listed})"}, f"item IN ({listed})", check_units)),
        (3, Spec("stocked", {"item": f"eq.{item}", "on_hand": [f"gte.{units}", "lt.100"]},
                 f"item = {item} AND on_hand >= {units} AND on_hand < 100", None)),
        (1, Spec("stocked", {"on_hand": f"lt.{units}"}, f"on_hand < {units}", None)),
        (2, Spec("low", {"place": f"eq.{item % PLACES + 1}"}, f"place = {item % PLACES + 1}", None)),
        (1, Spec("totals", {}, "true", check_totals)),
        (2, Spec("totals", {"item": f"lte.{item}"}, f"item <= {item}", check_totals)),
        (1, Spec("bare", {}, "true", None)),
    ]
    return random.choices([spec for _, spec in specs], [weight for weight, _ in specs])[0]


class Client:
    """One client with a few mirrors; what it does next is decided by a seed of its own."""

    def __init__(self, shop, seed, number, counts):
        self.shop = shop
        self.random = random.Random(f"client {seed} {number}")
        self.name = f"client {number}"
        self.counts = counts
        self.is_stream = number % 4 == 3
        self.mirrors = []
        self.memories = {}
        self.add()

    def add(self):
        spec = random_spec(self.random)
        mirror = Mirror(f"{self.name} {spec.view} {spec.where}", spec.check)
        mirror.spec = spec
        # Resyncs that it must have been told at least.
        mirror.gaps = 0
        self.mirrors.append(mirror)
        return mirror

    async def run(self, until):
        await asyncio.sleep(self.random.uniform(0, 2))
        while time.monotonic() < until:
            self.forget()
            try:
                await (self.stream(until) if self.is_stream else self.socket(until))
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                raise Broken(f"{self.name}: the server ended: {error!r}") from error
            await asyncio.sleep(self.random.expovariate(2))

    def forget(self):
        """Before it comes back it may have lost what it knew last, or all."""
        for mirror in self.mirrors:
            chance = self.random.random()
            if chance < 0.1 and id(mirror) in self.memories:
                self.counts["went back"] += 1
                mirror.remember(self.memories[id(mirror)])
                mirror.gaps = 0
            elif chance < 0.15:
                mirror.remember({"rows": {}, "copies": {}, "failed": {}, "position": None, "versions": {}})
                mirror.gaps = 0
            elif chance < 0.18 and mirror.position:
                # Of a history that never was, and from before the server was there.
                self.counts["impossible"] += 1
                mirror.position = self.random.choice(["none:0/1", mirror.position.partition(":")[0] + ":0/1"])
                mirror.gaps = len(mirror.resyncs) + 1
            if self.random.random() < 0.3 and mirror.position and "0/1" != mirror.position[-3:]:
                self.memories[id(mirror)] = mirror.memory()

    async def socket(self, until):
        options = self.random.choice([{}, {"compression": "deflate"}, {"max_queue": 2}])
        self.counts["sockets"] += 1
        async with Live(self.shop.live, **options) as live:
            for mirror in self.mirrors:
                await self.subscribe(live, mirror)
            while self.random.random() < 0.8 and time.monotonic() < until:
                action = self.random.random()
                if action < 0.15:
                    self.counts["stalls"] += 1
                    await asyncio.sleep(self.random.uniform(0, 3))
                elif action < 0.3 and len(self.mirrors) < 5:
                    await self.subscribe(live, self.add())
                elif action < 0.4 and len(self.mirrors) > 1:
                    self.counts["unsubscribes"] += 1
                    mirror = self.mirrors.pop(self.random.randrange(len(self.mirrors)))
                    await live.unsubscribe(mirror)
                await self.read(live)
                if live.errors:
                    raise Broken(f"{self.name}: {live.errors}")
            if self.random.random() < 0.6:
                self.counts["vanished"] += 1
                live.vanish()

    async def subscribe(self, live, mirror):
        self.counts["resumed" if mirror.position else "subscribes"] += 1
        members = {"where": mirror.spec.where}
        if self.random.random() < 0.2 and not mirror.position:
            members["min_position"] = (await asyncio.to_thread(self.shop.written))
        await live.subscribe(mirror.spec.view, mirror, **members)

    async def stream(self, until):
        mirror = self.random.choice(self.mirrors)
        self.counts["streams"] += 1
        async with EventStream(self.shop.port, mirror.spec.view, mirror, mirror.spec.where) as stream:
            while self.random.random() < 0.8 and time.monotonic() < until:
                if self.random.random() < 0.2:
                    self.counts["stalls"] += 1
                    await asyncio.sleep(self.random.uniform(0, 3))
                await self.read(stream)
            if self.random.random() < 0.6:
                self.counts["vanished"] += 1
                stream.vanish()

    async def read(self, source):
        end = time.monotonic() + self.random.uniform(0, 2)
        while time.monotonic() < end:
            await source.step()
            self.counts["messages"] += 1

    async def finish(self, lsn, expected):
        """Catches up, and is compared with PostgreSQL."""
        if self.is_stream:
            for mirror in self.mirrors:
                async with EventStream(self.shop.port, mirror.spec.view, mirror, mirror.spec.where) as stream:
                    await stream.reach(lsn, timeout=120)
        else:
            async with Live(self.shop.live) as live:
                for mirror in self.mirrors:
                    await self.subscribe(live, mirror)
                await live.reach(lsn, timeout=120)
        for mirror in self.mirrors:
            mirror.expect(len(mirror.resyncs) >= mirror.gaps, "a gap was not announced")
            self.counts["resyncs"] += len(mirror.resyncs)
            self.counts["steps"] += mirror.steps
            rows = mirror.sorted_rows()
            mirror.expect(rows == expected(mirror.spec), f"{rows} is not {expected(mirror.spec)}")
            self.counts["maps compared"] += 1


async def check(onhand, seed, seconds, clients=500):
    with Shop(onhand) as shop:
        workload = Workload(shop, seed)
        positions = shop.connect()
        shop.written = lambda: positions.execute("SELECT onhand.position()::text").fetchone()[0]
        counts = collections.Counter()
        until = time.monotonic() + seconds
        sys.setswitchinterval(0.0005)
        crowd = [Client(shop, seed, number, counts) for number in range(clients)]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(asyncio.to_thread(workload.run, until, 0.01))
            for client in crowd:
                tasks.create_task(client.run(until))
        lsn = workload.position()
        known = {}

        def expected(spec):
            name = json.dumps(spec[:3])
            if name not in known:
                known[name] = workload.rows(spec)
            return known[name]

        async with asyncio.TaskGroup() as tasks:
            for client in crowd:
                tasks.create_task(client.finish(lsn, expected))
        counts["transactions"] = workload.transactions
        counts["clients"] = clients
        if counts["impossible"] and not counts["resyncs"]:
            raise Broken("no gap was announced")
        return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
