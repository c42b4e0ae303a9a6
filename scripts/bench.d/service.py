"""A running `onhand serve`."""

import contextlib
import http.client
import json
import re

from processes import Program, run


class Service:
    VIEWS = ["live_stock", "low_stock_alerts", "network_summary"]

    def __init__(self, onhand, cluster, folder, keeps=False):
        self.onhand = onhand
        self.cluster = cluster
        self.folder = folder
        # Whether it has a change log.
        self.keeps = keeps
        self.program = None

    def start(self):
        # The log of one before tells another port.
        name = "kept" if self.keeps else "onhand"
        configuration = f"{self.folder}/{name}.yaml"
        with open(configuration, "w") as file:
            # JSON is YAML.
            more = {"data_directory": f"{self.folder}/kept", "slot": "onhand_kept"} if self.keeps else {}
            json.dump({**more, "database": self.cluster.conninfo, "listen": "127.0.0.1:0",
                       "views": self.VIEWS, "workers": 1,
                       "availability": {"view": "live_stock", "item": "item_id",
                                        "location": "location_id", "on_hand": "on_hand"},
                       "webhook_allow": ["127.0.0.1/32"]}, file)
        run([self.onhand, "init", "--config", configuration])
        self.program = Program([self.onhand, "serve", "--config", configuration],
                               f"{self.folder}/{name}.log")
        self.port = self.wait_for_port()
        self.wait_until_ready()

    def wait_for_port(self):
        return int(self.wait(self.logged_port, "listening"))

    def logged_port(self):
        with open(self.program.log) as file:
            found = re.search(r"http://[^ ]*?:(\d+)", file.read())
        return found and found.group(1)

    def wait_until_ready(self):
        self.wait(lambda: self.get("/readyz")[0] == 200, "ready")

    def wait(self, condition, what, seconds=120):
        return self.program.wait_until(condition, f"onhand is not {what}", seconds)

    def get(self, path):
        """Status, body and headers of an answer."""
        # A connection each: one that was idle while Onhand was paused may have been closed.
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers

    def lsn(self):
        """How far the views are."""
        status, body, headers = self.get("/v1/views/live_stock")
        if status != 200:
            raise SystemExit(f"onhand answered {status}: {body}")
        return lsn_value(headers["Onhand-Position"].partition(":")[2])

    def metric(self, name):
        return int(re.search(rf"^{re.escape(name)} (\d+)$", self.get("/metrics")[1], re.M).group(1))

    def stop(self):
        if self.program:
            self.program.end()


def lsn_value(text):
    high, _, low = text.partition("/")
    return int(high, 16) << 32 | int(low, 16)
