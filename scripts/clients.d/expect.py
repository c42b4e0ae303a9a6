"""Counts checks, and ends the program at the first that fails."""


class Expectations:
    def __init__(self, client):
        self.client = client
        self.count = 0

    def __call__(self, holds, what, seen=""):
        self.count += 1
        if not holds:
            raise SystemExit(f"{self.client}: {what} does not hold: {seen}")
