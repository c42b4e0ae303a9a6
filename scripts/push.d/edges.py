"""What clients do wrong, who may see what, and what becomes of subscriptions when views and rows are not what they were."""

import asyncio
import contextlib
import itertools
import json
import time

import httpx
import psycopg
import websockets
from websockets.asyncio.client import connect

from live import EventStream, Live, bearer, narrow
from mirror import Mirror, in_order, number
from shop import Shop, digest, lsn_value


def execute(shop, *statements):
    """Runs them and returns how far the log is then."""
    with shop.connect() as connection:
        for statement in statements:
            connection.execute(statement)
        return lsn_value(connection.execute("SELECT onhand.position()::text").fetchone()[0])


def rows(shop, query):
    with shop.connect() as connection:
        return in_order(tuple(sorted(row[0].items())) for row in connection.execute(
            f"SELECT to_json(t) FROM ({query}) t").fetchall())


def equal(shop, mirror, query):
    got, expected = mirror.sorted_rows(), rows(shop, query)
    mirror.expect(got == expected, f"{got[:5]} is not {expected[:5]}; {len(got)} and {len(expected)}")


FILL = ("INSERT INTO stock SELECT i, p, 100 FROM generate_series(1, 20) i, generate_series(1, 3) p",)


async def close_code(socket, timeout=20):
    """What the server closes with; messages before are left out."""
    async with asyncio.timeout(timeout):
        try:
            while True:
                await socket.recv()
        except websockets.ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None


# ---- Mistakes ----

async def mistakes(onhand):
    """Each mistake is answered with the subscription it is about, and the connection lives."""
    with Shop(onhand) as shop:
        execute(shop, *FILL)
        async with Live(shop.live) as live:
            good = await live.subscribe("stocked", where={"item": "eq.1"})
            await live.until(lambda: good.told)
            for code, members in (
                    ("unknown_view", {"view": "nothing"}),
                    ("bad_filter", {"view": "stocked", "where": {"item": "eq.x"}}),
                    ("bad_filter", {"view": "stocked", "where": {"item": 1}}),
                    ("unknown_parameter", {"view": "stocked", "where": {"nothing": "eq.1"}}),
                    ("bad_parameter", {"view": "stocked", "select": "on_hand"}),
                    ("bad_parameter", {"view": "bare", "select": "units:on_hand"}),
                    ("bad_message", {"view": "stocked", "bigint": "text"}),
                    ("bad_message", {"view": "stocked", "other": 1}),
                    ("bad_message", {"view": 1}),
                    ("epoch_mismatch", {"view": "stocked", "min_position": "none:0/1"}),
                    ("position_not_reached", {"view": "stocked", "min_position": "FFFFFFFF/0"})):
                refused = await live.refusal(**members)
                assert refused["code"] == code and refused["id"] and refused["title"], (refused, members)
            # Positions that can't be read are another mistake than those that are not kept.
            refused = await live.refusal(view="stocked", after="yesterday")
            assert refused["code"] == "bad_position", refused
            for text in ('{"type":"subscribe"', "[]", "1", '{"type":"sing"}', '{"type":"subscribe","id":""}',
                         '{"type":"unsubscribe","id":"never"}', '{"type":"subscribe","id":"%s"}' % ("x" * 129), "",
                         '{"type":"ping","type":"ping"}' * 2, "[" * 60_000):
                before = len(live.errors)
                await live.socket.send(text)
                await live.until(lambda: len(live.errors) > before)
            await live.send(type="subscribe", id=good.id, view="stocked")
            before = len(live.errors)
            mirrors = dict(live.mirrors)
            await live.until(lambda: len(live.errors) > before)
            assert live.errors[-1]["code"] == "subscription_exists", live.errors[-1]
            live.mirrors = mirrors
            # Of 100,000 bytes, which is more than a message may have and less than what ends the connection.
            large = await live.refusal(view="stocked", where={"note": "eq." + "x" * 100_000})
            assert large["code"] == "message_too_large" and large["id"], large
            lsn = execute(shop, "UPDATE stock SET on_hand = 1 WHERE item = 1")
            await live.reach(lsn)
            equal(shop, good, "SELECT * FROM stocked WHERE item = 1")
            await live.unsubscribe(good)
            for _ in range(1_000):
                await live.subscribe("stocked", where={"item": "eq.2"})
            refused = await live.refusal(view="stocked")
            assert refused["code"] == "too_many_subscriptions", refused
            lsn = execute(shop, "UPDATE stock SET on_hand = 2 WHERE item = 2")
            await live.reach(lsn)
        async with Live(shop.live) as live:
            # Conditions of 60,000 bytes each: two subscriptions may have them, the third once another is gone.
            long = {"view": "stocked", "where": {"note": "eq." + "x" * 60_000}}
            several = [await live.subscribe(**long) for _ in range(2)]
            names = ",".join(f"{'x' * 600}{number}:on_hand" for number in range(60))
            for more in (long, {"view": "stocked", "select": f"item,place,{names}"}):
                refused = await live.refusal(**more)
                assert refused["code"] == "too_many_subscriptions", refused
            await live.unsubscribe(several[0])
            several[0] = await live.subscribe(**long)
            await live.until(lambda: all(mirror.told for mirror in several))
        events = {"headers": {"Accept": "text/event-stream"}, "params": {"min_position": "none:0/1"}}
        answer = httpx.get(f"{shop.address}/v1/views/stocked/changes", **events)
        assert answer.status_code == 409, answer.text
        # Rows that show something twice could not be told apart by what is deleted.
        answer = httpx.get(f"{shop.address}/v1/views/bare/changes",
                           params={"after": good.position, "select": "*,twice:on_hand"})
        assert (answer.status_code, answer.json()["parameter"]) == (400, "select"), answer.text
        # Nothing older than `after`, whatever else is asked for.
        ahead = f"{good.position.split(':')[0]}:FFFF/0"
        answer = httpx.get(f"{shop.address}/v1/views/stocked/changes",
                           params={"after": ahead, "min_position": good.position, "wait": "100ms"})
        assert answer.status_code == 504, answer.text
        # A weight of nought is a refusal.
        answer = httpx.get(f"{shop.address}/v1/views/stocked/changes", params={"after": good.position},
                           headers={"Accept": "text/event-stream;q=0, application/json"})
        assert "changes" in answer.json(), answer.text
        for message, code in ((b"binary", 1003), ("x" * (1 << 20) + "x", 1009)):
            async with connect(shop.live, subprotocols=["onhand.v1"]) as socket:
                await socket.send(message)
                assert await close_code(socket) == code, code


async def endings(onhand):
    """Subscriptions that end while they wait leave nothing that could be told, or end the server."""
    with Shop(onhand) as shop:
        execute(shop, *FILL)
        high, low = divmod(execute(shop) + (1 << 20), 1 << 32)
        future = f"{high:X}/{low:X}"
        async with Live(shop.live) as stays:
            left = await stays.subscribe("stocked", min_position=future)
            await stays.unsubscribe(left)
            async with Live(shop.live) as vanishes:
                await vanishes.subscribe("stocked", min_position=future)
                await stays.send(type="ping")
                await stays.step()
                vanishes.vanish()
            # The position that they waited for comes.
            execute(shop, "INSERT INTO stock SELECT i, 9, 1, 0, repeat('n', 900) FROM generate_series(1, 2000) i")
            follows = await stays.subscribe("stocked", min_position=future)
            async with asyncio.timeout(20):
                while not follows.told:
                    message = await stays.step()
                    assert message.get("id") != left.id or message["type"] == "unsubscribed", message["type"]


# ---- Access ----

CALLERS = [
    {"name": "shop", "token_sha256": digest("shop-token"), "may": ["read"], "views": ["stocked"]},
    {"name": "erp", "token_sha256": digest("erp-token"), "may": ["read"]},
    {"name": "ops", "token_sha256": digest("ops-token"), "may": ["admin"]},
]


async def access(onhand):
    with Shop(onhand, callers=CALLERS) as shop:
        execute(shop, *FILL)
        async with Live(shop.live, token="shop-token") as live:
            mirror = await live.subscribe("stocked")
            await live.until(lambda: mirror.told)
            assert (await live.refusal(view="low"))["code"] == "forbidden"
        async with Live(shop.live, additional_headers={"Authorization": "Bearer erp-token"}) as live:
            mirror = await live.subscribe("low")
            await live.until(lambda: mirror.told)
        async with Live(shop.live, token="ops-token") as live:
            assert (await live.refusal(view="low"))["code"] == "forbidden"
        # A token may be told on the connection, before anything else.
        async with Live(shop.live) as live:
            assert (await live.refusal(view="stocked"))["code"] == "token_missing"
            await live.send(type="authenticate", token="erp-token")
            mirror = await live.subscribe("stocked")
            await live.until(lambda: mirror.told)
        async with connect(shop.live, subprotocols=["onhand.v1"]) as socket:
            await socket.send('{"type":"authenticate","token":"wrong"}')
            assert await close_code(socket) == 4401
        began = time.monotonic()
        async with connect(shop.live, subprotocols=["onhand.v1"]) as socket:
            await socket.send('{"type":"ping"}')
            assert await close_code(socket) == 4401
            assert time.monotonic() - began >= 4.5
        for options in ({"subprotocols": ["onhand.v1", bearer("wrong")]},
                        {"additional_headers": {"Authorization": "Bearer wrong"}},
                        {"origin": "https://elsewhere.example"}):
            try:
                async with connect(shop.live, **{"subprotocols": ["onhand.v1"], **options}):
                    raise AssertionError(f"let in: {options}")
            except websockets.InvalidStatus as refused:
                assert refused.response.status_code in (401, 403), refused
        async with Live(shop.live, token="erp-token", origin=f"http://127.0.0.1:{shop.port}"):
            pass
        answer = httpx.get(f"{shop.address}/v1/views/stocked/changes", headers={"Accept": "text/event-stream"})
        assert answer.status_code == 401, answer.text


async def visitors(onhand):
    """What is above the cap is shown as the cap, and that it changes there is not told at all."""
    public = {"views": [{"name": "stocked", "quantities": ["on_hand"]}, "bare"], "cap": 50}
    with Shop(onhand, callers=CALLERS, public=public) as shop:
        filled = execute(shop, *FILL, "INSERT INTO stock VALUES (30, 1, 20)")
        async with Live(shop.live) as live, Live(shop.live, token="erp-token") as sees:
            capped = await live.subscribe("stocked", where={"item": "in.(1,30)"}, select="item,place,on_hand")
            filtered = await live.subscribe("stocked", where={"on_hand": "gte.50"}, select="item,place,on_hand")
            beyond = await live.subscribe("stocked", where={"on_hand": "gt.50"})
            full = await sees.subscribe("stocked", where={"item": "in.(1,30)"})
            await live.reach(filled)
            await sees.reach(filled)
            assert capped.rows[(1, 1)]["on_hand"] == 50 and not beyond.rows
            assert full.rows[(1, 1)]["on_hand"] == 100
            for code in [(await live.refusal(view=view))["code"] for view in ("bare", "totals")]:
                assert code in ("forbidden", "token_missing"), code
            steps = capped.steps
            lsn = execute(shop, "UPDATE stock SET on_hand = on_hand + 7 WHERE item = 1")
            await live.reach(lsn)
            await sees.reach(lsn)
            assert capped.steps == steps, "a change above the cap was told"
            assert full.rows[(1, 1)]["on_hand"] == 107
            lsn = execute(shop, "UPDATE stock SET on_hand = 49 WHERE item = 1 AND place = 1",
                          "UPDATE stock SET on_hand = 51 WHERE item = 30")
            await live.reach(lsn)
            assert capped.rows[(1, 1)]["on_hand"] == 49 and capped.rows[(30, 1)]["on_hand"] == 50
            assert (1, 1) not in filtered.rows and filtered.rows[(30, 1)]["on_hand"] == 50
            assert not beyond.rows
            # Resumed from before, it is no change either.
            again = Mirror("resumed")
            again.remember({"rows": dict(capped.rows), "copies": dict(capped.copies), "failed": {},
                            "position": capped.position, "key": capped.key, "versions": {}})
        lsn = execute(shop, "UPDATE stock SET on_hand = on_hand + 1 WHERE on_hand > 51")
        seen = []
        async with Live(shop.live) as live:
            await live.subscribe("stocked", again, where={"item": "in.(1,30)"}, select="item,place,on_hand")
            while number(again.told or "x:0/0") < lsn:
                seen += (await live.step()).get("changes", [])
        assert not seen, seen


# ---- Views and rows ----

async def rows_and_views(onhand):
    """Keys that change, rows that repeat, fail and are mended, tables that are emptied, views that are redefined and dropped."""
    schema = """
        CREATE TABLE parts (id int PRIMARY KEY, whole int, part int NOT NULL, label text);
        INSERT INTO parts SELECT i, 10, 2, 'l' FROM generate_series(1, 5) i;
        CREATE VIEW shares AS SELECT id, whole / part AS share, label FROM parts;
        CREATE VIEW big AS SELECT id + 9007199254740992::bigint AS id, whole FROM parts;
        CREATE VIEW grouped AS SELECT whole / part AS share, count(*) AS n FROM parts GROUP BY whole / part;
        CREATE VIEW lone AS SELECT whole / part AS share FROM parts;
        CREATE TYPE mood AS ENUM ('a', 'b', 'c');
        CREATE TABLE moods (id int PRIMARY KEY, mood mood NOT NULL);
        INSERT INTO moods VALUES (1, 'a'), (2, 'b'), (3, 'c');
        CREATE VIEW moody AS SELECT id, mood FROM moods;
        """
    with Shop(onhand, schema=schema, views=["shares", "grouped", "lone", "moody", {"name": "big", "key": ["id"]}]) as shop:
        execute(shop, *FILL)
        async with Live(shop.live) as live:
            stocked = await live.subscribe("stocked")
            bare = await live.subscribe("bare")
            shares = await live.subscribe("shares")
            big = await live.subscribe("big", bigint="string")
            queries = {"SELECT * FROM stocked": stocked, "SELECT * FROM bare": bare, "SELECT * FROM shares": shares,
                       "SELECT id::text, whole FROM big": big}

            async def follow(*statements):
                await live.reach(execute(shop, *statements))
                for query, mirror in queries.items():
                    if not mirror.failed:
                        equal(shop, mirror, query)

            await follow()
            # A key changes, is taken over by another row in one transaction, and swapped.
            await follow("UPDATE stock SET place = 7 WHERE item = 1 AND place = 1")
            await follow("BEGIN; DELETE FROM stock WHERE item = 2 AND place = 2; "
                         "UPDATE stock SET place = 2, on_hand = 3 WHERE item = 2 AND place = 1; COMMIT")
            await follow("BEGIN; UPDATE stock SET place = 99 WHERE item = 3 AND place = 1; "
                         "UPDATE stock SET place = 1, on_hand = 4 WHERE item = 3 AND place = 2; "
                         "UPDATE stock SET place = 2, on_hand = 5 WHERE item = 3 AND place = 99; COMMIT")
            assert bare.copies[(100,)] > 1
            await follow("UPDATE stock SET on_hand = 6 WHERE item = 1 AND place = 2")
            await follow("DELETE FROM stock WHERE item <= 5 AND on_hand = 100 AND place = 3")
            await follow("UPDATE parts SET whole = 11 WHERE id = 1", "DELETE FROM parts WHERE id = 2")
            wide = await live.subscribe("shares", where={"share": "gt.1"})
            fives = await live.subscribe("shares", where={"share": "eq.5"})
            others = await live.subscribe("shares", where={"share": "eq.5", "id": "neq.3"})
            # Not even NULL lets it pass.
            nobody = await live.subscribe("shares", where={"share": "eq.5", "label": "eq.l"})
            # What fails in a key is told from NULL.
            keyed = [await live.subscribe(view) for view in ("grouped", "lone")]
            # A division by zero, told, resumed over, and mended.
            await follow("INSERT INTO parts (id, whole, part) VALUES (7, NULL, 1)",
                         "UPDATE parts SET part = 0, label = NULL WHERE id = 3")
            assert "division by zero" in shares.failed[(3,)] and (3,) not in shares.rows, shares.failed
            fresh = await live.subscribe("shares")
            await live.until(lambda: fresh.told)
            assert fresh.failed == shares.failed and fresh.rows == shares.rows
            await live.unsubscribe(fresh)
            # Nobody knows whether it passes, unless another condition drops it; so in a snapshot as in changes, and in reads.
            fresh = [await live.subscribe("shares", where={"share": value}) for value in ("gt.1", "eq.5")]
            await live.until(lambda: all(mirror.told for mirror in fresh))
            for mirror in (wide, fives, *fresh):
                assert mirror.failed == shares.failed and (3,) not in mirror.rows, mirror.failed
            assert not others.failed and len(others.rows) == 3, others.rows
            assert not nobody.failed and len(nobody.rows) == 3, nobody.rows
            keyed += [await live.subscribe(view) for view in ("grouped", "lone")]
            await live.until(lambda: all(mirror.told for mirror in keyed))
            for mirror in keyed:
                assert len(mirror.failed) == 1 and len(mirror.rows) == 2, mirror.rows
            refused = httpx.get(f"{shop.address}/v1/views/shares/rows", params={"share": "eq.5"})
            assert (refused.status_code, refused.json()["code"]) == (503, "row_failed"), refused.text
            read = httpx.get(f"{shop.address}/v1/views/shares/rows", params={"share": "eq.5", "id": "neq.3"})
            assert len(read.json()["rows"]) == 3, read.text
            await follow("UPDATE parts SET part = 5 WHERE id = 3")
            assert not any(mirror.failed for mirror in (shares, wide, fives, nobody, *keyed, *fresh))
            for mirror, view in zip(keyed, ("grouped", "lone", "grouped", "lone")):
                equal(shop, mirror, f"SELECT * FROM {view}")
            equal(shop, wide, "SELECT * FROM shares WHERE share > 1")
            equal(shop, fives, "SELECT * FROM shares WHERE share = 5")
            for mirror in (wide, fives, others, nobody, *keyed, *fresh):
                await live.unsubscribe(mirror)
            # Keys that fail fill frames as rows do: 200 kB of them.
            await follow("INSERT INTO parts SELECT i, 10, 0 FROM generate_series(1001, 6000) i")
            fresh = await live.subscribe("shares")
            await live.until(lambda: fresh.told)
            assert fresh.failed == shares.failed and len(fresh.failed) == 5_000 and live.characters < 100_000
            await live.unsubscribe(fresh)
            await follow("DELETE FROM parts WHERE part = 0")
            assert not shares.failed
            await follow("TRUNCATE stock")
            assert not stocked.rows and not bare.rows
            await follow(*FILL)
            assert not any(mirror.resyncs for mirror in queries.values())
            await many_rows(shop, live, stocked)
            await views(shop, live, shares)
        await labels(shop)


async def many_rows(shop, live, stocked):
    """100,000 rows in one transaction arrive whole: in frames that wait for the last one, or as a snapshot that says why."""
    stocked.check = lambda mirror: mirror.expect(
        len(mirror.rows) in (60, 100_060), f"{len(mirror.rows)} rows shown of one transaction")
    lsn = execute(shop, "INSERT INTO stock SELECT i, 1, 1 FROM generate_series(1001, 101000) i")
    await live.reach(lsn, timeout=60)
    stocked.expect(len(stocked.rows) == 100_060, "not all rows")
    stocked.expect(set(stocked.resyncs) <= {"too_many_changes"}, f"{stocked.resyncs}")
    # Who asks for them without what tells them apart has one row, and is told how often it is there.
    await live.reach(execute(shop, "UPDATE stock SET item = 5, place = item WHERE item BETWEEN 1001 AND 11000"), timeout=60)
    crowd = await live.subscribe("bare")
    few = await live.subscribe("bare", where={"on_hand": "eq.1"})
    await live.until(lambda: crowd.told and few.told)
    equal(shop, crowd, "SELECT * FROM bare")
    crowd.expect(crowd.copies[(1,)] == 10_000 and crowd.written < 1_000, f"{crowd.written} rows written")
    few.expect(few.copies == {(1,): 10_000} and few.written == 0, f"{few.copies}, {few.written} rows written")
    await live.reach(execute(shop, "UPDATE stock SET item = place, place = 1 WHERE item = 5 AND place > 1000"), timeout=60)
    few.expect(not few.rows, f"{few.rows}")
    await live.unsubscribe(crowd)
    await live.unsubscribe(few)
    # Rows so long that the transaction is more than is kept of one.
    stocked.check = None
    before = len(stocked.resyncs)
    lsn = execute(shop, "UPDATE stock SET note = repeat('n', 300) WHERE item > 1000")
    await live.reach(lsn, timeout=60)
    equal(shop, stocked, "SELECT * FROM stocked")
    stocked.expect(stocked.resyncs[before:] == ["too_many_changes"], f"{stocked.resyncs}")
    await live.reach(execute(shop, "DELETE FROM stock WHERE item > 1000"), timeout=60)
    equal(shop, stocked, "SELECT * FROM stocked")


async def labels(shop):
    """A filter on an enum means the labels that there are, for who has followed and for who comes."""
    async with Live(shop.live) as live:
        wheres = {"gte.b": "mood >= 'b'", "lt.c": "mood < 'c'"}
        mirrors = [(await live.subscribe("moody", where={"mood": where}), where) for where in wheres]
        for statement in ("ALTER TYPE mood ADD VALUE 'd' AFTER 'c'", "INSERT INTO moods VALUES (4, 'd')",
                          "ALTER TYPE mood RENAME VALUE 'a' TO 'z'", "UPDATE moods SET id = 5 WHERE id = 2"):
            await live.reach(execute(shop, statement))
            # The catalog may be looked at after what it changed for.
            async with asyncio.timeout(30):
                while any(mirror.sorted_rows() != rows(shop, f"SELECT * FROM moody WHERE {wheres[where]}")
                          for mirror, where in mirrors):
                    await live.step()
            if "INSERT" in statement:
                mirrors += [(await live.subscribe("moody", where={"mood": where}), where) for where in wheres]


async def views(shop, live, shares):
    """A view that is another one now is told anew; one that is gone ends its subscriptions by name."""
    before = len(shares.resyncs)
    execute(shop, "BEGIN; DROP VIEW shares; CREATE VIEW shares AS SELECT id, whole * 2 AS doubled FROM parts; COMMIT")
    async with asyncio.timeout(60):
        while len(shares.resyncs) == before or not shares.told:
            await live.step()
    assert shares.resyncs[before] == "view_changed", shares.resyncs
    await live.reach(execute(shop, "UPDATE parts SET whole = 12 WHERE id = 1"))
    equal(shop, shares, "SELECT * FROM shares")
    errors = len(live.errors)
    execute(shop, "DROP VIEW shares")
    async with asyncio.timeout(60):
        while len(live.errors) == errors:
            await live.step()
    assert live.errors[-1]["id"] == shares.id and live.errors[-1]["code"] == "view_degraded", live.errors
    refused = await live.refusal(view="shares", after=shares.position)
    assert refused["code"] == "view_degraded", refused
    # A browser comes back when a stream ends, and never after a status.
    stream = httpx.get(f"{shop.address}/v1/views/shares/changes", headers={"Accept": "text/event-stream"})
    assert stream.status_code == 200 and "retry: " in stream.text, stream.text
    assert stream.text.split("\n\n")[-2].startswith('event: error\ndata: {"code":"view_degraded"'), stream.text
    # The others go on, and what is made again can be followed again.
    await live.reach(execute(shop, "UPDATE stock SET on_hand = 8 WHERE item = 8"))
    execute(shop, "CREATE VIEW shares AS SELECT id, whole * 3 AS tripled FROM parts")
    async with asyncio.timeout(60):
        again = await live.subscribe("shares")
        while not again.told:
            await live.step()
            if again.id not in live.mirrors:
                again = await live.subscribe("shares")
    equal(shop, again, "SELECT * FROM shares")


async def look_alikes(onhand):
    """Conditions, ids and columns that look the same are told apart, whoever asked first."""
    composed, decomposed = "\u00e9", "e\u0301"
    notes = ["x", "x&place=eq.1", composed, decomposed]
    wheres = [{"note": "eq.x", "place": "eq.1"}, {"note": "eq.x&place=eq.1"},
              {"note": f"eq.{composed}"}, {"note": f"eq.{decomposed}"}]
    # Either view shows the places under one name and the units under the other.
    schema = "".join(
        f"""CREATE VIEW "{view}" AS SELECT item, place AS "{place}", on_hand AS "{units}" FROM stock;"""
        for view, place, units in ((composed, composed, decomposed), (decomposed, decomposed, composed)))
    with Shop(onhand, schema=schema, views=[composed, decomposed]) as shop:
        for item, note in enumerate(notes):
            execute(shop, f"INSERT INTO stock (item, place, on_hand, note) VALUES ({item}, 1, 1, '{note}')")
        async with contextlib.AsyncExitStack() as stack:
            for order in (wheres, wheres[::-1]):
                # Workers share what is alike among their connections.
                lives = [await stack.enter_async_context(Live(shop.live)) for _ in range(4)]
                mirrors = [(await live.subscribe("stocked", where=where), wheres.index(where))
                           for where in order for live in lives]
                lsn = execute(shop, "UPDATE stock SET on_hand = on_hand + 1")
                for live in lives:
                    await live.reach(lsn)
                for mirror, item in mirrors:
                    assert [key[0] for key in mirror.rows] == [item], (item, mirror.rows)
            live = await stack.enter_async_context(Live(shop.live))
            named = [await live.subscribe("stocked", select=f"item,place,{name}:on_hand", where={"item": "eq.0"})
                     for name in (composed, decomposed)]
            lsn = execute(shop, "UPDATE stock SET on_hand = 9")
            await live.reach(lsn)
            for mirror, name in zip(named, (composed, decomposed)):
                assert mirror.rows[(0, 1)][name] == 9, mirror.rows
            for view, units in ((composed, decomposed), (decomposed, composed)):
                wanted = {view: "eq.1", units: "eq.9"}
                mirror = await live.subscribe(view, where=wanted, select=f"item,{view},{units}")
                await live.until(lambda: mirror.told)
                assert len(mirror.rows) == len(notes), mirror.rows
                answer = httpx.get(f"{shop.address}/v1/views/{view}/rows", params={**wanted, "order": f"{units}.desc"})
                shown = answer.json()["rows"]
                assert [(row[view], row[units]) for row in shown] == [(1, 9)] * len(notes), answer.text
            for name in (composed, decomposed):
                await live.send(type="subscribe", id=name, view="stocked")
                while (message := await live.step()).get("id") != name:
                    pass
                assert message["type"] == "snapshot", message


async def same_ids(onhand):
    """Subscriptions of one id share frames, while the position moves on without a step between one and the next."""
    # A heartbeat would tell all of them the same position.
    settings = {"workers": 1, "limits": {"heartbeat_time": "60s"}}
    with Shop(onhand, schema="CREATE TABLE elsewhere (x int);", **settings) as shop:
        execute(shop, *FILL)
        elsewhere = shop.connect()

        def write_elsewhere():
            with contextlib.suppress(psycopg.errors.QueryCanceled):
                elsewhere.execute("DO $$ BEGIN LOOP INSERT INTO elsewhere VALUES (1); COMMIT; "
                                  "PERFORM pg_sleep(0.0003); END LOOP; END $$")

        async with contextlib.AsyncExitStack() as stack:
            lives = [await stack.enter_async_context(Live(shop.live)) for _ in range(200)]
            mirrors = []
            for live in lives:
                live.ids = itertools.count(1)
                mirrors.append(await live.subscribe("stocked"))
            writing = asyncio.create_task(asyncio.to_thread(write_elsewhere))
            try:
                for units in range(40):
                    execute(shop, f"UPDATE stock SET on_hand = {units} WHERE item = 1 AND place = 1")
                    await asyncio.gather(*(
                        live.until(lambda mirror=mirror: mirror.rows.get((1, 1), {}).get("on_hand") == units)
                        for live, mirror in zip(lives, mirrors)))
            finally:
                elsewhere.cancel()
                await writing
                elsewhere.close()


async def database_away(onhand):
    """While the database can't be reached, heartbeats say so; afterwards nothing is missing."""
    with Shop(onhand) as shop:
        execute(shop, *FILL)
        async with Live(shop.live) as live:
            mirror = await live.subscribe("stocked")
            await live.until(lambda: mirror.told)
            shop.cluster.stop()
            await live.until(lambda: live.heartbeats and live.heartbeats[-1].get("stale"))
            async with Live(shop.live) as late, EventStream(shop.port, "stocked", Mirror("stream")) as stream:
                # Before any rows that would pass for right.
                await late.subscribe("stocked")
                assert (first := await late.step()).get("stale"), first
                assert "retry" in await stream.step()
                assert (event := await stream.step()).get("event") == "heartbeat", event
                assert json.loads(event["data"])["stale"], event
            shop.cluster.restart()
            lsn = execute(shop, "UPDATE stock SET on_hand = 3 WHERE item = 1")
            await live.reach(lsn, timeout=60)
            live.heartbeats.clear()
            await live.until(lambda: live.heartbeats)
            assert "stale" not in live.heartbeats[-1], live.heartbeats[-1]
            equal(shop, mirror, "SELECT * FROM stocked")


async def resume_beside_deletes(onhand):
    """Who comes back to more changes than one capture holds, and reads on after the newest rows are gone, misses nothing."""
    with Shop(onhand) as shop:
        execute(shop, *FILL)
        async with Live(shop.live) as live:
            mirror = await live.subscribe("stocked")
            await live.until(lambda: mirror.told)
        for first in range(1_001, 40_000, 10_000):
            lsn = execute(shop, "INSERT INTO stock (item, place, on_hand, note) SELECT i, 1, 1, repeat('n', 1000) "
                          f"FROM generate_series({first}, {first + 9_999}) i")
        async with Live(shop.live) as live:
            await live.subscribe("totals")
            await live.reach(lsn)
        async with Live(shop.live, **await narrow(shop.port)) as live:
            await live.subscribe("stocked", mirror)
            # The rest is captured while the client reads.
            for _ in range(3):
                await live.step()
            await live.reach(execute(shop, "DELETE FROM stock WHERE item > 36000"), timeout=60)
            assert not mirror.resyncs, mirror.resyncs
            equal(shop, mirror, "SELECT * FROM stocked")


async def pages(onhand):
    """A page goes through 10,000 steps and no more, whosever rows they changed, and says that there are others."""
    with Shop(onhand) as shop:
        async with httpx.AsyncClient(base_url=shop.address, timeout=60) as client:
            async def page(**asked):
                return (await client.get("/v1/views/stocked/changes", params=asked)).json()

            epoch = (await page())["position"].partition(":")[0]

            async def reach(lsn):
                return (await page(min_position=f"{epoch}:{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}", wait="30s"))["position"]

            start = await reach(execute(shop, *FILL))
            # Of another item, each a step of its own.
            execute(shop, """DO $$ BEGIN
                FOR step IN 1..12000 LOOP
                  UPDATE stock SET version = step WHERE item = 2 AND place = 1;
                  COMMIT;
                END LOOP; END $$""")
            await reach(execute(shop, "UPDATE stock SET on_hand = 1 WHERE item = 1"))
            first = await page(after=start, item="eq.1")
            assert first["more"] and not first["changes"], first
            second = await page(after=first["position"], item="eq.1")
            assert not second["more"] and len(second["changes"]) == 3, second


async def drain(onhand):
    """A server that stops closes with 1012, not all at once."""
    with Shop(onhand) as shop:
        execute(shop, *FILL)
        lives = [await Live(shop.live).__aenter__() for _ in range(100)]
        mirrors = [await live.subscribe("stocked", where={"item": "eq.1"}) for live in lives]
        for live, mirror in zip(lives, mirrors):
            await live.until(lambda: mirror.told)
        stream = await EventStream(shop.port, "stocked", Mirror("stream")).__aenter__()
        await stream.step()

        async def moment(live):
            assert await close_code(live.socket) == 1012
            return time.monotonic()

        async def ended():
            try:
                while True:
                    await stream.step()
            except (ConnectionError, asyncio.IncompleteReadError):
                return time.monotonic()

        stopping = asyncio.create_task(asyncio.to_thread(shop.service.stop))
        moments = sorted(await asyncio.gather(ended(), *map(moment, lives)))
        await stopping
        spread = moments[-1] - moments[0]
        quarters = {int(4 * (at - moments[0]) / (spread or 1)) for at in moments}
        assert spread > 1 and len(quarters) >= 4, f"all closed in {spread:.2f} s"
        return f"over {spread:.1f} s"


CHECKS = {"mistakes": mistakes, "endings": endings, "access": access, "visitors": visitors,
          "rows-and-views": rows_and_views, "look-alikes": look_alikes, "same-ids": same_ids,
          "database-away": database_away,
          "resume-beside-deletes": resume_beside_deletes, "pages": pages, "drain": drain}
