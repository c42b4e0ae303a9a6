"""Subscribing while rows are written: each step that a client sees is compared with what was committed."""

import asyncio
import random

from live import Live
from mirror import Mirror, number
from shop import Shop, lsn_value

ROWS, SMALL = 50_000, 100

SCHEMA = f"""
    CREATE TABLE numbered (id int PRIMARY KEY, version bigint NOT NULL, pad text NOT NULL DEFAULT 'xxxxxxxxxxxxxxxxxxxx');
    INSERT INTO numbered SELECT i, 0 FROM generate_series(0, {ROWS - 1}) i;
    CREATE VIEW wide AS SELECT id, version, pad FROM numbered;
    """


def mixed(id, version):
    """A number for one row; a set of rows is known by the sum of theirs."""
    return hash((id, version, 0x5DEECE66D)) & 0xFFFFFFFFFFFF


class Log:
    """Commits one version after the other, and knows what the rows were after each."""

    def __init__(self, shop, seed):
        self.connection = shop.connect()
        self.random = random.Random(f"log {seed}")
        self.versions = {id: 0 for id in range(ROWS)}
        self.sums = {bound: [sum(mixed(id, 0) for id in range(bound))] for bound in (SMALL, ROWS)}
        self.ends = [self.end()]

    def end(self):
        return lsn_value(self.connection.execute("SELECT onhand.position()::text").fetchone()[0])

    def commit(self):
        """Row 0 tells the version; others change, go and come back."""
        version = len(self.ends)
        changed = {0: version}
        for _ in range(self.random.randint(1, 5)):
            id = self.random.randrange(1, self.random.choice([SMALL, SMALL, ROWS]))
            changed[id] = None if self.random.random() < 0.2 else version
        with self.connection.transaction(), self.connection.pipeline():
            for id, new in changed.items():
                if new is None:
                    self.connection.execute("DELETE FROM numbered WHERE id = %s", (id,))
                else:
                    self.connection.execute(
                        "INSERT INTO numbered VALUES (%s, %s) ON CONFLICT (id) DO UPDATE "
                        "SET version = excluded.version", (id, new))
        for bound, sums in self.sums.items():
            sums.append(sums[-1] + sum(
                self.difference(id, new) for id, new in changed.items() if id < bound))
        self.versions |= changed
        self.ends.append(self.end())

    def difference(self, id, new):
        old = self.versions[id]
        return (0 if new is None else mixed(id, new)) - (0 if old is None else mixed(id, old))

    async def run(self, done):
        while not done.is_set():
            await asyncio.to_thread(self.commit)
            await asyncio.sleep(self.random.choice([0, 0, 0.002, 0.01]))


class NumberedMirror(Mirror):
    """Keeps the sum of its rows, and looks it up whenever rows may be shown."""

    def __init__(self, name, log, bound):
        super().__init__(name)
        self.log, self.bound, self.sum, self.least = log, bound, 0, 0
        self.seen = 0

    def apply_snapshot(self, frame):
        if not self.rows:
            self.sum = 0
        super().apply_snapshot(frame)

    def put(self, identity, row):
        self.take_away(identity)
        super().put(identity, row)
        self.sum += mixed(row["id"], row["version"])

    def apply_change(self, change):
        if change["op"] == "delete":
            self.take_away(self.identify(change["key"]))
        super().apply_change(change)

    def take_away(self, identity):
        if row := self.rows.get(identity):
            self.sum -= mixed(row["id"], row["version"])

    async def check_now(self):
        """Compares with the commit that row 0 names."""
        version = self.rows[(0,)]["version"]
        while len(self.log.ends) <= version:
            # Told before the writer has noted its own commit.
            await asyncio.sleep(0)
        self.expect(version >= self.least, f"version {version}, {self.least} was asked for or told")
        self.least = version
        self.expect(self.sum == self.log.sums[self.bound][version], f"the rows are not those of version {version}")
        position = number(self.position)
        self.expect(version == 0 or position > self.log.ends[version - 1], f"{self.position} has {version} already")
        if len(self.log.ends) > version + 1:
            self.expect(position < self.log.ends[version + 1], f"{self.position} lacks {version + 1}")
        self.seen += 1


async def schedule(shop, log, number, seed):
    """Subscribes at some moment, in some way, and looks at some steps."""
    chance = random.Random(f"schedule {seed} {number}")
    bound = ROWS if number % 50 == 0 else SMALL
    await asyncio.sleep(chance.uniform(0, 0.05))
    mirror = NumberedMirror(f"schedule {number}", log, bound)
    where = {} if bound == ROWS else {"id": f"lt.{SMALL}"}
    async with Live(shop.live) as live:
        members = {}
        if chance.random() < 0.4:
            mirror.least = len(log.ends) - 1
            high, low = log.ends[-1] >> 32, log.ends[-1] & 0xFFFFFFFF
            members["min_position"] = f"{high:X}/{low:X}"
        await live.subscribe("wide", mirror, where=where, **members)
        await see(live, mirror, chance.randint(1, 6))
    if chance.random() < 0.5:
        await asyncio.sleep(chance.uniform(0, 0.05))
        async with Live(shop.live) as live:
            await live.subscribe("wide", mirror, where=where)
            await see(live, mirror, mirror.seen + chance.randint(1, 4))
            mirror.expect(not mirror.resyncs, f"{mirror.resyncs}")
    return mirror.steps


async def see(live, mirror, steps):
    """Checks each step, until there were so many."""
    async with asyncio.timeout(60):
        while mirror.seen < steps:
            before = mirror.steps
            await live.step()
            if mirror.steps > before:
                await mirror.check_now()


async def check(onhand, seed, schedules, at_once=10):
    with Shop(onhand, schema=SCHEMA, views=["wide"]) as shop:
        log = Log(shop, seed)
        done = asyncio.Event()
        numbers = iter(range(schedules))
        steps = 0

        async def work():
            nonlocal steps
            for number in numbers:
                seen = await schedule(shop, log, number, seed)
                steps += seen

        async with asyncio.TaskGroup() as writing:
            writing.create_task(log.run(done))
            try:
                async with asyncio.TaskGroup() as tasks:
                    for _ in range(at_once):
                        tasks.create_task(work())
            finally:
                done.set()
        return f"{schedules} schedules saw {steps} steps of {len(log.ends)} versions"
