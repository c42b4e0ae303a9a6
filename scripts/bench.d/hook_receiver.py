"""A receiver of webhooks in a process of its own: notes how long after its commit each event came."""

import asyncio
import datetime
import json
import multiprocessing
import signal
import time

from nginx import free_port


class Receiver:
    def __init__(self):
        self.port = free_port()
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=serve, args=(self.port, theirs), daemon=True)
        self.process.start()
        self.pipe.recv()

    def delays(self):
        """Milliseconds of what came since the last call."""
        self.pipe.send("delays")
        return self.pipe.recv()

    def stop(self):
        self.process.terminate()
        self.process.join()


def serve(port, pipe):
    # Not what the benchmark does when it is ended.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    asyncio.run(run(port, pipe))


async def run(port, pipe):
    delays = []

    async def connected(reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                arrived = time.time()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                committed = json.loads(body)["data"].get("committed_at")
                if committed:
                    committed = datetime.datetime.fromisoformat(committed).timestamp()
                    delays.append((arrived - committed) * 1_000)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    def asked():
        pipe.recv()
        pipe.send(list(delays))
        delays.clear()

    server = await asyncio.start_server(connected, "127.0.0.1", port, backlog=512)
    asyncio.get_running_loop().add_reader(pipe.fileno(), asked)
    pipe.send("ready")
    async with server:
        await server.serve_forever()
