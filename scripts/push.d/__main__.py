"""Proves push with clients that are not ours, each check on a PostgreSQL and an Onhand of its own."""

import argparse
import asyncio
import random
import signal
import sys
import time
import traceback

import chaos
import edges
import onhand_js
import schedules
import stall
import third_party
from hosts import Missing
from processes import be_verbose


def checks(options):
    """What is checked: name, and what makes the coroutine."""
    onhand, seed = options.onhand, options.seed
    return {
        "types": onhand_js.types,
        **{name: lambda check=check: check(onhand) for name, check in edges.CHECKS.items()},
        "onhand-js-node": lambda: onhand_js.check(onhand, "node", seed),
        "onhand-js-browser": lambda: onhand_js.check(onhand, "browser", seed),
        "chaos": lambda: chaos.check(onhand, seed, seconds=600 if options.long else 25),
        "schedules": lambda: schedules.check(onhand, seed, 1_000),
        "stall": lambda: stall.check(onhand, seed, seconds=60 if options.long else 8),
        "captures": lambda: stall.captures(onhand),
        "marks": lambda: stall.marks(onhand),
        "large-rows": lambda: stall.large_rows(onhand),
        "curl": lambda: third_party.curl(onhand, seed),
        "httpx-sse": lambda: third_party.events_of_httpx(onhand, seed),
        "httpx": lambda: third_party.long_polls(onhand, seed),
        "browser": lambda: third_party.browser(onhand, seed),
        "board": lambda: third_party.board(onhand, seed),
    }


def main():
    parser = argparse.ArgumentParser(prog="scripts/prove-push", description=__doc__)
    parser.add_argument("--onhand", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=random.getrandbits(32), help="decides what happens")
    parser.add_argument("--long", action="store_true", help="ten minutes of chaos, a stall of a minute")
    parser.add_argument("--only", action="append", help="a check's name, or how it begins; again for more")
    parser.add_argument("--verbose", action="store_true", help="print the commands that are run")
    options = parser.parse_args()
    # So that what was started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.verbose:
        be_verbose()
    print(f"seed {options.seed}", flush=True)
    sys.exit(run(checks(options), options.only or [""]))


def run(checks, beginnings):
    """Runs checks in order; returns how many failed."""
    failed = 0
    for name, start in checks.items():
        if not any(map(name.startswith, beginnings)):
            continue
        began = time.monotonic()
        try:
            said = asyncio.run(start())
            outcome = f"ok{': ' + said if said else ''}"
        except Missing as missing:
            outcome = f"SKIPPED, since this is missing: {missing}"
        except Exception:
            traceback.print_exc()
            outcome = "FAILED"
            failed += 1
        print(f"{name} {outcome} ({time.monotonic() - began:.0f} s)", flush=True)
    return failed


main()
