"""A TCP proxy that can be cut and frozen: what networks do to connections."""

import asyncio
import contextlib


class Proxy:
    def __init__(self, port):
        self.target = port
        self.writers = set()
        self.tasks = set()
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.connections = 0

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.server.close()
        self.is_open.set()
        self.cut()
        for task in self.tasks:
            task.cancel()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except ConnectionRefusedError:
            writer.transport.abort()
            return
        self.writers |= {writer, back}
        for task in (self.pump(reader, back), self.pump(there, writer)):
            task = asyncio.create_task(task)
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def pump(self, reader, writer):
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                await self.is_open.wait()
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(ConnectionError):
            writer.close()
        self.writers.discard(writer)

    def cut(self):
        """Resets all connections."""
        for writer in list(self.writers):
            writer.transport.abort()
        self.writers.clear()

    def freeze(self):
        """Lets no byte pass either way, and ends nothing."""
        self.is_open.clear()

    def thaw(self):
        self.is_open.set()
