"""A listener on loopback that must not get a byte: from any spelling of a forbidden address, names whose addresses change between
look-ups, redirects, proxies of the environment, and connections that were made before.

Names are answered by a small DNS server, to which the instance is led by a resolv.conf of its own in a mount namespace.
"""

import http.server
import socket
import threading
import time

from dnslib import AAAA, QTYPE, RR, A
from dnslib.server import BaseResolver, DNSLogger, DNSServer

# Each is an address of this machine or network in some spelling, or leads to one.
SPELLINGS = [
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0X7F.0x0.0x0.0x1", "017700000001",
    "0177.0.0.1", "0177.1", "127.0.0.1.", "0", "0.0.0.0", "0x0", "00000000000", "localhost", "LOCALHOST", "localhost.",
    "a.localhost", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:0:127.0.0.1]",
    "[0:0:0:0:0:ffff:7f00:0001]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[2001:0000:4136:e378:8000:63bf:80ff:fffe]", "[fe80::1]", "[fe80::1%25lo]",
    "[::1%25lo]", "[::1%lo]", "[fc00::1]", "[fd00::1]", "[ff02::1]", "[2001:db8::1]", "10.0.0.1", "172.16.0.1", "192.168.0.1",
    "169.254.169.254", "100.64.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1", "203.0.113.9",
    "user@127.0.0.1", "example.com@127.0.0.1", "example.com:80@127.0.0.1", "127.0.0.1@example.com",
    "example.com%40127.0.0.1", "127.0.0.1%2f", "127.0.0.1\\@example.com", "example.com\\@127.0.0.1", "127。0。0。1",
    "１２７.0.0.1", "①②⑦.0.0.1", "%31%32%37.0.0.1", "127.0.0.1%00.example.com", "127.0.0.1#@example.com",
    "example.com#@127.0.0.1", "ⓛocalhost", "127.0.0.1\t", " 127.0.0.1",
]
SCHEMES = ["file:///etc/passwd", "gopher://127.0.0.1:{port}/_x", "dict://127.0.0.1:{port}/x", "ftp://127.0.0.1:{port}/",
           "//127.0.0.1:{port}/", "http:127.0.0.1:{port}/", "http:///127.0.0.1:{port}/", "https:/127.0.0.1:{port}/",
           "unix:///tmp/x", "HTTP+UNIX://%2ftmp%2fx/"]


def prove(harness):
    canary = Canary()
    names = Names()
    ours = Redirecting(canary.port)
    guarded = harness.instance(
        "a", allow=[], environment=proxies(canary.port), resolver=names.address)
    guarded.await_ready()
    results = {}
    refused = [spelling for spelling in SPELLINGS if creation(guarded, canary.port, spelling)]
    refused += [url for url in SCHEMES if refuses(guarded, url.format(port=canary.port))]
    results["spellings refused at creation"] = f"{len(refused)} of {len(SPELLINGS) + len(SCHEMES)}"
    results["names that lead to them"] = names_that_lead(guarded, names, canary.port)
    results["addresses that change"] = changing(guarded, names, canary.port)
    guarded.stop()
    # Redirects and pooled connections need a receiver that is allowed: a second address of this machine.
    allowing = harness.instance(
        "b", allow=["127.0.0.2/32"], environment=proxies(canary.port), resolver=names.address)
    allowing.await_ready()
    results["redirects"] = redirects(harness.cluster, allowing, ours)
    results["pooled connections"] = pooled(harness, allowing, names, canary, ours)
    allowing.stop()
    results["bytes that the canary got"] = canary.bytes
    results["connections that the canary got"] = canary.connections
    results["ok"] = (
        len(refused) == len(SPELLINGS) + len(SCHEMES) and canary.bytes == 0 and canary.connections == 0
        and results["names that lead to them"]["refused"] == results["names that lead to them"]["asked"]
        and results["addresses that change"]["refused"] == results["addresses that change"]["asked"]
        and results["redirects"]["answered 302"] > 0 and results["pooled connections"]["ok"])
    canary.stop()
    names.stop()
    ours.stop()
    return results


def proxies(port):
    proxy = f"http://127.0.0.1:{port}"
    return {name: proxy for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]}


def creation(instance, port, spelling):
    return refuses(instance, f"http://{spelling}:{port}/")


def refuses(instance, url):
    status, answer = instance.ask("POST", "/v1/webhooks", {"url": url, "view": "counter"})
    if status != 201:
        return True
    # What is no address yet may be one when it is connected to.
    tried = instance.ask("POST", f"/v1/webhooks/{answer['id']}/test", {})[1]
    instance.ask("DELETE", f"/v1/webhooks/{answer['id']}")
    return tried.get("failure") in ("address_refused", "resolve")


def names_that_lead(instance, names, port):
    addresses = ["127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.1.1", "0.0.0.0", "::1", "::ffff:7f00:1", "::7f00:1",
                 "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1", "fd00::1", "::"]
    outcomes = []
    for number, address in enumerate(addresses):
        name = f"leads{number}.example"
        names.answers[name] = [[address]]
        outcomes.append(tried(instance, f"http://{name}:{port}/"))
    # The C library hands on no link-local address without a zone, for one.
    refused = sum(outcome in ("address_refused", "resolve") for outcome in outcomes)
    return {"asked": len(addresses), "refused": refused, "outcomes": dict(zip(addresses, outcomes))}


def changing(instance, names, port):
    """Public at the first look-up, ours at the next; or both at once, so that the second is tried when the first fails."""
    outcomes = []
    for number in range(10):
        name = f"changes{number}.example"
        names.answers[name] = [["127.0.0.1"]] if number % 2 else [["127.0.0.1", "::1", "10.0.0.1"]]
        # Known as public when it was made.
        status, hook = instance.ask("POST", "/v1/webhooks", {"url": f"http://{name}:{port}/", "view": "counter"})
        outcomes.append(test(instance, hook))
    return {"asked": 10, "refused": outcomes.count("address_refused"), "look-ups": names.asked}


def tried(instance, url):
    return test(instance, instance.expect(201, "POST", "/v1/webhooks", {"url": url, "view": "counter"}))


def test(instance, hook):
    answer = instance.expect(200, "POST", f"/v1/webhooks/{hook['id']}/test", {})
    instance.expect(204, "DELETE", f"/v1/webhooks/{hook['id']}")
    return answer["failure"]


def redirects(cluster, instance, ours):
    hook = instance.expect(201, "POST", "/v1/webhooks", {"url": f"http://127.0.0.2:{ours.port}/redirect", "view": "counter"})
    statuses = [instance.expect(200, "POST", f"/v1/webhooks/{hook['id']}/test", {})["status"] for _ in range(5)]
    instance.expect(204, "DELETE", f"/v1/webhooks/{hook['id']}")
    return {"answered 302": statuses.count(302)}


def pooled(harness, instance, names, canary, ours):
    """A name that was allowed and is connected to leads to a forbidden address from then on; and a restart that allows less
    refuses what it was sent to before."""
    names.answers["pool.example"] = [["127.0.0.2"]]
    hook = instance.expect(201, "POST", "/v1/webhooks", {"url": f"http://pool.example:{ours.port}/ok", "view": "counter"})
    first = [instance.expect(200, "POST", f"/v1/webhooks/{hook['id']}/test", {}) for _ in range(3)]
    reused = sum(answer["times_us"]["connected"] == 0 for answer in first)
    names.answers["pool.example"] = [["127.0.0.1"]]
    ours.close_connections()
    # libcurl keeps what it looked up for a minute.
    end = time.monotonic() + 75
    outcomes = []
    while time.monotonic() < end and "address_refused" not in outcomes:
        answer = instance.expect(200, "POST", f"/v1/webhooks/{hook['id']}/test", {})
        outcomes.append(answer["failure"] or answer["status"])
        ours.close_connections()
        time.sleep(3)
    return {"first": [answer["status"] for answer in first], "on a connection made before": reused,
            "after the change": sorted(set(map(str, outcomes))),
            "ok": [answer["status"] for answer in first] == [200] * 3 and reused > 0
            and outcomes[-1] == "address_refused"}


class Canary:
    """Listens on both loopbacks, and counts whatever comes."""

    def __init__(self):
        self.bytes = self.connections = 0
        self.sockets = []
        self.port = None
        for family, host in [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]:
            listener = socket.socket(family)
            try:
                listener.bind((host, self.port or 0))
            except OSError:
                continue
            listener.listen(64)
            self.port = listener.getsockname()[1]
            self.sockets.append(listener)
            threading.Thread(target=self.accept, args=(listener,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            connection.settimeout(5)
            try:
                self.bytes += len(connection.recv(65_536))
            except OSError:
                pass
            connection.close()

    def stop(self):
        for listener in self.sockets:
            listener.close()


class Names(BaseResolver):
    """A DNS server whose answers change: each name has a list of answers, the last one for good."""

    def __init__(self):
        self.answers = {}
        self.asked = 0
        # Names about which nothing is said.
        self.silent = set()
        self.address = "127.0.0.53"
        self.server = DNSServer(self, address=self.address, port=53, logger=DNSLogger("-request,-reply"))
        self.server.start_thread()

    def resolve(self, request, handler):
        self.asked += 1
        reply = request.reply()
        name = str(request.q.qname).rstrip(".").lower()
        if name in self.silent:
            time.sleep(120)
        answers = self.answers.get(name, [])
        addresses = answers[0] if answers else []
        if len(answers) > 1:
            answers.pop(0)
        for address in addresses:
            is_ipv6 = ":" in address
            if QTYPE[request.q.qtype] == ("AAAA" if is_ipv6 else "A"):
                reply.add_answer(RR(request.q.qname, request.q.qtype, ttl=0, rdata=(AAAA if is_ipv6 else A)(address)))
        return reply

    def stop(self):
        self.server.stop()


class Redirecting:
    """A receiver on 127.0.0.2 that sends everybody to the canary, or says that all is well."""

    def __init__(self, canary_port):
        outer = self
        self.connections = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                outer.connections.append(self.connection)

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(302 if self.path == "/redirect" else 200)
                if self.path == "/redirect":
                    self.send_header("Location", f"http://127.0.0.1:{canary_port}/")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.2", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close_connections(self):
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.connections.clear()

    def stop(self):
        self.server.shutdown()
