"""curl: what people type, and what its options make of HTTP."""

import json
import subprocess
import tempfile

from expect import Expectations


def check(served, token):
    expect = Expectations("curl")
    address, bearer = served.address, ["-H", f"Authorization: Bearer {token}"]

    def curl(*arguments, body=None):
        done = subprocess.run(
            ["curl", "-sS", "--max-time", "60", *bearer, *arguments], input=body, text=True,
            capture_output=True)
        expect(done.returncode == 0, f"curl {' '.join(arguments)} ends well", done.stderr)
        return done.stdout

    rows = json.loads(curl("-f", f"{address}/v1/views/live_stock/rows?limit=5"))["rows"]
    expect(len(rows) == 5, "a page has as many rows as asked for", rows)

    filtered = json.loads(curl(
        "-f", "-G", f"{address}/v1/views/live_stock/rows", "--data-urlencode", "region=eq.US-East",
        "--data-urlencode", 'or=(on_hand.lt.20,item.ilike."*e*")', "-d", "order=on_hand.desc"))
    units = [row["on_hand"] for row in filtered["rows"]]
    expect(units == sorted(units, reverse=True) and units, "filters are encoded and answered", units)

    head = curl("-I", f"{address}/v1/views/live_stock/rows/1,1")
    expect(head.startswith("HTTP/1.1 200") and "etag:" in head.lower(), "HEAD has an ETag", head)

    with tempfile.NamedTemporaryFile() as tag:
        first = ["-o", "/dev/null", "-w", "%{http_code}", "--etag-save", tag.name]
        again = ["-o", "/dev/null", "-w", "%{http_code}", "--etag-compare", tag.name]
        # A contract does not change meanwhile, as a row may.
        codes = [curl(*options, f"{address}/openapi.yaml") for options in [first, again]]
        expect(codes == ["200", "304"], "a tag that is saved gives 304", codes)

    whole = curl("-f", f"{address}/openapi.yaml")
    part = curl("-f", "-r", "0-99", f"{address}/openapi.yaml")
    expect(part == whole[:100], "a range is a part", part)
    expect(curl("-f", "--compressed", f"{address}/openapi.yaml") == whole, "gzip is undone")
    expect(curl("-f", "--http1.0", f"{address}/openapi.yaml") == whole, "HTTP/1.0 is answered")

    keys = json.dumps({"keys": [[1 + n % 50, 1 + n % 8] for n in range(5_000)]})
    json_type = ["-H", "Content-Type: application/json"]
    target = f"{address}/v1/views/live_stock/lookup"
    plain = json.loads(curl("-f", *json_type, "-d", "@-", target, body=keys))
    expect(len(plain["rows"]) == 5_000, "5,000 keys are looked up")
    for option in ["Expect: 100-continue", "Transfer-Encoding: chunked"]:
        answer = json.loads(curl("-f", *json_type, "-H", option, "-d", "@-", target, body=keys))
        expect(len(answer["rows"]) == 5_000, f"{option} is understood")

    connects = curl(
        "-o", "/dev/null", "-o", "/dev/null", "-w", "%{num_connects} ", f"{address}/healthz",
        f"{address}/v1/views")
    expect(connects.split() == ["1", "0"], "a connection is used again", connects)

    problem = curl("-w", " %{http_code} %{content_type}", f"{address}/v1/views/nothing")
    expect("unknown_view" in problem and problem.endswith(" 404 application/problem+json"),
           "errors are problem documents", problem)
    denied = subprocess.run(
        ["curl", "-sS", "-D", "-", f"{address}/v1/views/network_summary/rows"],
        capture_output=True, text=True).stdout
    expect(denied.startswith("HTTP/1.1 401") and "token_missing" in denied,
           "what is not public needs a token", denied)
    return expect.count
