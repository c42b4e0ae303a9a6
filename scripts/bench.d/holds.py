"""Holds that are durable when they are answered, beside a guarded UPDATE and an INSERT by pgbench with as many clients on the
same server: one hot key, a thousand keys, and refusals once a key is sold out."""

import json
import os
import re

import load
from cluster import Cluster
from medians import median
from processes import Program, run, say
from service import Service

REACH = {16: "3.0x", 64: "10.0x", 256: "10.0x"}
SHOP = """
    CREATE TABLE stock (item int, store int, units int NOT NULL, PRIMARY KEY (item, store));
    INSERT INTO stock SELECT i, 1, 1000000000 FROM generate_series(1, 1000) i;
    INSERT INTO stock VALUES (0, 1, 0);
    CREATE VIEW shelves AS SELECT item, store, units AS on_hand FROM stock;
    CREATE TABLE guarded (item int PRIMARY KEY, units int NOT NULL);
    INSERT INTO guarded SELECT i, 1000000000 FROM generate_series(1, 1000) i;
    CREATE TABLE guarded_holds (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), item int NOT NULL,
      quantity int NOT NULL, status text NOT NULL DEFAULT 'held', caller text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      expires_at timestamptz NOT NULL);
    CREATE INDEX ON guarded_holds (expires_at) WHERE status = 'held';
"""


class DurableCluster(Cluster):
    """Commits are on the disk when they are answered."""
    SETTINGS = [setting for setting in Cluster.SETTINGS
                if setting.split("=")[0] not in ("fsync", "synchronous_commit")]
    SETTINGS += ["fsync=on", "synchronous_commit=on", "max_connections=400"]


class HoldService(Service):
    VIEWS = ["availability"]

    def start(self):
        path = f"{self.folder}/onhand.yaml"
        with open(path, "w") as file:
            json.dump({
                "database": self.cluster.conninfo, "listen": "127.0.0.1:0", "workers": 1,
                "views": self.VIEWS, "holds": {"active": 0, "ttl": "1h"},
                "availability": {
                    "view": "availability", "item": "item", "location": "store",
                    "on_hand": "on_hand", "held": "held", "available": "available"}}, file)
        run([self.onhand, "init", "--config", path, "--availability-from", "shelves"])
        self.program = Program([self.onhand, "serve", "--config", path], f"{self.folder}/onhand.log")
        self.port = self.wait_for_port()
        self.wait_until_ready()


def measure(onhand, folder, rounds, seconds):
    folder = f"{folder}/holds"
    os.mkdir(folder)
    # The server's account has to pass.
    os.chmod(os.path.dirname(folder), 0o755)
    cluster = DurableCluster(folder)
    service = HoldService(onhand, cluster, folder)
    try:
        cluster.start()
        cluster.sql(SHOP)
        service.start()
        rows = [compare(cluster, service, folder, clients, 1, rounds, seconds)
                for clients in (16, 64, 256)]
        rows.append(compare(cluster, service, folder, 64, 1000, rounds, seconds))
        return rows + [refusals(service, folder, seconds)]
    finally:
        service.stop()
        cluster.stop()


def compare(cluster, service, folder, clients, keys, rounds, seconds):
    what = f"durable holds, {'one hot key' if keys == 1 else f'{keys:,} keys'}, {clients} clients"
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(guarded(cluster, folder, clients, keys, seconds))
        ours.append(load.measure(
            service.program, service.port, "/v1/holds", clients, seconds, script(folder, keys)))
        say(f"{what}: {ours[-1]}; pgbench {theirs[-1]:,.0f}/s")
    ours, theirs = load.middle(ours), median(theirs)
    return {
        "what": what, "ours": f"{ours}", "theirs": f"pgbench {theirs:,.0f}/s",
        "ratio": f"{ours.rate / theirs:.2f}x", "reach": REACH[clients] if keys == 1 else "",
    }


def guarded(cluster, folder, clients, keys, seconds):
    path = f"{folder}/guarded.sql"
    with open(path, "w") as file:
        file.write(f"""
            \\set item random(1, {keys})
            BEGIN;
            UPDATE guarded SET units = units - 1 WHERE item = :item AND units >= 1;
            INSERT INTO guarded_holds (item, quantity, caller, expires_at)
            VALUES (:item, 1, 'shop', clock_timestamp() + interval '1 hour');
            COMMIT;
            """)
    output = run(
        [f"{cluster.programs}/pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "2",
         "-T", str(seconds), "-f", path, "-h", folder, "-p", "5432", "-U", "postgres", "postgres"])
    return float(re.search(r"tps = ([\d.]+)", output).group(1))


def refusals(service, folder, seconds):
    """Of a key that is sold out: all are answered 409."""
    before = service.metric('onhand_holds_total{event="refused"}')
    output = run(["wrk", "-t1", "-c64", f"-d{seconds}s", "--latency", "-s", script(folder, 0),
                  f"http://127.0.0.1:{service.port}/v1/holds"])
    count = int(re.search(r"(\d+) requests in", output).group(1))
    refused = service.metric('onhand_holds_total{event="refused"}') - before
    if refused < count or int(re.search(r"responses: (\d+)", output).group(1)) != count:
        raise SystemExit(f"not all were refused:\n{output}")
    say(f"refusals: {count / seconds:,.0f}/s")
    return {
        "what": "refusals of a sold-out key, 64 clients",
        "ours": f"{count / seconds:,.0f}/s, p50 {load.percentile(output, 50) / 1000:.2f} ms, "
                f"p99 {load.percentile(output, 99) / 1000:.2f} ms",
        "theirs": "", "ratio": "", "reach": "",
    }


def script(folder, keys):
    """One unit of a key at random; of the key that has none if `keys` is 0."""
    path = f"{folder}/hold-{keys}.lua"
    item = f"math.random(1, {keys})" if keys else "0"
    with open(path, "w") as file:
        file.write(f"""
            wrk.method = "POST"
            wrk.headers["Content-Type"] = "application/json"
            request = function()
              return wrk.format(nil, nil, nil,
                '{{"lines":[{{"item":' .. {item} .. ',"location":1,"quantity":1}}]}}')
            end
            """)
    return path
