"""The table that the proofs change, and what must have arrived of it."""

SCHEMA = """
    CREATE TABLE counters (id int PRIMARY KEY, value int NOT NULL, sent_at float8);
    ALTER TABLE counters REPLICA IDENTITY FULL;
    CREATE VIEW counter AS SELECT id, value, sent_at FROM counters;
"""


def add(keys):
    return f"INSERT INTO counters SELECT n, 1 FROM generate_series(1, {keys}) n"


def bump(first, last):
    """Adds 1 to these counters, in one transaction."""
    return f"UPDATE counters SET value = value + 1 WHERE id BETWEEN {first} AND {last}"


def values(cluster):
    return {int(key): int(value) for key, value in
            (line.split("\t") for line in cluster.sql("SELECT id, value FROM counters"))}
