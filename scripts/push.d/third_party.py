"""Clients that know nothing of Onhand: curl, httpx-sse, httpx, and a browser's WebSocket and EventSource."""

import asyncio
import json
import shutil

import httpx
import httpx_sse

from hosts import Missing, Page
from mirror import Mirror, number
from onhand_js import Writer, canonical
from proxy import Proxy
from shop import Shop, lsn_value


def at_end(mirror, writer, query):
    got, expected = canonical(mirror.rows.values()), canonical(writer.rows(query))
    assert got == expected, f"{len(got)} rows, {len(expected)} expected"


async def events_of_httpx(onhand, seed):
    """Follows, is cut off, and comes back with the last event's id."""
    with Shop(onhand) as shop:
        writer = Writer(shop, seed)
        async with Proxy(shop.port) as proxy:
            url = f"{proxy.address}/v1/views/stocked/changes"
            mirror, last, kinds = Mirror("httpx-sse"), None, []
            for _ in range(5):
                lsn = None
                headers = {"Last-Event-ID": last} if last else {}
                mirror.connection_begins()
                async with httpx.AsyncClient(timeout=30) as client, httpx_sse.aconnect_sse(
                        client, "GET", url, params={"item": "lte.20"}, headers=headers) as source:
                    assert source.response.headers["x-accel-buffering"] == "no"
                    assert source.response.headers["cache-control"] == "no-store"
                    try:
                        async for event in source.aiter_sse():
                            frame = json.loads(event.data) if event.data else {}
                            if event.event == "heartbeat":
                                if "position" in frame:
                                    mirror.heartbeat(frame["position"])
                            elif event.event != "message":
                                kinds.append(event.event)
                                mirror.take(event.event, frame)
                            last = event.id or last
                            if mirror.told and lsn is None:
                                await writer.moves(50)
                                lsn = lsn_value(writer.position())
                            elif lsn and number(mirror.told) >= lsn:
                                at_end(mirror, writer, "SELECT * FROM stocked WHERE item <= 20")
                                break
                    except httpx.HTTPError:
                        pass
                    proxy.cut()
                await writer.moves(20)
            assert kinds.count("snapshot") == 1 and kinds.count("resumed") == 4, kinds
            return f"{len(kinds)} events"


async def long_polls(onhand, seed):
    """Pages of changes, followed until the end while rows are written."""
    with Shop(onhand) as shop:
        writer = Writer(shop, seed)
        async with httpx.AsyncClient(base_url=shop.address, timeout=60) as client:
            lsn = writer.position()
            start = (await client.get("/v1/views/stocked/rows", params={"limit": 10000, "min_position": lsn})).json()
            rows = {(row["item"], row["place"]): row for row in start["rows"]}
            after, pages = start["position"], 0
            writing = asyncio.create_task(writer.moves(300))
            end = None
            while end is None or number(after) < end:
                answer = await client.get(
                    "/v1/views/stocked/changes", params={"after": after, "wait": "1s", "limit": 7})
                page = answer.json()
                assert answer.status_code == 200 and page["previous"] == after, page
                for change in page["changes"]:
                    if change["op"] == "upsert":
                        rows[(change["row"]["item"], change["row"]["place"])] = change["row"]
                    else:
                        rows.pop((change["key"]["item"], change["key"]["place"]), None)
                totals = {}
                for row in rows.values():
                    totals[row["item"]] = totals.get(row["item"], 0) + row["on_hand"]
                assert set(totals.values()) == {500}, "half a transaction"
                after = page["position"]
                pages += 1
                if writing.done() and end is None:
                    end = lsn_value(writer.position())
            assert canonical(rows.values()) == canonical(writer.rows("SELECT * FROM stocked"))
            await waits_for_nobody(client, after)
            gone = await client.get("/v1/views/stocked/changes", params={"after": "none:0/1"})
            assert gone.status_code == 410 and gone.json()["code"] == "position_gone", gone.text
            return f"{pages} pages"


async def waits_for_nobody(client, after):
    """A poll whose client has left is let go of, although nothing changes and its time is not over."""
    async def reach(count):
        async with asyncio.timeout(20):
            while f"onhand_push_polls {count}\n" not in (await client.get("/metrics")).text:
                await asyncio.sleep(0.05)

    poll = asyncio.create_task(
        client.get("/v1/views/stocked/changes", params={"after": after, "wait": "30s"}))
    await reach(1)
    poll.cancel()
    await reach(0)


async def curl(onhand, seed):
    """`curl -N`, read line by line."""
    program = shutil.which("curl")
    if not program:
        raise Missing("curl")
    with Shop(onhand) as shop:
        writer = Writer(shop, seed)
        process = await asyncio.create_subprocess_exec(
            program, "-sN", "-H", "Accept: text/event-stream",
            f"{shop.address}/v1/views/stocked/changes?item=eq.1", stdout=asyncio.subprocess.PIPE, limit=1 << 24)
        try:
            mirror, kind, lsn = Mirror("curl"), None, None
            async with asyncio.timeout(30):
                while lsn is None or not mirror.told or number(mirror.told) < lsn:
                    name, _, value = (await process.stdout.readline()).decode().rstrip("\n").partition(": ")
                    if name == "event":
                        kind = value
                    elif name == "data" and kind == "heartbeat":
                        frame = json.loads(value)
                        if "position" in frame:
                            mirror.heartbeat(frame["position"])
                    elif name == "data":
                        mirror.take(kind, json.loads(value))
                    if mirror.told and lsn is None:
                        await writer.moves(200)
                        lsn = lsn_value(writer.position())
            at_end(mirror, writer, "SELECT * FROM stocked WHERE item = 1")
        finally:
            process.kill()
            await process.wait()


EVENT_SOURCE = """(address) => {
  globalThis.seen = {kinds: [], rows: {}, ids: [], opens: 0};
  const source = new EventSource(`${address}/v1/views/stocked/changes?item=lte.20`);
  const put = (row) => { seen.rows[`${row.item},${row.place}`] = row; };
  source.onopen = () => { seen.opens += 1; };
  for (const kind of ['snapshot', 'resumed', 'resynced', 'changes', 'heartbeat']) {
    source.addEventListener(kind, (event) => {
      const frame = JSON.parse(event.data);
      if (kind !== 'heartbeat') seen.kinds.push(kind);
      if (kind === 'snapshot') { seen.rows = {}; frame.rows.forEach(put); }
      for (const change of frame.changes ?? []) {
        if (change.op === 'upsert') put(change.row);
        else delete seen.rows[`${change.key.item},${change.key.place}`];
      }
      if (frame.position) seen.position = frame.position;
    });
  }
}"""

WEB_SOCKET = """(address) => new Promise((resolve, reject) => {
  const socket = new WebSocket(address.replace('http', 'ws') + '/v1/live', ['onhand.v1']);
  socket.onopen = () => socket.send(JSON.stringify({type: 'subscribe', id: 'ä"', view: 'stocked', where: {item: 'eq.1'}}));
  socket.onmessage = (event) => {
    const frame = JSON.parse(event.data);
    if (frame.type === 'snapshot') { socket.close(); resolve([socket.protocol, socket.extensions, frame.id, frame.rows.length]); }
  };
  socket.onerror = reject;
})"""


async def browser(onhand, seed):
    """EventSource comes back by itself where it was; WebSocket agrees on compression."""
    with Shop(onhand) as shop:
        writer = Writer(shop, seed)
        async with Proxy(shop.port) as proxy, Page(proxy.address) as page:
            await page.page.evaluate(EVENT_SOURCE, proxy.address)
            seen = await reach(page, lsn_value(writer.position()))
            for _ in range(2):
                proxy.cut()
                await writer.moves(40)
                seen = await reach(page, lsn_value(writer.position()))
                assert canonical(seen["rows"].values()) == canonical(
                    writer.rows("SELECT * FROM stocked WHERE item <= 20"))
            assert seen["opens"] == 3 and seen["kinds"].count("snapshot") == 1, seen["kinds"]
            assert seen["kinds"].count("resumed") == 2, seen["kinds"]
            protocol, extensions, id, rows = await page.page.evaluate(WEB_SOCKET, proxy.address)
            assert (protocol, id, rows) == ("onhand.v1", 'ä"', len(writer.rows("SELECT * FROM stocked WHERE item = 1")))
            assert "permessage-deflate" in extensions, extensions


async def reach(page, lsn):
    async with asyncio.timeout(60):
        while True:
            seen = await page.page.evaluate("seen")
            if seen.get("position") and number(seen["position"]) >= lsn:
                return seen
            await asyncio.sleep(0.05)


async def board(onhand, seed):
    """The board shows changes as they come, keeps order by key, and is quiet about what is folded away."""
    with Shop(onhand) as shop:
        writer = Writer(shop, seed)
        async with Page(shop.address) as page:
            sent = []
            page.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(json.loads(frame))))
            await page.page.goto(shop.address)
            cells = "[...document.querySelectorAll('details')].find((d) => d.querySelector('h2').textContent === 'stocked')"
            lines = f"[...{cells}.querySelectorAll('tbody tr')].map((line) => [...line.children].map((cell) => cell.textContent))"
            await page.page.wait_for_function(f"{lines}.length === 200")
            before = await page.page.evaluate(lines)
            assert [tuple(map(int, line[:2])) for line in before] == sorted(
                tuple(map(int, line[:2])) for line in before), before[:5]
            writer.connection.execute("UPDATE stock SET on_hand = 424242 WHERE item = 7 AND place = 3")
            await page.page.wait_for_function(f"{lines}.some((line) => line.slice(0, 3).join() === '7,3,424242')")
            writer.connection.execute("DELETE FROM stock WHERE item = 1")
            await page.page.wait_for_function(f"{lines}.length === 195")
            asked = [message for message in sent if message["type"] == "subscribe"]
            assert {message["view"] for message in asked} == {f"public.{view}" for view in Shop.VIEWS}, asked
            await page.page.evaluate(f"{cells}.open = false")
            await page.page.wait_for_function("document.body.innerText.includes('live')")
            async with asyncio.timeout(20):
                while not any(message["type"] == "unsubscribe" for message in sent):
                    await asyncio.sleep(0.1)
            # Too many rows to be followed are asked for as before.
            await page.page.evaluate(f"{cells}.open = true")
            writer.connection.execute("INSERT INTO stock SELECT i, 1, 5 FROM generate_series(1001, 3000) i")
            await page.page.wait_for_function(f"{cells}.innerText.includes('The first 1,000 rows')")
            assert not page.errors, page.errors
