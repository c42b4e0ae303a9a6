"""onhand.js in Node and in a browser, through a network that breaks."""

import asyncio
import json
import os
import random
import shutil

import unruly
from hosts import HOSTS, Missing
from mirror import number
from proxy import Proxy
from shop import Shop, digest, lsn_value

ITEMS, PLACES, UNITS = 40, 5, 500


class Writer:
    """Moves units between places in one transaction each, so that every item's stay the same."""

    def __init__(self, shop, seed):
        self.connection = shop.connect()
        self.random = random.Random(seed)
        # Counts up over all rows, so that an older row is known by it.
        self.version = 0
        self.connection.execute(
            f"INSERT INTO stock SELECT i, p, {UNITS // PLACES} "
            f"FROM generate_series(1, {ITEMS}) i, generate_series(1, {PLACES}) p")

    def move(self):
        self.version += 1
        item = self.random.randint(1, ITEMS)
        source, target = self.random.sample(range(1, PLACES + 1), 2)
        with self.connection.transaction():
            row = self.connection.execute(
                "SELECT on_hand FROM stock WHERE item = %s AND place = %s", (item, source)).fetchone()
            units = self.random.randint(1, row[0]) if row and row[0] > 0 else 0
            if row and row[0] == units:
                self.connection.execute("DELETE FROM stock WHERE item = %s AND place = %s", (item, source))
            elif row:
                self.connection.execute(
                    "UPDATE stock SET on_hand = on_hand - %s, version = %s "
                    "WHERE item = %s AND place = %s", (units, self.version, item, source))
            self.connection.execute(
                "INSERT INTO stock VALUES (%s, %s, %s, %s) ON CONFLICT (item, place) DO UPDATE "
                "SET on_hand = stock.on_hand + excluded.on_hand, version = excluded.version",
                (item, target, units, self.version))

    async def moves(self, count):
        for _ in range(count):
            self.move()
            await asyncio.sleep(0.002)

    def position(self):
        return self.connection.execute("SELECT onhand.position()::text").fetchone()[0]

    def rows(self, query):
        """Rows as a client has them."""
        return [row[0] for row in self.connection.execute(
            f"SELECT to_json(t) FROM ({query}) t").fetchall()]


FOLLOWED = {
    "all": ("stocked", {}, "SELECT * FROM stocked"),
    "some": ("stocked", {"where": {"item": "in.(1,2,3)"}}, "SELECT * FROM stocked WHERE item <= 3"),
    "few": ("stocked", {"where": {"on_hand": ["gt.90", "lt.120"]}, "select": "place,item,on_hand"},
            "SELECT place, item, on_hand FROM stocked WHERE on_hand > 90 AND on_hand < 120"),
    "low": ("low", {}, "SELECT * FROM low"),
    "totals": ("totals", {"bigint": "string"},
               "SELECT item, total::text, places::text FROM totals"),
    "bare": ("bare", {}, "SELECT * FROM bare"),
    "big": ("big", {"bigint": "string"}, "SELECT id::text, n FROM big"),
}


def canonical(rows):
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


class Follower:
    """The subscriptions of one host, compared with PostgreSQL."""

    def __init__(self, host, writer, address):
        self.host, self.writer, self.address = host, writer, address

    async def follow(self, connection, **options):
        text = json.dumps({"heartbeat": 1000, **options})
        await self.host.call(f"open('{connection}', '{self.address}', {text})")
        await self.follow_all(connection)

    async def follow_all(self, connection):
        for name, (view, options, _) in FOLLOWED.items():
            await self.host.call(f"follow('{connection}', '{name}', '{view}', {json.dumps(options)})")

    async def look(self, connection, name):
        return await self.host.call(f"look('{connection}', '{name}')")

    async def equals_postgres(self, connection, names=tuple(FOLLOWED)):
        """Waits for each subscription to get where the database is, and compares; returns what was seen."""
        lsn = lsn_value(self.writer.position())
        seen = {}
        for name in names:
            seen[name] = await self.reach(connection, name, lsn)
            expected = canonical(self.writer.rows(FOLLOWED[name][2]))
            got = canonical(seen[name]["rows"])
            assert got == expected, (
                f"{name}: {len(got)} rows, {len(expected)} expected; {set(got) ^ set(expected)}")
            assert seen[name]["log"]["halves"] == 0, f"{name}: saw half a transaction"
        return seen

    async def reach(self, connection, name, lsn):
        async with asyncio.timeout(60):
            while True:
                seen = await self.look(connection, name)
                assert not seen["log"]["error"], f"{name}: {seen['log']}"
                if seen["position"] and number(seen["position"]) >= lsn and not seen["stale"]:
                    return seen
                await asyncio.sleep(0.05)

    async def wait_stale(self, connection, name, stale):
        async with asyncio.timeout(60):
            while (await self.look(connection, name))["stale"] != stale:
                await asyncio.sleep(0.05)


SCHEMA = """
    CREATE TABLE numbers (id bigint PRIMARY KEY, n int);
    INSERT INTO numbers SELECT 9007199254740992 + i, 0 FROM generate_series(1, 5) i;
    CREATE VIEW big AS SELECT id, n FROM numbers;
    """


def settings():
    return {"schema": SCHEMA, "views": ["big"]}


async def types():
    """Whether the module's JSDoc types are right."""
    program = shutil.which("tsc")
    if not program:
        raise Missing("tsc (Debian: node-typescript)")
    module = os.path.join(os.path.dirname(__file__), "..", "..", "web-static", "onhand.js")
    checking = await asyncio.create_subprocess_exec(
        program, "--checkJs", "--noEmit", "--strict", "--target", "es2022", "--module", "es2022",
        "--lib", "es2022,dom", module)
    assert await checking.wait() == 0, "the types of onhand.js are wrong"


async def check(onhand, name, seed):
    """All there is to prove of one host."""
    with Shop(onhand, **settings()) as shop:
        writer = Writer(shop, seed)
        async with Proxy(shop.port) as proxy, HOSTS[name](proxy.address) as host:
            follower = Follower(host, writer, proxy.address)
            await host.call(f"globalThis.unitsOfItem = {UNITS}")
            await follower.follow("main")
            await plain(follower, writer)
            await cuts(follower, writer, proxy)
            await freeze(follower, writer, proxy)
            await restart(follower, writer, shop)
            await losses(follower, writer)
            await refusals(follower)
            await close_codes(host)
            await unruly.check(host)
            errors = getattr(host, "errors", [])
            assert not errors, errors
    await tokens(onhand, name)


async def plain(follower, writer):
    """Maps equal PostgreSQL; keys beyond 2^53 are told apart; what is left is told no more."""
    before = await follower.equals_postgres("main")
    await writer.moves(100)
    writer.connection.execute("UPDATE numbers SET n = n + 1 WHERE id % 2 = 0")
    writer.connection.execute("DELETE FROM numbers WHERE id = 9007199254740993")
    after = await follower.equals_postgres("main")
    # How many calls the moves become is up to how busy the machine is.
    assert after["all"]["log"]["changes"] > before["all"]["log"]["changes"], after["all"]["log"]
    assert not after["all"]["log"]["resynced"], after["all"]["log"]
    await follower.host.call("follow('main', 'left', 'stocked')")
    await follower.reach("main", "left", 0)
    await follower.host.call("leave('main', 'left')")
    before = await follower.look("main", "left")
    await writer.moves(20)
    await follower.equals_postgres("main")
    assert await follower.look("main", "left") == before


async def cuts(follower, writer, proxy):
    """A lost connection is resumed where it was: nothing is told anew, and the rows say that they are stale."""
    before = await follower.equals_postgres("main")
    for _ in range(3):
        proxy.cut()
        await follower.wait_stale("main", "all", True)
        await writer.moves(30)
        after = await follower.equals_postgres("main")
    for name, seen in after.items():
        assert seen["log"]["resynced"] == before[name]["log"]["resynced"], f"{name}: {seen['log']}"
        assert seen["log"]["stale"][-2:] == [True, False], f"{name}: {seen['log']}"


async def freeze(follower, writer, proxy):
    """A connection on which nothing moves is found out, and another one made."""
    connections = proxy.connections
    proxy.freeze()
    await follower.wait_stale("main", "all", True)
    await writer.moves(30)
    proxy.thaw()
    await follower.equals_postgres("main")
    assert proxy.connections > connections


async def restart(follower, writer, shop):
    """A server that comes back has forgotten the changes: the gap is told, and the rows are right."""
    port = shop.port
    shop.service.stop()
    await follower.wait_stale("main", "all", True)
    await writer.moves(30)
    await asyncio.to_thread(shop.service.serve, port)
    seen = await follower.equals_postgres("main")
    assert seen["all"]["log"]["resynced"], seen["all"]["log"]


async def losses(follower, writer):
    """A change that gets lost is noticed by `previous`, and the map mended."""
    host = follower.host
    await host.call(f"open('lossy', '{follower.address}', {{WebSocket: lossy(4)}})")
    await follower.follow_all("lossy")
    await follower.equals_postgres("lossy", ["low", "totals"])
    # Until one has been noticed and mended; a lost one that nothing follows but a heartbeat can't be.
    async with asyncio.timeout(60):
        while True:
            await writer.moves(20)
            seen = {name: await follower.look("lossy", name) for name in ("all", "few")}
            if any("gap" in one["log"]["resynced"] for one in seen.values()):
                break
    await host.call("shut('lossy')")


async def refusals(follower):
    """A subscription that can't be is told so; the others live."""
    host = follower.host
    await host.call("follow('main', 'nowhere', 'nowhere')")
    await host.call("follow('main', 'unknown', 'stocked', {where: {nothing: 'eq.1'}})")
    await host.call("follow('main', 'wrong', 'stocked', {where: {item: 'eq.x'}})")
    await host.call("follow('main', 'keyless', 'stocked', {select: 'on_hand'})")
    for name, code in (("nowhere", "unknown_view"), ("unknown", "unknown_parameter"),
                       ("wrong", "bad_filter"), ("keyless", "bad_parameter")):
        async with asyncio.timeout(20):
            while not (log := (await follower.look("main", name))["log"])["error"]:
                await asyncio.sleep(0.05)
        assert log["error"]["code"] == code, log
    await follower.equals_postgres("main")


async def close_codes(host):
    bands = {1001: "now", 1012: "now", 1013: "later", 4100: "later", 4199: "later", 1006: "later",
             4200: "never", 4401: "never", 1000: "never", 1003: "never", 1009: "never"}
    for code, expected in bands.items():
        assert await host.call(f"onhand.comeback({code})") == expected, code


async def tokens(onhand, name):
    """A token opens what it is for; a wrong one ends the connection for good."""
    callers = [{"name": "shop", "token_sha256": digest("right"), "may": ["read"]}]
    with Shop(onhand, **settings(), callers=callers) as shop:
        writer = Writer(shop, 1)
        async with Proxy(shop.port) as proxy, HOSTS[name](proxy.address) as host:
            follower = Follower(host, writer, proxy.address)
            await host.call(f"globalThis.unitsOfItem = {UNITS}")
            await follower.follow("right", token="right")
            await follower.equals_postgres("right")
            connections = proxy.connections
            await host.call(f"open('wrong', '{proxy.address}', {{token: async () => 'wrong'}})")
            await host.call("follow('wrong', 'all', 'stocked')")
            async with asyncio.timeout(20):
                while not (log := (await follower.look("wrong", "all"))["log"])["error"]:
                    await asyncio.sleep(0.05)
            assert log["error"] == {"code": "closed", "closeCode": 4401}, log
            await asyncio.sleep(2)
            assert proxy.connections <= connections + 1, "it came back"
            await host.call("follow('wrong', 'late', 'stocked')")
            await asyncio.sleep(0.1)
            late = await follower.look("wrong", "late")
            assert late["log"]["error"]["closeCode"] == 4401, late
