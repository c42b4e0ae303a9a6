"""onhand.js beside a server that says what no healthy one does, line by line as a check wants it."""

import asyncio
import contextlib
import json
import time

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

WHOLE = {"type": "snapshot", "position": "e:0/10", "key": ["item"], "rows": [{"item": 1, "on_hand": 5}]}


class Unruly:
    """Each connection has the next script, and the last one's connections that one."""

    def __init__(self, *scripts):
        self.scripts = scripts
        self.opened = []

    async def __aenter__(self):
        self.server = await serve(self.talk, "127.0.0.1", 0, subprotocols=["onhand.v1"])
        self.address = "http://127.0.0.1:{}".format(self.server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_):
        self.server.close()
        # A script may wait for what a check that has failed will not say any more.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await self.server.wait_closed()

    async def talk(self, socket):
        self.opened.append(time.monotonic())
        script = self.scripts[min(len(self.opened), len(self.scripts)) - 1]
        with contextlib.suppress(ConnectionClosed):
            await script(Peer(socket))
            await socket.wait_closed()

    async def has_opened(self, count, timeout=60):
        async with asyncio.timeout(timeout):
            while len(self.opened) < count:
                await asyncio.sleep(0.02)


class Peer:
    def __init__(self, socket):
        self.socket = socket

    async def asked(self):
        """The next subscription that is asked for."""
        while True:
            message = json.loads(await self.socket.recv())
            if message["type"] == "subscribe":
                return message

    async def tell(self, asked, **frame):
        await self.socket.send(json.dumps({"id": asked["id"], **frame}))

    async def end(self, code):
        await self.socket.close(code)

    def cut(self):
        self.socket.transport.abort()


class Watched:
    """A subscription in a host."""

    def __init__(self, host, name):
        self.host, self.name = host, name

    async def begin(self, address, options="{}"):
        await self.host.call("globalThis.unitsOfItem = 5")
        await self.host.call(f"open('{self.name}', '{address}', {options})")
        await self.host.call(f"follow('{self.name}', 'all', 'stocked')")

    async def is_seen(self, condition, timeout=30):
        async with asyncio.timeout(timeout):
            while not condition(seen := await self.host.call(f"look('{self.name}', 'all')")):
                await asyncio.sleep(0.02)
        return seen

    async def shut(self):
        await self.host.call(f"shut('{self.name}')")


async def pauses(host):
    """Who is told to come back later, or cut off, again and again, comes less and less often."""
    async def full(peer):
        await peer.tell(await peer.asked(), **WHOLE)
        await peer.end(1013)

    async def dies(peer):
        await peer.tell(await peer.asked(), **WHOLE)
        peer.cut()

    for script in (full, dies):
        async with Unruly(script) as server:
            watched = Watched(host, "pauses")
            await watched.begin(server.address)
            await server.has_opened(5)
            # 0.25 to 0.5 s the first time, 2 to 4 s the fourth.
            last = server.opened[4] - server.opened[3]
            assert last > 1.9, f"{script.__name__}: {last:.2f} s"
            await watched.shut()


async def speechless(host):
    """A token that never comes is asked for again."""
    async with Unruly(lambda peer: peer.asked()) as server:
        watched = Watched(host, "speechless")
        await host.call("globalThis.tokensAsked = 0")
        await watched.begin(server.address, """{heartbeat: 200, token: () => {
            tokensAsked += 1;
            return tokensAsked < 3 ? new Promise(() => {}) : "token";
        }}""")
        await server.has_opened(1)
        assert await host.call("tokensAsked") >= 3
        await watched.shut()


async def resumes(host):
    """Rows from before a connection was lost are stale until what was missed has come, whatever is said in between."""
    async def whole(peer):
        await peer.tell(await peer.asked(), **WHOLE)
        await proceed.wait()
        await peer.end(1012)

    async def reads(peer):
        asked = await peer.asked()
        await peer.tell(asked, type="resumed", position=asked["after"], key=["item"])
        for _ in range(3):
            await peer.tell({"id": ""}, type="heartbeat", lag_ms=5)
        await heard.wait()
        await peer.tell(asked, type="changes", position="e:0/20", previous="e:0/10", changes=[])

    proceed, heard = asyncio.Event(), asyncio.Event()
    async with Unruly(whole, reads) as server:
        watched = Watched(host, "resumes")
        await watched.begin(server.address)
        await watched.is_seen(lambda seen: not seen["stale"])
        proceed.set()
        await server.has_opened(2)
        # Time for the heartbeats to be taken.
        await asyncio.sleep(0.5)
        seen = await watched.is_seen(lambda seen: True)
        assert seen["stale"] and seen["log"]["stale"] == [False, True], seen
        heard.set()
        await watched.is_seen(lambda seen: not seen["stale"] and seen["position"] == "e:0/20")
        await watched.shut()


async def degraded(host):
    """Rows that can't be trusted are stale at once; an end during the pause reaches who waits, and is final."""
    async def distrusts(peer):
        asked = await peer.asked()
        await peer.tell(asked, **WHOLE)
        await proceed.wait()
        await peer.tell(asked, type="error", code="view_degraded", title="degraded", detail="a fault")
        await end.wait()
        await peer.end(4401)

    proceed, end = asyncio.Event(), asyncio.Event()
    async with Unruly(distrusts) as server:
        watched = Watched(host, "degraded")
        await watched.begin(server.address)
        await watched.is_seen(lambda seen: seen["rows"] and not seen["stale"])
        proceed.set()
        await watched.is_seen(lambda seen: seen["stale"])
        end.set()
        seen = await watched.is_seen(lambda seen: seen["log"]["error"])
        assert seen["log"]["error"] == {"code": "closed", "closeCode": 4401}, seen
        await host.call("globalThis.dispatchEvent?.(new Event('online'))")
        await asyncio.sleep(1.5)
        assert len(server.opened) == 1, "it came back"


async def resynced(host):
    """A server that can't follow the database is believed; rows that are to be replaced are stale until they are."""
    async def whole(peer):
        await peer.tell(await peer.asked(), **WHOLE)
        await proceed.wait()
        await peer.end(1012)

    async def behind(peer):
        await peer.tell({"id": ""}, type="heartbeat", stale=True, lag_ms=5)
        asked = await peer.asked()
        assert asked["after"] == WHOLE["position"], asked
        await peer.tell(asked, type="resumed", position=asked["after"], key=["item"])
        await peer.tell(asked, type="changes", position="e:0/20", previous="e:0/10", changes=[])
        await heals.wait()
        await peer.tell({"id": ""}, type="heartbeat", position="e:0/20", lag_ms=5)
        await loses.wait()
        await peer.tell(asked, type="resynced", reason="too_many_changes")
        await replaces.wait()
        await peer.tell(asked, **{**WHOLE, "position": "e:0/30"})

    proceed, heals, loses, replaces = (asyncio.Event() for _ in range(4))
    async with Unruly(whole, behind) as server:
        watched = Watched(host, "resynced")
        await watched.begin(server.address)
        await watched.is_seen(lambda seen: not seen["stale"])
        proceed.set()
        seen = await watched.is_seen(lambda seen: seen["position"] == "e:0/20")
        assert seen["stale"] and seen["log"]["stale"] == [False, True], seen
        heals.set()
        await watched.is_seen(lambda seen: not seen["stale"])
        loses.set()
        seen = await watched.is_seen(lambda seen: seen["stale"])
        assert seen["rows"], "shown until there are others"
        replaces.set()
        seen = await watched.is_seen(lambda seen: not seen["stale"])
        assert seen["log"]["resynced"] == ["too_many_changes"], seen
        await watched.shut()


async def uncounted(host):
    """A step that changes how often rows are there, or what failed, is told of as well."""
    proceed = asyncio.Event()

    async def tells(peer):
        asked = await peer.asked()
        await peer.tell(asked, **{**WHOLE, "key": []})
        await proceed.wait()
        again = {"op": "upsert", "row": WHOLE["rows"][0], "copies": 3}
        await peer.tell(asked, type="changes", position="e:0/20", previous="e:0/10", changes=[again])
        failed = {"op": "delete", "key": {"item": 7, "on_hand": None}, "error": "division by zero"}
        await peer.tell(asked, type="changes", position="e:0/30", previous="e:0/20", changes=[failed])
        await peer.tell(asked, type="changes", position="e:0/40", previous="e:0/30", changes=[])

    async with Unruly(tells) as server:
        watched = Watched(host, "uncounted")
        await watched.begin(server.address)
        await watched.is_seen(lambda seen: seen["log"]["changes"] == 1)
        proceed.set()
        seen = await watched.is_seen(lambda seen: seen["position"] == "e:0/40")
        assert (len(seen["rows"]), seen["log"]["changes"]) == (3, 3) and seen["failed"], seen
        await watched.shut()


async def impossible(host):
    """An address that no WebSocket can be made to is an error, not silence."""
    watched = Watched(host, "impossible")
    await watched.begin("http://127.0.0.1", "{WebSocket: class { constructor() { throw new Error('no'); } }}")
    seen = await watched.is_seen(lambda seen: seen["log"]["error"])
    assert seen["log"]["error"]["code"] == "closed", seen


async def check(host):
    for scenario in (pauses, speechless, degraded, resumes, resynced, uncounted, impossible):
        await scenario(host)
