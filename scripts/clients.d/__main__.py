"""Serves the demo's database to callers and to pages of one other origin, and lets each client ask it."""

import argparse
import hashlib
import json
import tempfile

import pages
from served import Served

TOKEN = "a token of the shop"


def main():
    parser = argparse.ArgumentParser(prog="scripts/clients", description=__doc__)
    parser.add_argument("--onhand", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("clients", nargs="*", help="curl, httpx, browser=PATH")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="onhand-clients-") as folder, pages.Pages() as site:
        path = f"{folder}/onhand.yaml"
        with open(path, "w") as file:
            # JSON is YAML.
            json.dump(configuration(options.database, site.allowed), file)
        with Served(options.onhand, path) as served:
            for client in options.clients:
                print(f"{client}: {ask(client, served, site)} checks")


def ask(client, served, site):
    """How many checks were made; each ends the program if it fails."""
    name, _, path = client.partition("=")
    if name == "curl":
        import of_curl
        return of_curl.check(served, TOKEN)
    if name == "httpx":
        import of_httpx
        return of_httpx.check(served, TOKEN)
    import of_browser
    return of_browser.check(served, TOKEN, site, path)


def configuration(database, origin):
    return {
        "database": database,
        "listen": "127.0.0.1:0",
        "views": ["low_stock_alerts", "live_stock", "network_summary"],
        "availability": {"view": "live_stock", "item": "item_id", "location": "location_id",
                         "on_hand": "on_hand", "low_stock_threshold": "reorder_point"},
        "callers": [{"name": "shop", "token_sha256": hashlib.sha256(TOKEN.encode()).hexdigest(),
                     "may": ["read", "admin"]}],
        "public": {"views": [{"name": "live_stock", "quantities": ["on_hand"]}], "cap": 10},
        "cors": {"origins": [origin]},
    }


main()
