"""A shop on a private PostgreSQL, served by Onhand: what the clients here follow."""

import hashlib
import json
import os
import random
import sys
import tempfile

import psycopg

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "bench.d"))
from cluster import Cluster  # noqa: E402
from processes import Program, run  # noqa: E402
from service import Service, lsn_value  # noqa: E402

__all__ = ["Shop", "lsn_of", "lsn_value"]


def lsn_of(position):
    """A position's place in the log as a number."""
    return lsn_value(position.partition(":")[2])


class PushService(Service):
    """`onhand serve` with a configuration of one's own."""

    def __init__(self, onhand, cluster, folder, settings):
        super().__init__(onhand, cluster, folder)
        self.settings = settings

    def start(self):
        configuration = f"{self.folder}/onhand.yaml"
        with open(configuration, "w") as file:
            json.dump({"database": self.cluster.conninfo, "listen": "127.0.0.1:0", "workers": 2,
                       **self.settings}, file)
        run([self.onhand, "init", "--config", configuration])
        self.serve()

    def serve(self, port=None):
        """Starts it, at the same port again if one is given."""
        configuration = f"{self.folder}/onhand.yaml"
        if port:
            with open(configuration) as file:
                settings = json.load(file)
            with open(configuration, "w") as file:
                json.dump({**settings, "listen": f"127.0.0.1:{port}"}, file)
        log = f"{self.folder}/onhand.{random.getrandbits(32):08x}.log"
        self.program = Program([self.onhand, "serve", "--config", configuration], log)
        self.port = self.wait_for_port()
        self.wait_until_ready()


class Shop:
    """PostgreSQL and Onhand, started for one check and ended with it."""

    SCHEMA = """
        CREATE TABLE stock (
          item int, place int, on_hand int NOT NULL, version bigint NOT NULL DEFAULT 0,
          note text NOT NULL DEFAULT '', PRIMARY KEY (item, place));
        CREATE VIEW stocked AS SELECT item, place, on_hand, version, note FROM stock;
        CREATE VIEW low AS SELECT item, place, on_hand FROM stock WHERE on_hand < 10;
        CREATE VIEW totals AS
          SELECT item, sum(on_hand) AS total, count(*) AS places FROM stock GROUP BY item;
        CREATE VIEW bare AS SELECT on_hand FROM stock WHERE item <= 5;
        """
    VIEWS = ["stocked", "low", "totals", "bare"]
    HEARTBEAT = "500ms"

    def __init__(self, onhand, schema="", views=(), **settings):
        self.onhand = onhand
        self.schema = self.SCHEMA + schema
        self.settings = {"views": [*self.VIEWS, *views], **settings}
        self.settings.setdefault("limits", {}).setdefault("heartbeat_time", self.HEARTBEAT)

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="onhand-push-")
        os.chmod(self.folder.name, 0o755)
        database = f"{self.folder.name}/pg"
        os.mkdir(database)
        self.cluster = Cluster(database)
        self.service = None
        try:
            self.cluster.start()
            with self.connect() as connection:
                connection.execute(self.schema)
            self.service = PushService(
                self.onhand, self.cluster, self.folder.name, self.settings)
            self.service.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, kind=None, *_):
        if kind and self.service and self.service.program:
            end = self.service.program.process.poll()
            print(f"onhand {'runs' if end is None else f'ended with {end}'}; its log:", file=sys.stderr)
            with open(self.service.program.log, errors="replace") as file:
                print(file.read()[-20_000:], file=sys.stderr)
        if self.service:
            self.service.stop()
        self.cluster.stop()
        self.folder.cleanup()

    def connect(self):
        return psycopg.connect(self.cluster.conninfo, autocommit=True)

    @property
    def port(self):
        return self.service.port

    @property
    def live(self):
        return f"ws://127.0.0.1:{self.port}/v1/live"

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}"

    def resident_kilobytes(self):
        with open(f"/proc/{self.service.program.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


def digest(token):
    """As `token_sha256` wants it."""
    return hashlib.sha256(token.encode()).hexdigest()
