"""Reads beside nginx, one worker each, one load generator thread: a row beside the same bytes from memory, a list beside a
file of the same size."""

import json

import load
from nginx import Nginx
from processes import say

ROW = "/v1/views/live_stock/rows/1,1"
LIST = "/v1/views/live_stock/rows?limit=100"
LIST_FILE = "/list.json"
LOOKUP_KEYS = 1_000


def measure(service, folder, rounds, seconds):
    nginx = nginx_with(service, folder)
    try:
        rows = [
            compare(service, nginx, what, paths, connections, reach, rounds, seconds)
            for what, paths, connections, reach in [
                ("single-key GET", (ROW, ROW), 32, "1.00x"),
                ("single-key GET", (ROW, ROW), 256, "1.00x"),
                ("list of 100 rows", (LIST, LIST_FILE), 32, ""),
            ]]
    finally:
        nginx.program.end()
    return rows + [lookups(service, folder, seconds)] + filters(service, seconds)


def compare(service, nginx, what, paths, connections, reach, rounds, seconds):
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(load.measure(nginx.program, nginx.port, paths[1], connections, seconds))
        ours.append(load.measure(service.program, service.port, paths[0], connections, seconds))
        say(f"{what}, {connections} connections: {ours[-1]}; nginx {theirs[-1]}")
    ours, theirs = load.middle(ours), load.middle(theirs)
    return {
        "what": f"{what}, {connections} connections",
        "ours": f"{ours}",
        "theirs": f"nginx {theirs}",
        "ratio": f"{ours.rate / theirs.rate:.2f}x",
        "reach": reach,
    }


def lookups(service, folder, seconds):
    keys = [[1 + n % 1_000, 1 + n // 1_000] for n in range(LOOKUP_KEYS)]
    script = f"{folder}/lookup.lua"
    with open(script, "w") as file:
        file.write(f"""
            wrk.method = "POST"
            wrk.headers["Content-Type"] = "application/json"
            wrk.body = '{json.dumps({"keys": keys})}'
            """)
    ours = load.measure(
        service.program, service.port, "/v1/views/live_stock/lookup", 32, seconds, script)
    return {
        "what": f"look-up of {LOOKUP_KEYS:,} keys, 32 connections", "ours": f"{ours}",
        "theirs": "", "ratio": "", "reach": "",
    }


def filters(service, seconds):
    """Of 10,000 rows: by the whole key, by the item that the view is grouped by, and by a column that finds nothing."""
    rows = []
    for what, query in [
            ("list of 3 keys by filter", "item_id=eq.17&location_id=in.(1,2,3)"),
            ("list of an item's 10 rows by filter", "item_id=eq.17"),
            ("list of no rows, all gone through", "item=eq.none")]:
        ours = load.measure(
            service.program, service.port, f"/v1/views/live_stock/rows?{query}", 32, seconds)
        say(f"{what}: {ours}")
        rows.append({"what": f"{what}, 32 connections", "ours": f"{ours}", "theirs": "",
                     "ratio": "", "reach": ""})
    return rows


def nginx_with(service, folder):
    status, body, headers = service.get(ROW)
    if status != 200 or "'" in body or "$" in body or "\\" in body:
        raise SystemExit(f"can't compare on this answer: {status} {body}")
    with open(f"{folder}{LIST_FILE}", "w") as file:
        file.write(service.get(LIST)[1])
    return Nginx(folder, "nginx", f"""
        location = {LIST_FILE} {{
          root {folder};
          sendfile on;
          tcp_nopush on;
          open_file_cache max=10;
        }}
        location / {{
          default_type {headers["Content-Type"]};
          add_header Onhand-Position '{headers["Onhand-Position"]}';
          return 200 '{body}';
        }}
        """)
