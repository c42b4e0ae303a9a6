"""Asks for many rows at once while they change, and checks that each answer shows whole transactions."""

import http.client
import json
import multiprocessing
import queue
import random
import time

VIEW = "/v1/views/live_stock"
# Apart from those that measure: a connection each.
PROCESSES = 2
# Of each process. More would take the processor from those that are measured.
QUESTIONS_PER_SECOND = 100


class Checkers:
    def __init__(self, service, seconds):
        """Learns what each item has while nothing moves."""
        rows = json.loads(service.get(f"{VIEW}/rows?limit=10000")[1])["rows"]
        self.units = {}
        for row in rows:
            self.units[row["item_id"]] = self.units.get(row["item_id"], 0) + row["on_hand"]
        self.results = multiprocessing.Queue()
        self.processes = [
            multiprocessing.Process(
                target=check, args=(service.port, self.units, seconds, seed, self.results),
                daemon=True)
            for seed in range(PROCESSES)]
        self.seconds = seconds

    def start(self):
        for process in self.processes:
            process.start()

    def finish(self):
        """What was seen; ends the benchmark if an answer was wrong."""
        counts, positions = 0, 0
        for _ in self.processes:
            try:
                failure, count, moves = self.results.get(timeout=self.seconds + 60)
            except queue.Empty:
                raise SystemExit("a checker did not end") from None
            if failure:
                raise SystemExit(f"an answer is not of one position: {failure}")
            counts, positions = counts + count, positions + moves
        # Steps that have fallen behind show many transfers at once.
        if positions < 5 * self.seconds:
            raise SystemExit(f"{counts} answers showed {positions} positions: nothing was moved")
        return f"{counts:,} sums right, at {positions:,} positions"


def check(port, units, seconds, seed, results):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    generator = random.Random(seed)
    count, positions, last = 0, 0, None
    start = time.monotonic()
    failure = None
    while not failure and time.monotonic() < start + seconds:
        question = generator.choices(QUESTIONS, weights=WEIGHTS)[0]
        failure, position = question(connection, units, generator)
        failure = failure or backwards(last, position)
        positions += position != last
        last = position
        count += 1
        time.sleep(max(0, start + count / QUESTIONS_PER_SECOND - time.monotonic()))
    results.put((failure, count, positions))


def of_filter(connection, units, generator):
    item = generator.choice(list(units))
    answer, position = ask(connection, "GET", f"{VIEW}/rows?item_id=eq.{item}")
    return difference(answer["rows"], {item: units[item]}, answer, position)


def of_lookup(connection, units, generator):
    items = generator.sample(list(units), 50)
    keys = [[item, place] for item in items for place in range(1, 11)]
    answer, position = ask(connection, "POST", f"{VIEW}/lookup", {"keys": keys})
    return difference(
        [row for row in answer["rows"] if row], {item: units[item] for item in items}, answer,
        position)


def of_all(connection, units, generator):
    answer, position = ask(connection, "GET", f"{VIEW}/rows?limit=10000")
    return difference(answer["rows"], units, answer, position)


def of_availability(connection, units, generator):
    items = generator.sample(list(units), 20)
    answer, position = ask(connection, "POST", "/v1/availability", {"items": items})
    rows = [{"item_id": item["item"], "on_hand": place["on_hand"]}
            for item in answer["items"] for place in item["locations"]]
    return difference(rows, {item: units[item] for item in items}, answer, position)


def of_summary(connection, units, generator):
    """A view over the other one."""
    item = generator.choice(list(units))
    answer, position = ask(connection, "GET", f"/v1/views/network_summary/rows/{item}")
    wrong = answer["total_on_hand"] != units[item]
    return (f"{answer}, not {units[item]}" if wrong else None), position


QUESTIONS = [of_filter, of_lookup, of_availability, of_summary, of_all]
# All 10,000 rows are two megabytes.
WEIGHTS = [10, 10, 10, 10, 1]


def ask(connection, method, path, body=None):
    headers = {"Content-Type": "application/json"} if body else {}
    connection.request(method, path, body and json.dumps(body), headers)
    response = connection.getresponse()
    text = response.read()
    if response.status != 200:
        raise SystemExit(f"{method} {path}: {response.status} {text[:300]}")
    return json.loads(text), response.headers["Onhand-Position"]


def difference(rows, expected, answer, position):
    """What is wrong with an answer's rows, and its position."""
    seen = dict.fromkeys(expected, 0)
    for row in rows:
        seen[row["item_id"]] += row["on_hand"]
    if answer.get("position", position) != position:
        return f"the body is of {answer['position']}, the header of {position}", position
    wrong = {item: (seen[item], expected[item]) for item in seen if seen[item] != expected[item]}
    return (f"at {position}, units seen and right by item: {wrong}" if wrong else None), position


def backwards(last, position):
    def number(text):
        high, _, low = text.partition(":")[2].partition("/")
        return int(high, 16) << 32 | int(low, 16)

    if last and number(position) < number(last):
        return f"{position} after {last}"
    return None
