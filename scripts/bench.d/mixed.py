"""Reads of single keys while the database changes: no failure, and how fast."""

import re

import load
from processes import Program, say

CHANGES_PER_SECOND = 2_000
CONNECTIONS = 32
READS_PER_SECOND = 20_000


def measure(cluster, service, folder, seconds):
    writer = start_writer(cluster, folder, seconds + 2)
    try:
        before = service.metric("onhand_transactions_total")
        ours = load.measure(
            service.program, service.port, "/", CONNECTIONS, seconds, read_script(folder))
        applied = service.metric("onhand_transactions_total") - before
        writer.process.wait(seconds + 60)
    finally:
        writer.end()
    with open(writer.log) as file:
        report = file.read()
    written = float(re.search(r"tps = ([\d.]+)", report).group(1))
    say(f"reads while {written:,.0f} transactions/s are written: {ours}")
    return [{
        "what": f"single-key GET, {CONNECTIONS} connections, {written:,.0f} changes/s",
        "ours": f"{ours}; {applied / seconds:,.0f} changes/s applied meanwhile",
        "theirs": "", "ratio": "", "reach": f"{READS_PER_SECOND:,}/s",
    }]


def start_writer(cluster, folder, seconds):
    """Transactions of one row at a steady rate."""
    script = f"{folder}/change.sql"
    with open(script, "w") as file:
        file.write("""
            \\set item random(1, 1000)
            \\set location random(1, 10)
            INSERT INTO stock_movements (item_id, location_id, kind, quantity)
            VALUES (:item, :location, 'receipt', 1);
            """)
    return Program(
        [f"{cluster.programs}/pgbench", "-n", "-M", "prepared", "-c", "4", "-T", str(seconds),
         "-R", str(CHANGES_PER_SECOND), "-f", script, "-h", cluster.folder, "-p", "5432",
         "-U", "postgres", "postgres"], f"{folder}/pgbench.log")


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
