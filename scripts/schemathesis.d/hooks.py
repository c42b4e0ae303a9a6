"""Values of our formats, and checks that hold the statuses which schemathesis.toml adds to what they are there for."""

import re

import schemathesis
from hypothesis import strategies

# What a valid request is refused for: only what depends on a view's columns, or on a page before.
COLUMN_CODES = {"bad_key", "bad_filter", "unknown_parameter"}
# Of a hold: the key's columns, bounds of the configuration, and texts that are no jsonb.
HOLD_FIELDS = re.compile(r"lines\[|ttl$|metadata$|$")
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

# Offsets up to 15:59, as PostgreSQL has them; their own format goes up to 23:59.
schemathesis.openapi.format("timestamptz", strategies.from_regex(
    r"20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
    r"(Z|[+-](0[0-9]|1[0-5]):[0-5][0-9])", fullmatch=True))


@schemathesis.hook
def map_query(context, query):
    """A valid time to wait becomes a short one: most positions are never reached, and a run would take hours.

    Where the database is asked, it becomes one in which it answers.
    """
    if query and "wait" in query and ("holds" in context.operation.path or "explain" in query):
        query["wait"] = "2s"
        return query
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
    if problem["code"] == "bad_webhook" and is_no_webhook(case.body):
        return
    if case.operation.path.startswith("/v1/holds") and HOLD_FIELDS.match(problem.get("parameter") or ""):
        return
    # Members beside the items are columns of the key.
    if case.operation.path == "/v1/availability" and set(case.body) - {"items", "location"}:
        return
    raise RefusedForItsColumns(f"a valid request is refused: {problem}")


def is_no_webhook(body):
    """What a contract can't tell: which of all URLs are of a receiver that may be reached, and that PagerDuty takes no batches."""
    host = re.match(r"https://([a-z0-9-]{1,63}\.)+[a-z]{2,63}(:[0-9]{1,5})?/", body.get("url", ""))
    pagerduty = body.get("template", {}).get("kind") == "pagerduty"
    return "url" in body and not host or pagerduty and "batch" in body


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
