"""Compare what became of a program with what the reference says."""

from collections.abc import Iterator, Mapping
from typing import Any

from django_durable import failures, serialization
from tests.properties import talk_judge
from tests.properties.book import book
from tests.properties.plays import Boom
from tests.properties.reference import ANY, Reference
from tests.properties.snapshots import Snapshot
from tests.properties.talk_reference import Answer
from tests.test_serialization import shape


def differences(snapshot: Snapshot, expected: Reference, losses: int) -> Iterator[str]:
    """Say what is not as it should be at the end."""
    outcomes = {
        pk: [row["status"], _outcome(row)] for pk, row in snapshot.workflows.items()
    }
    steps = {
        key: [row["name"], row["kind"], _outcome(row)]
        for key, row in snapshot.steps.items()
    }
    retries = {key: n - 1 for key, n in expected.calls.items() if n > 1}
    yield from _compare(outcomes, _ended(expected))
    yield from _compare(steps, {k: [*v] for k, v in expected.steps.items()})
    yield from _compare(dict(snapshot.retries), retries)
    if set(snapshot.entries) != expected.entries:
        yield f"the business rows are {snapshot.entries}"
    yield from talk_judge.differences(snapshot.said, expected.talk, 2 + losses)
    for key, count in book.calls.items():
        if not 0 <= count - expected.calls[key] <= losses:
            yield f"{key} was called {count} times"
    for place, found in book.seen.items():
        if len(found | {expected.seen.get(place, min(found))}) > 1:
            yield f"at {place} the code had {found}, not {expected.seen.get(place)}"


def _compare(found: Mapping[str, Any], expected: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted(found.keys() | expected.keys()):
        if not _same(found.get(key), expected.get(key)):
            yield f"{key} is {found.get(key)}, not {expected.get(key)}"


def _ended(expected: Reference) -> dict[str, Any]:
    return {
        pk: ["ERROR" if isinstance(outcome, Boom) else "SUCCESS", outcome]
        for pk, outcome in expected.outcomes.items()
    }


def _same(found: Any, expected: Any) -> bool:
    """Tell whether two values are equal, with the types of everything in them."""
    if expected is ANY:
        return isinstance(found, float)
    if isinstance(expected, Exception):
        kind = type(expected)
        expected = f"{kind.__module__}:{kind.__qualname__}", str(expected)
    if isinstance(expected, Answer):
        found, expected = sorted(found.items()), sorted(expected.items())
    if type(expected) is list and type(found) is list:
        return len(found) == len(expected) and all(map(_same, found, expected))
    return shape(found) == shape(expected)


def _outcome(row: Mapping[str, Any]) -> Any:
    if row["error"] is not None:
        return failures.describe(row["error"])
    return None if row["output"] is None else serialization.loads(row["output"])
