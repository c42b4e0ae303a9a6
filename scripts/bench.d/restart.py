"""A process that was killed, and starts again over many keys: from its checkpoint, without a snapshot."""

import json
import os
import signal
import time

from cluster import Cluster
from medians import median
from processes import Program, run, say
from service import Service, lsn_value

PAIRS = 1_000_000
REACH_SECONDS = 5
REACH_PAUSE_MILLISECONDS = 10


class KeptService(Service):
    """An Onhand with a folder of its own."""
    VIEWS = ["live_stock"]

    def configure(self):
        self.configuration = f"{self.folder}/onhand.yaml"
        with open(self.configuration, "w") as file:
            json.dump({"database": self.cluster.conninfo, "listen": "127.0.0.1:0",
                       "views": self.VIEWS, "workers": 1,
                       "data_directory": f"{self.folder}/data-of-onhand",
                       "checkpoint": {"time": "10s"}}, file)
        run([self.onhand, "init", "--config", self.configuration])

    def start(self):
        log = f"{self.folder}/onhand.log"
        if os.path.exists(log):
            os.rename(log, f"{log}.before")
        self.program = Program([self.onhand, "serve", "--config", self.configuration], log)
        self.port = self.wait_for_port()

    def is_following(self):
        status, body, _ = self.get("/readyz")
        state = json.loads(body)
        return status == 200 and state["capture"] == "streaming" and "stale_seconds" not in state


def measure(onhand, folder, rounds, scale):
    folder = f"{folder}/restart"
    os.mkdir(folder)
    # The server's account has to pass.
    os.chmod(os.path.dirname(folder), 0o755)
    cluster = Cluster(folder)
    service = KeptService(onhand, cluster, folder)
    items = max(1_000, round(PAIRS * scale / 10))
    try:
        cluster.start()
        cluster.load(f"{os.path.dirname(os.path.abspath(__file__))}/shop.sql")
        say(f"filling {items * 10:,} pairs")
        cluster.sql(f"""
            INSERT INTO items SELECT i, 'Item ' || i, 20 + i % 80
              FROM generate_series(1001, {items}) i;
            INSERT INTO stock_movements (item_id, location_id, kind, quantity)
              SELECT i, l, 'receipt', 1 + i % 50
              FROM generate_series(1, {items}) i, generate_series(1, 10) l""")
        service.configure()
        service.start()
        service.wait(service.is_following, "following the log", 600)
        return restarts(cluster, service, rounds, items)
    finally:
        service.stop()
        cluster.stop()


def restarts(cluster, service, rounds, items):
    times, first, pauses, sizes = [], [], [], []
    for number in range(rounds):
        service.wait(lambda: service.metric("onhand_checkpoints_total") > 0, "keeping its state", 300)
        pauses.append(service.metric("onhand_checkpoint_pause_max_microseconds") / 1000)
        sizes.append(service.metric("onhand_checkpoint_bytes"))
        # What is behind the checkpoint, and what happens while nobody looks.
        commit(cluster, items, number, 20)
        service.wait(lambda: service.lsn() >= end_of_log(cluster), "reading")
        service.program.end(signal.SIGKILL)
        commit(cluster, items, number, 20)
        goal = end_of_log(cluster)
        started = time.monotonic()
        service.start()
        first.append(time.monotonic() - started)
        service.wait(lambda: service.is_following() and service.lsn() >= goal, "following again", 300)
        times.append(time.monotonic() - started)
        if service.metric("onhand_bootstraps_total") != 0:
            raise SystemExit("it took a snapshot\n" + service.program.log_tail())
        check(cluster, service)
        # The next round is to have a checkpoint of its own.
        cluster.sql("SELECT move(1, 1)")
        service.program.end()
        service.start()
        service.wait(service.is_following, "following the log", 300)
        cluster.sql("SELECT move(1, 1)")
    what = f"restart, {items * 10:,} pairs"
    return [
        row(f"{what}: until it follows the log", f"{median(times):.2f} s", f"{REACH_SECONDS} s"),
        row(f"{what}: until it answers", f"{median(first):.2f} s", ""),
        row(f"{what}: checkpoint of {median(sizes) / 1e6:.0f} MB, the stream stands still",
            f"{median(pauses):.1f} ms", f"{REACH_PAUSE_MILLISECONDS} ms"),
    ]


def commit(cluster, items, number, count):
    """Some transactions of a thousand rows."""
    for step in range(count):
        first = (number * count + step) * 1000
        cluster.sql(f"SELECT move({first + 1}, {first + 1000})")


def check(cluster, service):
    """Sums over all rows, beside what the server says."""
    wanted = cluster.sql("SELECT count(*), sum(on_hand) FROM live_stock")[0].split("\t")
    rows = service.metric('onhand_view_rows{view="public.live_stock"}')
    if str(rows) != wanted[0]:
        raise SystemExit(f"{rows} rows are served, {wanted[0]} are there")


def end_of_log(cluster):
    return lsn_value(cluster.sql("SELECT pg_current_wal_lsn()")[0])


def row(what, ours, reach):
    return {"what": what, "ours": ours, "theirs": "", "ratio": "", "reach": reach}
