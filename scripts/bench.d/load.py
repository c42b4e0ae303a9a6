"""What wrk saw of a server, and what that cost the server."""

import re
from dataclasses import dataclass

from medians import median
from processes import run

MICROSECONDS = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000}


@dataclass
class Load:
    rate: float
    # Of latencies, in microseconds.
    p50: float
    p99: float
    # Processor time for each request, in microseconds.
    cost: float

    def __str__(self):
        return (f"{self.rate:,.0f}/s, p50 {self.p50 / 1000:.2f} ms, p99 {self.p99 / 1000:.2f} ms, "
                f"{self.cost:.1f} us CPU each")


def measure(program, port, path, connections, seconds, script=None):
    """Asks as fast as the answers come, with one thread; ends the benchmark at any failure."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    if script:
        command += ["-s", script]
    before = program.cpu_seconds()
    output = run([*command, f"http://127.0.0.1:{port}{path}"])
    used = program.cpu_seconds() - before
    if "Non-2xx" in output or "Socket errors" in output:
        raise SystemExit(f"wrk saw failures:\n{output}")
    count = int(re.search(r"(\d+) requests in", output).group(1))
    return Load(
        rate=float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1)),
        p50=percentile(output, 50), p99=percentile(output, 99), cost=used / count * 1_000_000)


def percentile(output, percent):
    number, unit = re.search(rf"\s{percent}%\s+([\d.]+)([a-z]+)", output).groups()
    return float(number) * MICROSECONDS[unit]


def middle(loads):
    return median(loads, lambda load: load.rate)
