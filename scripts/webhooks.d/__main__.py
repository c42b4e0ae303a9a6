"""Proves webhooks over a private server, real instances and a receiver that verifies; prints what was seen."""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bench.d"))

import alone
import backlog
import canary
import certificates
import counters
import kills
import neighbours
from cluster import Cluster
from instance import Instance
from processes import say
from receiver import Receiver

PARTS = {"canary": canary.prove, "certificates": certificates.prove, "neighbours": neighbours.prove,
         "backlog": backlog.prove, "alone": alone.prove, "kills": kills.prove}


class Harness:
    """What a part needs, and all of it ended behind the part."""

    def __init__(self, onhand):
        self.onhand = onhand
        self.folder = tempfile.mkdtemp(prefix="onhand-hooks-", dir="/tmp")
        self.running = []
        self.cluster = Cluster(self.folder)
        self.running.append(self.cluster)
        self.cluster.start()
        self.cluster.sql(counters.SCHEMA)

    def instance(self, name="a", **options):
        instance = Instance(self.onhand, self.cluster, self.folder, name, **options)
        self.running.append(instance)
        instance.init()
        instance.start()
        return instance

    def receiver(self, seed=1):
        receiver = Receiver(seed)
        self.running.append(receiver)
        return receiver

    def end(self):
        for running in reversed(self.running):
            running.stop()
        shutil.rmtree(self.folder)


def main():
    parser = argparse.ArgumentParser(prog="scripts/prove-webhooks", description=__doc__)
    parser.add_argument("--onhand", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--only", choices=PARTS, action="append", help="prove this part")
    parser.add_argument("--seed", type=int, help="of the parts with kills")
    parser.add_argument("--changes", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=20)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: exit(143))
    failed = False
    for name in options.only or PARTS:
        arguments = {"changes": options.changes, "kills": options.kills, "seed": options.seed}
        harness = Harness(options.onhand)
        try:
            result = PARTS[name](harness, **(arguments if name in ("alone", "kills") else {}))
        finally:
            harness.end()
        print(json.dumps({"part": name, **result}, indent=2), flush=True)
        failed |= not result["ok"]
    exit(1 if failed else 0)


if __name__ == "__main__":
    main()
