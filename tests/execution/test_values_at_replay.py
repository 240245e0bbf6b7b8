"""The value that a step returns is the value that its replay returns."""

import datetime as dt
import math
import uuid
from decimal import Decimal

import pytest

import django_durable as durable
from tests.running import COLD, result_of, worker
from tests.values import Colour, Item

pytestmark = pytest.mark.django_db(transaction=True)

UTC = dt.UTC
VALUES = {
    "None": None,
    "bool": True,
    "large int": 2**70,
    "float": 1e22,
    "negative zero": -0.0,
    "tiny float": 5e-324,
    "infinity": math.inf,
    "str": "Größe 注文 🙂",
    "NUL": "a\0b",
    "lone surrogate": "a\ud800b",
    "empty list": [],
    "tuple": (1, (2, [3])),
    "set": {1, 2, 3},
    "frozenset": frozenset({"a"}),
    "bytes": b"\x00\xff",
    "microseconds": dt.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    "other zone": dt.datetime(
        2026, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30))
    ),
    "naive datetime": dt.datetime(2026, 1, 2, 3, 4, 5, 6),
    "year 1": dt.datetime(1, 1, 1, tzinfo=UTC),
    "date": dt.date(2026, 1, 2),
    "time": dt.time(1, 2, 3, 4),
    "timedelta": dt.timedelta(days=-1, microseconds=1),
    "Decimal": Decimal("1.10"),
    "UUID": uuid.UUID(int=7),
    "int keys": {1: "a", "1": "b"},
    "tuple keys": {(1, 2): {"deep": (3,)}},
    "Enum": Colour.RED,
    "dataclass": Item("tea", Decimal("2.50"), ["hot"]),
}

seen = []


def shape(value):
    """Return a value with the types of everything in it."""
    if isinstance(value, dict):
        return dict, [(shape(k), shape(v)) for k, v in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), [shape(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return type(value), sorted(map(repr, value))
    return type(value), repr(value), getattr(value, "tzinfo", None)


@durable.step
def give(key):
    return VALUES[key]


@durable.transaction
def give_atomically(key):
    return VALUES[key]


@durable.step
async def agive(key):
    return VALUES[key]


@durable.workflow
def look_at_all():
    seen.append([(give(key), give_atomically(key)) for key in VALUES])
    durable.sleep(0.1)
    return [give(key) for key in VALUES]


@durable.workflow
async def alook_at_all():
    seen.append([(await agive(key), await give.acall(key)) for key in VALUES])
    await durable.asleep(0.1)
    return [await agive(key) for key in VALUES]


@durable.step
def change_argument(items):
    items.append("changed")
    return items


@durable.workflow
def share():
    given = ["a"]
    returned = change_argument(given)
    returned.append("later")
    seen.append((given, returned, returned is given))
    durable.sleep(0.1)
    return returned


@durable.workflow
def echo(*args, **kwargs):
    return [list(args), kwargs]


@pytest.fixture(autouse=True)
def nothing_seen():
    seen.clear()


@pytest.mark.parametrize("definition", [look_at_all, alook_at_all])
def test_values_have_the_same_types_on_the_first_run_and_at_replay(
    settings, definition
):
    settings.DURABLE = COLD
    expected = [shape(value) for value in VALUES.values()]

    with worker():
        results = result_of(definition.start())

    assert len(seen) == 2
    for run in seen:
        assert [shape(first) for first, _ in run] == expected
        assert [shape(second) for _, second in run] == expected
    assert [shape(value) for value in results] == expected


def test_a_result_is_a_copy_of_what_the_step_returned(settings):
    settings.DURABLE = COLD

    with worker():
        result_of(share.start())

    (_, first, is_same), (_, second, _) = seen
    assert first == second == ["a", "changed", "later"]
    assert not is_same


def test_arguments_arrive_with_their_types():
    values = list(VALUES.values())

    with worker():
        args, kwargs = result_of(echo.start(*values, key=(1, 2)))

    assert [shape(value) for value in args] == [shape(value) for value in values]
    assert kwargs == {"key": (1, 2)}


def test_a_nan_arrives_as_a_nan():
    with worker():
        ((value,), _) = result_of(echo.start(math.nan))

    assert math.isnan(value)


def test_a_direct_call_gives_what_a_worker_would_give():
    args, _ = echo(*VALUES.values())

    assert [shape(value) for value in args] == [shape(v) for v in VALUES.values()]
