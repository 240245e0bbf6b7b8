import math
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from django_durable.exceptions import SerializationError
from django_durable.serialization import (
    dumps,
    is_immutable_scalar,
    loads,
)
from tests.values import Colour, Item, Level, Rights, Text, roundtrip

BERLIN = ZoneInfo("Europe/Berlin")


def shape(value):
    """Return the value with everything that == overlooks."""
    if isinstance(value, (list, tuple)):
        return type(value), [shape(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return type(value), sorted((shape(item) for item in value), key=repr)
    if isinstance(value, dict):
        return type(value), [(shape(key), shape(item)) for key, item in value.items()]
    if isinstance(value, (datetime, time)):
        return type(value), value.isoformat(), type(value.tzinfo), str(value.tzinfo)
    if isinstance(value, Item):
        return Item, shape(vars(value))
    return type(value), repr(value)


offsets = st.integers(-86_399, 86_399).map(
    lambda seconds: timezone(timedelta(seconds=seconds))
)


zones = st.sampled_from([None, UTC, BERLIN, ZoneInfo("America/New_York")]) | offsets


odd_texts = st.sampled_from(["\0", "\ud83d\ude00", "$tuple", "$dict", "$", "\\ud800"])


# Deferred, because Hypothesis writes out the others at every level.
atoms = st.deferred(
    lambda: (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(st.characters(exclude_categories=()))
        | odd_texts
        | st.sampled_from([-0.0, 1e22, 2**70])
        | st.binary()
        | st.datetimes(timezones=zones, allow_imaginary=False)
        | st.dates()
        | st.times(timezones=zones)
        | st.timedeltas()
        | st.decimals().filter(lambda number: not number.is_snan())
        | st.uuids()
        | st.sampled_from([*Colour, *Rights, Rights.READ | Rights.WRITE, Rights(0)])
    )
)


hashables = st.deferred(lambda: atoms | st.tuples(atoms, atoms) | st.frozensets(atoms))


values = st.recursive(
    atoms,
    lambda each: (
        st.lists(each)
        | st.tuples(each, each)
        | st.dictionaries(odd_texts | st.text(), each)
        | st.dictionaries(hashables, each)
        | st.sets(hashables)
        | st.frozensets(hashables)
        | st.lists(each).map(lambda tags: Item("a", Decimal(1), tags))
    ),
    max_leaves=20,
)


patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@patient
@given(values)
def test_every_value_comes_back_with_the_same_types(value):
    text = dumps(value, "value")

    assert text.isascii() or text.encode()
    assert "\0" not in text
    assert shape(loads(text)) == shape(value)


@patient
@given(st.text() | values.map(lambda value: dumps(value, "value")[:-1]))
def test_any_other_text_raises_nothing_but_the_documented_error(text):
    with suppress(SerializationError):
        loads("json:" + text.removeprefix("json:"))


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 1, 1.5, "é", -0.0, 1e22, 5e-324, 2**70, 10**4299, ""),
        *(math.inf, -math.inf, math.nan, "\0", "\ud800", "a\0\\x00\udfff😀"),
        *([], {}, (), set(), frozenset(), b"", b"\0\xff", [[1], (2,), {3}]),
        *({1: "a", "1": "b"}, {None: 1}, {(1, 2): {3: 4}}, {1.0: {True}}),
        *({"$tuple": [1]}, {"$": 1}, {"$dict": [], "b": 1}, {"a": {"$set": 1}}),
        *(
            Decimal("NaN"),
            Decimal("sNaN"),
            Decimal("-Infinity"),
            Decimal("1.10"),
            Decimal("-0"),
        ),
        *(date.min, time(1, 2, 3, 4), time(1, tzinfo=UTC), time(1, tzinfo=BERLIN)),
        *(timedelta.min, timedelta.max, timedelta(microseconds=-1), UUID(int=0)),
        *(datetime.min, datetime.max, datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)),
        datetime(1890, 1, 1, tzinfo=timezone(timedelta(minutes=53, seconds=28))),
        datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN),
    ],
    ids=repr,
)
def test_a_value_comes_back_with_the_same_type(value):
    assert shape(roundtrip(value)) == shape(value)


def test_a_time_that_exists_twice_comes_back_as_the_same_instant():
    twice = [datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=fold) for fold in (0, 1)]

    found = roundtrip(twice)

    assert [each.utcoffset() for each in found] == [
        timedelta(hours=2),
        timedelta(hours=1),
    ]


def test_the_order_of_a_dict_is_kept():
    assert list(roundtrip({"b": 1, "a": 2})) == ["b", "a"]
    assert list(roundtrip({2: 1, "1": 2, 1: 3})) == [2, "1", 1]


def test_a_set_is_written_the_same_in_every_process():
    code = (
        "from django.conf import settings; settings.configure()\n"
        "from django_durable.serialization import dumps\n"
        "print(dumps({'a', 'b', 'c', (1, 'd'), 2, None}, 'x'))"
    )

    run = [sys.executable, "-c", code]
    found = {
        subprocess.run(run, env={"PYTHONHASHSEED": seed}, stdout=-1, check=True).stdout
        for seed in "1234"
    }

    assert len(found) == 1


def test_plain_values_are_stored_as_plain_json():
    value = {"customer": "Zoë", "amounts": [1, 2.5], "paid": None}

    text = dumps(value, "inputs")

    assert text == 'json:{"customer":"Zoë","amounts":[1,2.5],"paid":null}'


def test_an_unusual_time_zone_comes_back_as_its_offset():
    class Fixed(tzinfo):
        def utcoffset(self, moment):
            return timedelta(hours=1)

    moment = datetime(2026, 1, 1, tzinfo=Fixed())

    assert roundtrip(moment).utcoffset() == timedelta(hours=1)


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "a"])
def test_scalars_are_their_own_copies(value):
    assert is_immutable_scalar(value)


@pytest.mark.parametrize("value", [Level.LOW, Text("a"), (), [], b"", Decimal(1)])
def test_other_values_are_not_their_own_copies(value):
    assert not is_immutable_scalar(value)
