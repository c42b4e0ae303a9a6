"""How fast a backlog in the log becomes rows of views, beside pg_recvlogical throwing it away.

Both have a slot at the same point and are told to go when the backlog is complete. Onhand's slot lives in its session, so
Onhand and the server process that sends to it are paused while the backlog is written: neither has seen any of it.
"""

import os
import signal
import statistics
import time

from processes import run, say
from service import lsn_value

# Rows, and rows in a transaction.
BACKLOGS = [(300_000, 1), (1_000_000, 1_000), (1_000_000, 1_000_000)]


def measure(cluster, service, rounds, scale):
    rows = []
    for count, size in BACKLOGS:
        size = max(1, int(size * scale)) if size == count else size
        count = max(size, int(count * scale))
        ours, theirs = [], []
        for number in range(rounds):
            our_time, their_time = one_round(cluster, service, count, size, number)
            ours.append(our_time)
            theirs.append(their_time)
        rows.append(row(count, size, statistics.median(ours), statistics.median(theirs), service.keeps))
    return rows


def row(count, size, ours, theirs, has_log):
    what = "one transaction" if size == count else f"{size:,}-row transactions"
    what += ", change log on" if has_log else ""
    return {
        "what": f"catch-up, {count:,} rows, {what}",
        "ours": f"{ours:.2f} s ({count / ours:,.0f} rows/s)",
        "theirs": f"pg_recvlogical {theirs:.2f} s ({count / theirs:,.0f} rows/s)",
        "ratio": f"{theirs / ours:.2f}x",
        "reach": "0.6x" if has_log else "0.95x",
    }


def one_round(cluster, service, count, size, number):
    """Seconds that Onhand and pg_recvlogical took."""
    sender = walsender(cluster)
    for pid in (service.program.pid, sender):
        os.kill(pid, signal.SIGSTOP)
    try:
        cluster.sql("SELECT pg_create_logical_replication_slot('bench', 'pgoutput')")
        end = write_backlog(cluster, count, size)
        their_time = None
        # Whoever comes second finds the log in the page cache; they take turns.
        if number % 2 == 0:
            their_time = drain(cluster, end)
        our_time = apply(service, sender, end)
        if their_time is None:
            their_time = drain(cluster, end)
    finally:
        resume(service, sender)
    cluster.sql("SELECT pg_drop_replication_slot('bench')")
    say(f"catch-up of {count:,} rows by {size:,}: {our_time:.2f} s, "
        f"pg_recvlogical {their_time:.2f} s")
    return our_time, their_time


def resume(service, sender):
    """After a failure they may be gone, or never have been paused."""
    for pid in (sender, service.program.pid):
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass


def walsender(cluster):
    found = cluster.sql("SELECT active_pid FROM pg_replication_slots WHERE active")
    if len(found) != 1:
        raise SystemExit(f"expected Onhand's slot alone to be active, found {found}")
    return int(found[0])


def write_backlog(cluster, count, size):
    """Writes it and returns the position where it ends; one more transaction follows, whose start tells both that the
    end was passed."""
    cluster.sql(f"CALL backlog({count}, {size})")
    end = cluster.sql("SELECT pg_current_wal_insert_lsn()")[0]
    # Synchronous, so that all of it is flushed: only what is flushed is sent.
    cluster.sql("SET synchronous_commit = on; SELECT move(1, 1)")
    return end


def drain(cluster, end):
    command = [
        f"{cluster.programs}/pg_recvlogical", "-d", cluster.conninfo, "--slot", "bench",
        "--start", "--no-loop", "-f", "/dev/null", "-o", "proto_version=1",
        "-o", "publication_names=onhand", "-o", "binary=true", "--endpos", end]
    start = time.monotonic()
    run(command)
    return time.monotonic() - start


def apply(service, sender, end):
    start = time.monotonic()
    os.kill(sender, signal.SIGCONT)
    os.kill(service.program.pid, signal.SIGCONT)
    goal = lsn_value(end)
    while service.lsn() < goal:
        # Often enough for seconds, and seldom enough to take nothing from those measured.
        time.sleep(0.02)
    seconds = time.monotonic() - start
    if service.metric("onhand_bootstraps_total") != 1:
        raise SystemExit("onhand lost its slot and took a new snapshot: this measured nothing")
    return seconds
