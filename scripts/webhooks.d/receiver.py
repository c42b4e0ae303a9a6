"""A receiver of webhooks in a process of its own: verifies each delivery with PyPI's standardwebhooks, checks the order of
each key, and fails as it is told to.

Counters are what is delivered: a view with `id` and `value`, where every change adds 1 to a value. So a value that is no
more than the last one is a repetition, and one that is more than the next one is a loss.
"""

import asyncio
import json
import multiprocessing
import random
import signal
import socket
import time

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


class Book:
    """What has arrived."""

    def __init__(self):
        self.last = {}
        self.requests = self.accepted = self.events = self.repeated = 0
        self.unverified = self.failed = self.resyncs = self.unheard = 0
        self.losses = []
        self.signatures = {}
        self.delays = []

    def summary(self):
        return {name: getattr(self, name) for name in [
            "last", "requests", "accepted", "events", "repeated", "unverified", "failed", "resyncs", "unheard", "losses",
            "signatures", "delays"]}


class Receiver:
    """Starts the process; `ask` talks to it."""

    def __init__(self, seed=1):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(
            target=serve, args=(self.port, theirs, seed), daemon=True)
        self.process.start()
        self.pipe.recv()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/hook"

    def ask(self, **command):
        self.pipe.send(command)
        return self.pipe.recv()

    def tell(self, **settings):
        self.ask(settings=settings)

    def book(self):
        return self.ask(book=True)

    def stop(self):
        self.process.terminate()
        self.process.join()


def serve(port, pipe, seed):
    # Not what the proof does when it is ended.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    asyncio.run(Serving(pipe, seed).run(port))


class Serving:
    def __init__(self, pipe, seed):
        self.pipe = pipe
        self.random = random.Random(seed)
        self.book = Book()
        self.settings = {"secrets": [], "fail": 0.0, "status": None, "strict": True}
        self.verifiers = []

    async def run(self, port):
        server = await asyncio.start_server(self.connected, "127.0.0.1", port, backlog=512)
        asyncio.get_running_loop().add_reader(self.pipe.fileno(), self.commanded)
        self.pipe.send("ready")
        async with server:
            await server.serve_forever()

    def commanded(self):
        command = self.pipe.recv()
        if "settings" in command:
            self.settings.update(command["settings"])
            self.verifiers = [Webhook(secret) for secret in self.settings["secrets"]]
        if command.get("reset"):
            self.book = Book()
        self.pipe.send(self.book.summary() if command.get("book") else None)

    async def connected(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.decode("latin-1").split("\r\n")
                fields = {name.lower(): value.strip() for name, _, value in
                          (line.partition(":") for line in lines[1:] if line)}
                body = await reader.readexactly(int(fields.get("content-length", 0)))
                status = self.received(fields, body)
                if status is None:
                    break
                writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def received(self, fields, body):
        """The status to answer with, or none to hang up."""
        book = self.book
        book.requests += 1
        valid = [index for index, verifier in enumerate(self.verifiers)
                 if self.verify(verifier, fields, body)]
        count = fields.get("webhook-signature", "").count("v1,")
        book.signatures[count] = book.signatures.get(count, 0) + 1
        if not valid:
            book.unverified += 1
            return 400
        if self.settings["status"]:
            book.failed += 1
            return self.settings["status"]
        if self.random.random() < self.settings["fail"]:
            book.failed += 1
            if self.random.random() < 0.2:
                # It arrived, and nobody hears of that.
                self.note(body)
                book.unheard += 1
                return None
            return self.random.choice([500, 503, 404, 302])
        book.accepted += 1
        self.note(body)
        return 200

    @staticmethod
    def verify(verifier, fields, body):
        try:
            verifier.verify(body, fields)
            return True
        except WebhookVerificationError:
            return False

    def note(self, body):
        event = json.loads(body)
        events = event["data"]["events"] if event["type"] == "batch" else [event]
        for event in events:
            self.book.events += 1
            if event["type"] == "endpoint.resync":
                self.book.resyncs += 1
                continue
            if event["type"] == "webhook.test":
                continue
            row = event["data"]["new"]
            if row is None or "value" not in row:
                continue
            if "sent_at" in row and row["sent_at"]:
                self.book.delays.append(time.time() - row["sent_at"])
            key, value = row["id"], row["value"]
            last = self.book.last.get(key, 0)
            if value <= last:
                self.book.repeated += 1
                continue
            if value != last + 1 and self.settings["strict"]:
                self.book.losses.append((key, last, value))
            self.book.last[key] = value
