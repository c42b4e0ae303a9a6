"""What a client has of one subscription, kept by the letter of docs/push.md."""

import json


def in_order(rows):
    """As text, since values may be NULL."""
    return sorted(rows, key=repr)


class Broken(Exception):
    """The server has not kept its promise."""


class Mirror:
    """Applies frames and looks whether each is what the protocol allows at its place."""

    def __init__(self, name, check=None):
        self.name = name
        self.key = None
        self.rows = {}
        self.copies = {}
        self.failed = {}
        self.position = None
        self.told = None
        self.staged = []
        self.resyncs = []
        # Rows that snapshots were written with.
        self.written = 0
        self.steps = 0
        # By identity, of rows that have a version: none may be told that is older than one told before.
        self.versions = {}
        self.check = check
        """Called with the mirror whenever rows may be shown."""

    def connection_begins(self):
        """Nothing that was told on another connection counts."""
        self.told = None
        self.staged = []

    def take(self, kind, frame):
        match kind:
            case "resumed":
                self.expect(frame["position"] == self.position, f"resumed at {frame}, not {self.position}")
                self.key = frame["key"]
                self.told = frame["position"]
            case "resynced":
                self.staged, self.told = [], None
                self.resyncs.append(frame["reason"])
            case "snapshot" | "changes":
                self.stage(kind, frame)
            case _:
                self.expect(False, f"{kind}: {frame}")

    def stage(self, kind, frame):
        position = frame.get("position")
        self.expect((position is None) == frame.get("more", False), f"neither position nor more: {kind}")
        if kind == "changes" and position:
            self.expect(frame["previous"] == self.told, f"previous {frame['previous']}, told {self.told}")
        if kind == "snapshot":
            self.expect(self.told is None, "a snapshot without resynced")
        self.staged.append((kind, frame))
        if position:
            self.apply(position)

    def apply(self, position):
        staged, self.staged = self.staged, []
        if staged[0][0] == "snapshot":
            self.rows, self.copies, self.failed = {}, {}, {}
        for kind, frame in staged:
            if kind == "snapshot":
                self.apply_snapshot(frame)
            else:
                for change in frame["changes"]:
                    self.apply_change(change)
        self.moved(position)
        self.steps += 1
        if self.check:
            self.check(self)

    def apply_snapshot(self, frame):
        self.key = frame["key"]
        self.written += len(frame["rows"])
        for row in frame["rows"]:
            identity = self.identify(row)
            self.copies[identity] = self.copies.get(identity, 0) + 1
            self.expect(not self.key or self.copies[identity] == 1, f"twice in a snapshot: {row}")
            self.put(identity, row)
        for failure in frame.get("failed", []):
            self.failed[self.identify(failure["key"])] = failure["error"]

    def apply_change(self, change):
        identity = self.identify(change.get("row") or change["key"])
        self.failed.pop(identity, None)
        if change["op"] == "upsert":
            self.put(identity, change["row"])
            self.copies[identity] = change.get("copies", 1)
            return
        self.rows.pop(identity, None)
        self.copies.pop(identity, None)
        if "error" in change:
            self.failed[identity] = change["error"]

    def put(self, identity, row):
        if version := row.get("version"):
            known = self.versions.get(identity, 0)
            self.expect(version >= known, f"{identity} at version {version} after {known}")
            self.versions[identity] = version
        self.rows[identity] = row

    def heartbeat(self, position):
        """Counts as told to whoever has been told something on this connection."""
        if self.told is not None:
            self.expect(not self.staged, "a heartbeat's position between frames with more")
            self.moved(position)

    def moved(self, position):
        if self.position and self.position.partition(":")[0] == position.partition(":")[0]:
            self.expect(number(self.position) <= number(position), f"{position} after {self.position}")
        self.position = self.told = position

    def identify(self, row):
        # What failed of a key is an object.
        return tuple(json.dumps(value) if isinstance(value := row[name], dict) else value
                     for name in (self.key or sorted(row)))

    def memory(self):
        """What it knows now, to be gone back to."""
        return {name: value.copy() if isinstance(value, dict) else value
                for name in ("rows", "copies", "failed", "position", "key", "versions")
                for value in [getattr(self, name)]}

    def remember(self, memory):
        """Goes back to what it knew once."""
        for name, value in memory.items():
            setattr(self, name, value.copy() if isinstance(value, dict) else value)

    def sorted_rows(self):
        """Rows as often as they are there."""
        return in_order(
            tuple(sorted(row.items())) for identity, row in self.rows.items()
            for _ in range(self.copies[identity]))

    def expect(self, is_so, what):
        if not is_so:
            raise Broken(f"{self.name}: {what}")


def number(position):
    high, _, low = position.partition(":")[2].partition("/")
    return int(high, 16) << 32 | int(low, 16)
