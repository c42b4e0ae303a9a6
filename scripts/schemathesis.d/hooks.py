"""Values of our formats, and checks that hold the statuses which schemathesis.toml adds to what they are there for."""

import re

import schemathesis
from hypothesis import strategies

# What a valid request is refused for: only what depends on a view's columns, or on a page before.
COLUMN_CODES = {"bad_key", "bad_filter", "unknown_parameter"}
COLUMN_PARAMETERS = {"select", "order", "cursor"}

# Without a format no header with a pattern is given a valid value (4.32). Half of the first are reached long since.
schemathesis.openapi.format("wal-position", strategies.one_of(
    strategies.sampled_from(["0/0", "0/16B3748", "00000000/000000fF"]),
    strategies.from_regex(
        "([0-9a-z]{1,8}:)?[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}", fullmatch=True)))

schemathesis.openapi.format("onhand-position", strategies.one_of(
    strategies.just(""),
    strategies.from_regex(
        "[0-9a-z]{1,8}:[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}", fullmatch=True)))


@schemathesis.hook
def map_query(context, query):
    """A valid time to wait becomes a short one: most positions are never reached, and a run would take hours."""
    if query and re.fullmatch("0*([0-9]{1,2}s|[0-9]{1,5}ms)", str(query.get("wait", ""))):
        number = int(re.match("[0-9]+", query["wait"])[0])
        query["wait"] = "0" if number == 0 else f"{1 + number % 100}ms"
    return query


class RefusedForItsColumns(AssertionError):
    """A request as the contract wants it was refused for something that the contract could have told."""


class PositionNotReached(AssertionError):
    """504 without a position to wait for."""


@schemathesis.check
def refused_for_its_columns_only(ctx, response, case):
    if response.status_code != 400 or case.meta is None:
        return
    if not case.meta.generation.mode.is_positive:
        return
    problem = response.json()
    if problem["code"] in COLUMN_CODES or problem.get("parameter") in COLUMN_PARAMETERS:
        return
    raise RefusedForItsColumns(f"a valid request is refused: {problem}")


@schemathesis.check
def not_reached_is_a_position(ctx, response, case):
    if response.status_code != 504:
        return
    asked = {name.lower() for name in {**(case.query or {}), **(case.headers or {})}}
    if response.json()["code"] != "position_not_reached" or not asked & {
            "min_position", "onhand-min-position", "after", "last-event-id"}:
        raise PositionNotReached(response.text)


@schemathesis.check
def what_is_gone_is_a_position(ctx, response, case):
    if response.status_code == 410 and response.json()["code"] != "position_gone":
        raise AssertionError(response.text)


@schemathesis.check
def only_the_upgrade_is_missing(ctx, response, case):
    if response.status_code == 426 and response.json()["code"] != "websocket_upgrade_missing":
        raise AssertionError(response.text)
