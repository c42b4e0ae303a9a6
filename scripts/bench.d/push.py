"""Changes pushed to WebSockets beside nchan, the push module of nginx: one worker each, the same messages, the same clients.

Beside both, a loop of C that sends each client the newest change and does nothing else, while Onhand takes the changes in on the
same processor and tells nobody. How late it is, is what the machine can do at the moment: most of it is the kernel's, and it can be
twice as much a minute later.

The server that is measured has one processor and the clients another: where the kernel puts them is chance, and a client that is
put on the server's takes turns with it although the other is idle.
"""

import contextlib
import json
import os
import re
import subprocess
import time

from medians import median
from nginx import Nginx
from processes import Program, run, say

# One that either keeps up with on one core, and one that is too much to tell one by one.
CHANGES_PER_SECOND = [50, 1_000]
SUBSCRIBERS = 1_000
IDLE_SOCKETS = 10_000
PROCESSORS = sorted(os.sched_getaffinity(0))
# As long as a change of ours; the time of the change is put in for @.
MESSAGE = (
    '{"type":"changes","id":"a","position":"k3f9:0/1A2B3C4D","previous":"k3f9:0/1A2B3C00",'
    '"changes":[{"op":"upsert","row":{"item_id":1,"location_id":1,"item":"Item 1",'
    '"location":"Location 1","region":"Region 1","reorder_point":21,"on_hand":1234,'
    '"last_movement_at":"@"}}]}')
NCHAN_MODULES = ["/usr/lib/nginx/modules/ngx_nchan_module.so"]


def measure(cluster, service, folder, rounds, seconds):
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "listeners.c")
    clients = f"{folder}/listeners"
    run(["cc", "-O2", "-pthread", "-o", clients, source, "-lm"])
    nchan = nchan_in(folder)
    try:
        rows = [fan_out(cluster, service, nchan, clients, folder, rate, rounds, seconds)
                for rate in CHANGES_PER_SECOND]
        return rows + [idle(service, nchan, clients, folder, seconds)]
    finally:
        nchan.program.end()


# One row, many subscribers

def fan_out(cluster, service, nchan, clients, folder, rate, rounds, seconds):
    ours, theirs, least = [], [], []
    for _ in range(rounds):
        # The database is written to in any case, so that all have as much of the machine.
        theirs.append(
            deliver(nchan, Socket(nchan.port, "/sub", "", ""), clients, seconds,
                    lambda: [writer(cluster, folder, rate), publisher(nchan, clients, folder, rate)]))
        least.append(loop(cluster, service, clients, folder, rate, seconds))
        ours.append(deliver(
            service, socket_of(service), clients, seconds, lambda: [writer(cluster, folder, rate)],
            lambda: service.metric("onhand_transactions_total")))
        say(f"fan-out of {rate}/s: {ours[-1]}; nchan {theirs[-1]}; the loop {least[-1]}")
    # How late we are and the loop is in the same round, since no two rounds are alike.
    lateness = median([own.p99 / other.p99 for own, other in zip(ours, least)])
    ours, theirs, least = (
        median(deliveries, lambda delivery: delivery.cost) for deliveries in (ours, theirs, least))
    return {
        "what": f"{rate:,} changes/s of a row to {SUBSCRIBERS:,} WebSockets",
        "ours": f"{ours}", "theirs": f"nchan {theirs}; the loop {least}",
        "ratio": f"{ours.cost / theirs.cost:.2f}x CPU each, "
                 f"{ours.change_cost / theirs.change_cost:.2f}x for a change, "
                 f"p99 {lateness:.2f}x the loop's",
        "reach": "1.00x, p99 20 ms",
    }


class Socket:
    """Where clients connect, and what they say there."""

    def __init__(self, port, path, subprotocol, subscribe):
        self.words = [str(port), path, subprotocol, subscribe]

    def listeners(self, clients, count, seconds):
        port, *rest = self.words
        return subprocess.Popen(
            [clients, port, str(count), *rest, str(seconds)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def socket_of(service):
    subscribe = {"type": "subscribe", "id": "a", "view": "live_stock",
                 "where": {"item_id": "eq.1", "location_id": "eq.1"}}
    return Socket(service.port, "/v1/live", "onhand.v1", json.dumps(subscribe))


class Delivery:
    """What reached the clients, and what it cost the server.

    Where there is too much to tell, we tell each client of the newest; nchan tells of each, later. So there are two costs, in
    microseconds: of a message, and of bringing one client up to one change, whether by its message or by a later one's.

    A change has come to a client when it is at its socket."""

    def __init__(self, report, cpu_seconds, changes):
        self.rate = report["messages"] / report["seconds"]
        self.changes = changes / report["seconds"]
        self.p50, self.p99 = (value / 1000 for value in report["last_us"])
        self.cost = cpu_seconds / max(1, report["messages"]) * 1_000_000
        self.change_cost = cpu_seconds / max(1, changes * SUBSCRIBERS) * 1_000_000

    def __str__(self):
        return (f"{self.cost:.2f} us CPU each at {self.rate:,.0f}/s; {self.changes:,.0f} changes/s "
                f"at {self.change_cost:.2f} us; to the last client p50 {self.p50:.1f} ms, p99 {self.p99:.1f} ms")


def deliver(server, socket, clients, seconds, start_causes, changes=None):
    """Starts what causes changes once the clients are there, as that may take any time.

    `changes` counts those that the clients are brought up to; without, each has a message."""
    listeners = socket.listeners(clients, SUBSCRIBERS, seconds)
    causes = []
    try:
        server.program.keep_on(PROCESSORS[:1])
        os.sched_setaffinity(listeners.pid, PROCESSORS[-1:])
        if listeners.stdout.readline() != "ready\n":
            raise SystemExit("the clients could not connect")
        causes = start_causes()
        time.sleep(2)
        go(listeners)
        before, counted = server.program.cpu_seconds(), changes() if changes else 0
        report = json.loads(listeners.stdout.readline())
        used = server.program.cpu_seconds() - before
        told = changes() - counted if changes else report["messages"] / SUBSCRIBERS
        return Delivery(report, used, told)
    finally:
        server.program.keep_on(PROCESSORS)
        for cause in causes:
            cause.end()
        listeners.kill()
        listeners.wait()


def go(listeners):
    listeners.stdin.write("go\n")
    listeners.stdin.flush()
    if listeners.stdout.readline() != "begin\n":
        raise SystemExit("the clients could not begin")


# Longer than any measurement: writers are ended when it is over.
WRITING_SECONDS = 3_600


def writer(cluster, folder, rate):
    script = f"{folder}/row.sql"
    with open(script, "w") as file:
        file.write("""
            INSERT INTO stock_movements (item_id, location_id, kind, quantity, moved_at)
            VALUES (1, 1, 'receipt', 1, clock_timestamp());
            """)
    return Program(
        # The log is sent as far as it is flushed; commits that do not wait for that are flushed five times a second.
        ["env", "PGOPTIONS=-c synchronous_commit=on", f"{cluster.programs}/pgbench", "-n", "-M",
         "prepared", "-c", "4", "-T", str(WRITING_SECONDS),
         "-R", str(rate), "-f", script, "-h", cluster.folder, "-p", "5432",
         "-U", "postgres", "postgres"],
        f"{folder}/pgbench.log")


def publisher(nchan, clients, folder, rate):
    return Program(
        [clients, "--publish", str(nchan.port), "/pub", MESSAGE, str(rate),
         str(WRITING_SECONDS)], f"{folder}/publisher.log")


class Loop:
    """A server that is no more than a loop."""

    def __init__(self, clients, folder, rate):
        log = f"{folder}/loop.log"
        # The log of one before tells another port.
        with contextlib.suppress(FileNotFoundError):
            os.remove(log)
        self.program = Program([clients, "--loop", str(SUBSCRIBERS), MESSAGE, str(rate)], log)
        self.port = self.program.wait_until(self.logged_port, "the loop did not start")

    def logged_port(self):
        found = re.search(r"port (\d+)\n", self.program.log_tail())
        return found and found.group(1)


def loop(cluster, service, clients, folder, rate, seconds):
    """`service` follows the database beside it; its processor time is not counted."""
    server = Loop(clients, folder, rate)
    try:
        service.program.keep_on(PROCESSORS[:1])
        return deliver(server, Socket(server.port, "/", "", ""), clients, seconds,
                       lambda: [writer(cluster, folder, rate)])
    finally:
        service.program.keep_on(PROCESSORS)
        server.program.end()


# Sockets on which nothing happens

def idle(service, nchan, clients, folder, seconds):
    ours = rest(service, socket_of(service), clients, seconds)
    theirs = rest(nchan, Socket(nchan.port, "/sub", "", ""), clients, seconds)
    say(f"idle: {ours}; nchan {theirs}")
    return {
        "what": f"{IDLE_SOCKETS:,} idle WebSockets, a subscription each",
        "ours": f"{ours}", "theirs": f"nchan {theirs}",
        "ratio": f"{ours.bytes_each / theirs.bytes_each:.2f}x memory", "reach": "10 kB, 1 % CPU",
    }


class Rest:
    def __init__(self, bytes_each, cpu):
        self.bytes_each = bytes_each
        self.cpu = cpu

    def __str__(self):
        return f"{self.bytes_each / 1000:.1f} kB each, {self.cpu * 100:.2f} % of a core"


def rest(server, socket, clients, seconds):
    before = resident_bytes(server.program)
    listeners = socket.listeners(clients, IDLE_SOCKETS, seconds + 60)
    try:
        if listeners.stdout.readline() != "ready\n":
            raise SystemExit("the clients could not connect")
        go(listeners)
        time.sleep(2)
        used = server.program.cpu_seconds()
        time.sleep(seconds)
        used = server.program.cpu_seconds() - used
        return Rest((resident_bytes(server.program) - before) / IDLE_SOCKETS, used / seconds)
    finally:
        listeners.kill()
        listeners.wait()


def resident_bytes(program):
    total = 0
    for pid in program.pids():
        with open(f"/proc/{pid}/status") as file:
            total += next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) * 1024
    return total


def nchan_in(folder):
    return Nginx(
        folder, "nchan", """
        location = /sub {
          nchan_subscriber websocket;
          nchan_channel_id row;
          nchan_subscriber_first_message newest;
        }
        location = /pub {
          nchan_publisher;
          nchan_channel_id row;
          nchan_message_buffer_length 1000;
        }
        """, connections=IDLE_SOCKETS + 500, modules=NCHAN_MODULES)
