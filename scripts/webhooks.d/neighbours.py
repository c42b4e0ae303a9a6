"""Receivers that are dead in every way, beside one that is well and must not notice: refused connections, a listener that never
answers, one that never stops answering, and a name whose servers are silent."""

import socket
import threading

from backlog import delays
from canary import Names


def prove(harness):
    cluster, well = harness.cluster, harness.receiver(1)
    names = Names()
    instance = harness.instance("a", resolver=names.address)
    instance.await_ready()
    good = hook(instance, well.url, {"id": "gt.1000000"})
    well.tell(secrets=[good["secret"]])
    before = delays(cluster, well, 0)
    tarpit, babbler = Tarpit(), Babbler()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        names.silent.add("silent.example")
        urls = [f"http://127.0.0.1:{closed.getsockname()[1]}/", f"http://127.0.0.1:{tarpit.port}/",
                f"http://127.0.0.1:{babbler.port}/", "http://silent.example/"]
        dead = [hook(instance, url, {"id": "gt.1000000"}, timeout_ms=1_000) for url in urls]
        during = delays(cluster, well, 1_000, count=400)
        failures = {}
        for url, each in zip(urls, dead):
            attempts = instance.expect(200, "GET", f"/v1/webhooks/{each['id']}/deliveries")["attempts"]
            failures[url] = sorted({attempt["failure"] or str(attempt["status"]) for attempt in attempts})
    instance.stop()
    names.stop()
    return {
        "what": "400 changes, one receiver that is well, four that are dead",
        "ms, alone": before, "ms, beside them": during, "what the others did": failures,
        # Not a time to be proud of, but far below any timeout of the others.
        "ok": during["count"] == 400 and during["p99"] < 500,
    }


def hook(instance, url, condition, **options):
    return instance.expect(201, "POST", "/v1/webhooks", {"url": url, "view": "counter", "filter": condition, **options})


class Listener:
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.kept = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            self.kept.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()


class Tarpit(Listener):
    """Takes what is sent, and says nothing."""

    def serve(self, connection):
        try:
            while connection.recv(65_536):
                pass
        except OSError:
            pass


class Babbler(Listener):
    """Answers without an end."""

    def serve(self, connection):
        try:
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                connection.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
        except OSError:
            pass
