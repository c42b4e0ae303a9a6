"""A WebSocket of PyPI's `websockets`, and an event stream over bare asyncio, each keeping mirrors."""

import asyncio
import base64
import itertools
import json
import socket
import urllib.parse

from websockets.asyncio.client import connect

from mirror import Broken, Mirror, number


def bearer(token):
    return "bearer." + base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")


async def narrow(port):
    """Options for a socket with little room for what is sent on it, of which no more is taken than is asked for."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    return {"sock": connection, "max_queue": 1}


class Live:
    """One socket and the mirrors of its subscriptions, by id."""

    ids = itertools.count(1)

    def __init__(self, url, token=None, **options):
        self.url = url
        self.subprotocols = ["onhand.v1", *([bearer(token)] if token else [])]
        self.options = {"compression": None, "max_size": None, "ping_interval": None, **options}
        self.mirrors = {}
        self.errors = []
        self.heartbeats = []
        # Of the longest message.
        self.characters = 0

    async def __aenter__(self):
        self.socket = await connect(self.url, subprotocols=self.subprotocols, **self.options)
        assert self.socket.subprotocol == "onhand.v1"
        return self

    async def __aexit__(self, *_):
        await self.socket.close()

    async def send(self, **message):
        await self.socket.send(json.dumps(message))

    async def subscribe(self, view, mirror=None, **members):
        """Subscribes; with a mirror that knows a position, from there."""
        name = f"s{next(self.ids)}"
        if mirror is None:
            mirror = Mirror(f"{view} {members}")
        mirror.connection_begins()
        if mirror.position:
            members["after"] = mirror.position
        self.mirrors[name] = mirror
        mirror.id = name
        await self.send(type="subscribe", id=name, view=view, **members)
        return mirror

    async def unsubscribe(self, mirror):
        del self.mirrors[mirror.id]
        await self.send(type="unsubscribe", id=mirror.id)

    async def step(self, timeout=30):
        """Takes one message, and returns it."""
        async with asyncio.timeout(timeout):
            text = await self.socket.recv(decode=True)
        self.characters = max(self.characters, len(text))
        message = json.loads(text)
        kind = message["type"]
        if kind == "heartbeat":
            self.heartbeats.append(message)
            if "position" in message:
                for mirror in self.mirrors.values():
                    mirror.heartbeat(message["position"])
        elif kind == "error":
            self.errors.append(message)
            self.mirrors.pop(message.get("id"), None)
        elif message.get("id") in self.mirrors:
            self.mirrors[message["id"]].take(kind, message)
        return message

    async def until(self, condition, timeout=30):
        """Takes messages until `condition` holds."""
        async with asyncio.timeout(timeout):
            while not condition():
                await self.step(timeout)

    async def reach(self, lsn, timeout=30):
        """Takes messages until all mirrors are at `lsn` or beyond."""
        await self.until(lambda: all(
            mirror.told and number(mirror.told) >= lsn for mirror in self.mirrors.values()), timeout)

    async def refusal(self, **members):
        """What a subscription is refused with."""
        before = len(self.errors)
        await self.subscribe(**members)
        await self.until(lambda: len(self.errors) > before)
        return self.errors[-1]

    def vanish(self):
        """Ends without a word."""
        self.socket.transport.abort()


class EventStream:
    """One event stream and its mirror, read as the WHATWG's HTML standard 9.2 says."""

    def __init__(self, port, view, mirror, where=(), after=None, token=None):
        query = [(column, text) for column, texts in dict(where).items()
                 for text in ([texts] if isinstance(texts, str) else texts)]
        self.port = port
        self.target = f"/v1/views/{view}/changes?{urllib.parse.urlencode(query)}"
        self.after = after
        self.token = token
        self.mirror = mirror
        self.heartbeats = 0

    async def __aenter__(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24)
        self.mirror.connection_begins()
        fields = ["Host: localhost", "Accept: text/event-stream"]
        after = self.after or self.mirror.position
        if after:
            fields.append(f"Last-Event-ID: {after}")
        if self.token:
            fields.append(f"Authorization: Bearer {self.token}")
        request = f"GET {self.target} HTTP/1.1\r\n" + "".join(f"{field}\r\n" for field in fields) + "\r\n"
        self.writer.write(request.encode())
        head = await self.reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise Broken(f"{self.target}: {head.decode()}")
        self.is_chunked = b"transfer-encoding: chunked" in head.lower()
        self.data = b""
        return self

    async def __aexit__(self, *_):
        self.writer.close()

    def vanish(self):
        self.writer.transport.abort()

    async def event(self):
        while b"\n\n" not in self.data:
            await self.more()
        text, _, self.data = self.data.partition(b"\n\n")
        fields = [line.split(": ", 1) for line in text.decode().split("\n")]
        found = dict(fields)
        found["data"] = "\n".join(value for name, value in fields if name == "data")
        return found

    async def more(self):
        if not self.is_chunked:
            part = await self.reader.read(65_536)
            if not part:
                raise ConnectionResetError
            self.data += part
            return
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        self.data += (await self.reader.readexactly(size + 2))[:size]
        if size == 0:
            raise ConnectionResetError

    async def step(self, timeout=30):
        async with asyncio.timeout(timeout):
            event = await self.event()
        kind = event.get("event")
        if kind is None:
            return event
        frame = json.loads(event["data"])
        if event.get("id") != frame.get("position") and kind not in ("resumed",):
            raise Broken(f"{self.mirror.name}: id {event.get('id')} of {frame}")
        if kind == "heartbeat":
            self.heartbeats += 1
            if "position" in frame:
                self.mirror.heartbeat(frame["position"])
        elif kind == "error":
            raise Broken(f"{self.mirror.name}: {frame}")
        else:
            self.mirror.take(kind, frame)
        return event

    async def reach(self, lsn, timeout=30):
        async with asyncio.timeout(timeout):
            while not (self.mirror.told and number(self.mirror.told) >= lsn):
                await self.step(timeout)
