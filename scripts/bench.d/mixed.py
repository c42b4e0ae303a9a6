"""Reads while stock is moved about: no failure, each answer of one position, and how fast.

Each transaction takes units from one location of an item and puts them to another, so an item's units stay what they were
before. Readers ask for single rows as fast as they are answered; checkers ask for many rows at once and add them up.
"""

import re

import load
from checker import Checkers
from processes import Program, say

# Two rows each, in one transaction.
TRANSFERS_PER_SECOND = 2_000
CONNECTIONS = 32
READS_PER_SECOND = 20_000


def measure(cluster, service, folder, seconds):
    checkers = Checkers(service, seconds)
    writer = start_writer(cluster, folder, seconds + 2)
    try:
        checkers.start()
        before = service.metric("onhand_transactions_total")
        ours = load.measure(
            service.program, service.port, "/", CONNECTIONS, seconds, read_script(folder))
        applied = service.metric("onhand_transactions_total") - before
        checked = checkers.finish()
        writer.process.wait(seconds + 60)
    finally:
        writer.end()
    with open(writer.log) as file:
        report = file.read()
    written = float(re.search(r"tps = ([\d.]+)", report).group(1))
    say(f"reads while {written:,.0f} transfers/s are written: {ours}; {checked}")
    return [{
        "what": f"single-key GET, {CONNECTIONS} connections, {written:,.0f} transfers/s",
        "ours": f"{ours}; {applied / seconds:,.0f} transfers/s applied meanwhile; {checked}",
        "theirs": "", "ratio": "", "reach": f"{READS_PER_SECOND:,}/s",
    }]


def start_writer(cluster, folder, seconds):
    """Transfers at a steady rate."""
    script = f"{folder}/transfer.sql"
    with open(script, "w") as file:
        file.write("""
            \\set item random(1, 1000)
            \\set from random(1, 10)
            \\set to random(1, 10)
            \\set units random(1, 5)
            INSERT INTO stock_movements (item_id, location_id, kind, quantity)
            VALUES (:item, :from, 'sale', :units), (:item, :to, 'receipt', :units);
            """)
    return Program(
        [f"{cluster.programs}/pgbench", "-n", "-M", "prepared", "-c", "4", "-T", str(seconds),
         "-R", str(TRANSFERS_PER_SECOND), "-f", script,
         # Only what is flushed is sent: without waiting for that, the log would come in bursts.
         f"{cluster.conninfo} options='-c synchronous_commit=on'"], f"{folder}/pgbench.log")


def read_script(folder):
    """Keys at random, out of those that the view has."""
    path = f"{folder}/keys.lua"
    with open(path, "w") as file:
        file.write("""
            request = function()
              local key = math.random(1, 1000) .. "," .. math.random(1, 10)
              return wrk.format("GET", "/v1/views/live_stock/rows/" .. key)
            end
            """)
    return path
