"""Runs the benchmarks over one private server and one Onhand, and prints one table."""

import argparse
import os
import shutil
import signal
import tempfile

import catch_up
import holds
import idle
import key_reads
import mixed
import push
import restart
import webhooks
from cluster import Cluster
from processes import be_verbose, say
from service import Service

PARTS = ["idle", "reads", "mixed", "push", "webhooks", "catch-up", "holds", "restart"]
COLUMNS = ["what", "ours", "theirs", "ratio", "reach"]


def main():
    options = parse()
    if options.verbose:
        be_verbose()
    # So that the `finally` below is reached.
    signal.signal(signal.SIGTERM, lambda *_: exit(143))
    # Short, since a socket's path may have 107 bytes; not in a home folder, which the server's account can't enter.
    folder = tempfile.mkdtemp(prefix="onhand-bench-", dir="/tmp")
    running = []
    try:
        rows, version = measure(options, folder, running)
    finally:
        for program in reversed(running):
            program.stop()
        shutil.rmtree(folder)
    print_table(rows)
    print(f"\nPostgreSQL {version}, {os.cpu_count()} processors, "
          f"medians of {options.rounds} alternating rounds")


def parse():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--onhand", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part")
    parser.add_argument("--rounds", type=int, default=3, help="default 3")
    parser.add_argument("--scale", type=float, default=1.0,
                        help="multiplies backlogs and durations; below 1 for a quick look")
    parser.add_argument("--verbose", action="store_true", help="print the commands that are run")
    return parser.parse_args()


def measure(options, folder, running):
    parts = options.only or PARTS
    say("starting a private PostgreSQL")
    cluster = Cluster(folder)
    running.append(cluster)
    cluster.start()
    cluster.load(f"{os.path.dirname(os.path.abspath(__file__))}/shop.sql")
    service = Service(options.onhand, cluster, folder)
    running.append(service)
    service.start()
    seconds = max(1, round(10 * options.scale))
    rows = []
    if "idle" in parts:
        rows += idle.measure(service, seconds)
    if "reads" in parts:
        rows += key_reads.measure(service, folder, options.rounds, max(1, seconds // 2))
    if "mixed" in parts:
        rows += mixed.measure(cluster, service, folder, seconds)
    if "push" in parts:
        rows += push.measure(cluster, service, folder, options.rounds, seconds)
    if "webhooks" in parts:
        rows += webhooks.measure(cluster, service, folder, options.rounds, seconds, options.scale)
    if "catch-up" in parts:
        rows += catch_up.measure(cluster, service, options.rounds, options.scale)
        service.stop()
        logged = Service(options.onhand, cluster, folder, keeps=True)
        running.append(logged)
        logged.start()
        rows += catch_up.measure(cluster, logged, options.rounds, options.scale)
        logged.stop()
    if "holds" in parts:
        # Over a server of its own, whose commits are on the disk.
        service.stop()
        rows += holds.measure(options.onhand, folder, options.rounds, max(1, seconds // 2))
    if "restart" in parts:
        service.stop()
        rows += restart.measure(options.onhand, folder, options.rounds, options.scale)
    return rows, cluster.version()


def print_table(rows):
    table = [COLUMNS] + [[row[column] for column in COLUMNS] for row in rows]
    widths = [max(map(len, column)) for column in zip(*table)]
    table.insert(1, ["-" * width for width in widths])
    for cells in table:
        print("| " + " | ".join(map(str.ljust, cells, widths)) + " |")


main()
