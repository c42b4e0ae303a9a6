"""Signed deliveries: how many to a receiver that keeps connections, at what cost, and how long after the commit."""

import http.client
import json
import statistics
import time

from hook_receiver import Receiver
from medians import median
from nginx import Nginx
from processes import Program, say

DELIVERIES = 100_000
REACH = 5_000
CHANGES_PER_SECOND = 1_000
REACH_P99 = 50


def measure(cluster, service, folder, rounds, seconds, scale):
    return [deliveries(cluster, service, folder, rounds, scale), delays(cluster, service, folder, seconds)]


def deliveries(cluster, service, folder, rounds, scale):
    """Every row of a view changes in one transaction; nginx takes what is sent."""
    nginx = Nginx(folder, "hook_nginx", "location / { return 200 ''; }")
    hook = post(service, "/v1/webhooks", {
        "url": f"http://127.0.0.1:{nginx.port}/", "view": "live_stock", "concurrency": 64})
    try:
        found = []
        for _ in range(rounds):
            found.append(round_of(cluster, service, max(1, round(DELIVERIES * scale / 10_000))))
            say(f"deliveries: {found[-1][0]:,.0f}/s, {found[-1][1]:.0f} us CPU each")
    finally:
        delete(service, hook)
        nginx.program.end()
    rate, cost = median(found)
    return {
        "what": "signed deliveries, 64 connections, one at a time on each",
        "ours": f"{rate:,.0f}/s, {cost:.0f} us CPU each: {1_000_000 / cost:,.0f}/s per core",
        "theirs": "", "ratio": "", "reach": f"{REACH:,}/s per core",
    }


def round_of(cluster, service, times):
    """Rate, and processor time of each in microseconds, all that Onhand does for a change with it."""
    name = "onhand_webhook_deliveries_total"
    before, used = service.metric(name), service.program.cpu_seconds()
    started = time.monotonic()
    for _ in range(times):
        cluster.sql("""
            INSERT INTO stock_movements (item_id, location_id, kind, quantity)
            SELECT i, l, 'receipt', 1 FROM generate_series(1, 1000) i, generate_series(1, 10) l
            """)
    want = before + times * 10_000
    end = time.monotonic() + 300
    while service.metric(name) < want:
        if time.monotonic() > end:
            raise SystemExit(f"{service.metric(name) - before:,} of {want - before:,} delivered")
        time.sleep(0.02)
    seconds = time.monotonic() - started
    return (want - before) / seconds, (service.program.cpu_seconds() - used) / (want - before) * 1e6


def delays(cluster, service, folder, seconds):
    """Single changes at a steady rate, to a receiver that looks at the time."""
    receiver = Receiver()
    hook = post(service, "/v1/webhooks", {
        "url": f"http://127.0.0.1:{receiver.port}/", "view": "live_stock", "concurrency": 16})
    script = f"{folder}/hook.sql"
    with open(script, "w") as file:
        file.write("""
            \\set item random(1, 1000)
            \\set location random(1, 10)
            INSERT INTO stock_movements (item_id, location_id, kind, quantity)
            VALUES (:item, :location, 'receipt', 1);
            """)
    writer = Program(
        # Otherwise the server sends nothing until its next flush, which is 200 ms away.
        ["env", "PGOPTIONS=-c synchronous_commit=on",
         f"{cluster.programs}/pgbench", "-n", "-M", "prepared", "-c", "4", "-T", str(seconds + 2),
         "-R", str(CHANGES_PER_SECOND), "-f", script, "-h", cluster.folder, "-p", "5432",
         "-U", "postgres", "postgres"], f"{folder}/hook_pgbench.log")
    try:
        # What comes while all of it starts is not counted.
        time.sleep(1)
        receiver.delays()
        time.sleep(seconds)
        found = receiver.delays()
    finally:
        writer.end()
        delete(service, hook)
        receiver.stop()
    quantiles = statistics.quantiles(found, n=100)
    say(f"delays: {len(found):,} deliveries, p50 {quantiles[49]:.1f} ms, p99 {quantiles[98]:.1f} ms")
    return {
        "what": f"commit to receiver, {CHANGES_PER_SECOND:,} changes/s",
        "ours": f"p50 {quantiles[49]:.1f} ms, p99 {quantiles[98]:.1f} ms; {len(found) / seconds:,.0f}/s arrived",
        "theirs": "", "ratio": "", "reach": f"p99 {REACH_P99} ms",
    }


def ask(service, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    connection.request(
        method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"} if body else {})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    if answer.status >= 300:
        raise SystemExit(f"{method} {path}: {answer.status} {text}")
    return json.loads(text) if text else None


def post(service, path, body):
    return ask(service, "POST", path, body)


def delete(service, hook):
    ask(service, "DELETE", f"/v1/webhooks/{hook['id']}")
