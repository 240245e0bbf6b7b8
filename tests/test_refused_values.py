import asyncio
import io
import sys
import threading
from collections import OrderedDict, defaultdict, deque
from datetime import datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from django_durable.serialization import (
    dumps,
)
from tests.values import (
    ChildOfRegistered,
    Item,
    Level,
    Model,
    NeverRegistered,
    Point,
    Table,
    Text,
    refused,
    roundtrip,
    unreadable,
)

BERLIN = ZoneInfo("Europe/Berlin")


def nested(depth, wrap=lambda inner: [inner]):
    value = None
    for _ in range(depth):
        value = wrap(value)
    return value


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        (Level.LOW, "durable.register_type"),
        (NeverRegistered(1), "durable.register_type"),
        (ChildOfRegistered("a", Decimal(1)), "durable.register_type"),
        (Text("a"), "plain str"),
        (mark_safe("<b>"), "plain str"),
        (Point(1, 2), "plain tuple"),
        (Table(), "plain dict"),
        (defaultdict(list), "plain dict"),
        (OrderedDict(), "plain dict"),
        (User(pk=1), "Pass user.pk"),
        (User.objects.all(), "list(queryset.values_list('pk', flat=True))"),
        (User, "name"),
        (gettext_lazy("Cancel"), "str()"),
        (lambda: None, "what it returns"),
        (io.StringIO, "name"),
        (io.StringIO(), "its path or its content"),
        ((i for i in [1]), "list"),
        (iter([1]), "list"),
        (range(3), "list()"),
        ({}.keys(), "list()"),
        (deque(), "list()"),
        (bytearray(b"a"), "bytes()"),
        (threading.Lock(), "inside the step"),
        (threading.Event(), "inside the step"),
        (asyncio.Lock(), "inside the step"),
        (sys, "name"),
        (ValueError("a"), "str()"),
        (object(), "plain values"),
        (1j, "plain values"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_values_are_refused_with_path_and_advice(value, advice):
    error = refused([{"it": value}], "inputs")

    assert error.path == 'inputs[0]["it"]'
    assert error.problem == f"<{type(value).__name__}> cannot be stored"
    assert advice in error.advice


def test_a_coroutine_is_refused_with_the_advice_to_await_it():
    async def step():
        pass

    coroutine = step()

    assert "Await it" in refused(coroutine).advice
    coroutine.close()


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (object(), "value"),
        ((1, object()), "value[1]"),
        ({"a": {1: object()}}, 'value["a"][1]'),
        ({object(): 1}, "value.keys()"),
        ({Level.LOW}, "value{…}"),
        (Item("a", Decimal(1), [object()]), "value.tags[0]"),
        (Model(a=[object()]), 'value["a"][0]'),
    ],
)
def test_the_path_leads_to_the_refused_value(value, path):
    assert refused(value).path == path


def test_a_value_that_contains_itself_is_refused():
    inner = []
    value = {"a": (inner,)}
    inner.append(value)

    error = refused([value], "inputs")

    assert error.path == 'inputs[0]["a"][0][0]'
    assert "the same object as inputs[0]" in error.problem


@pytest.mark.parametrize(
    "wrap", [lambda v: [v], lambda v: (v,), lambda v: {1: v}, lambda v: {"a": v}]
)
def test_two_hundred_levels_are_stored_and_no_more(wrap):
    assert roundtrip(nested(200, wrap)) == nested(200, wrap)
    assert "more than 200 levels" in refused(nested(201, wrap)).problem
    assert "more than 200 levels" in refused(nested(5000, wrap)).problem


def test_an_int_that_python_would_not_read_is_refused():
    assert "4300 digits" in refused([-(10**4300)]).problem


def test_a_time_zone_without_usable_offset_is_refused():
    class Vague(tzinfo):
        def utcoffset(self, moment):
            return None

    minute = timezone(timedelta(microseconds=1))

    assert "has no offset" in refused(datetime(2026, 1, 1, tzinfo=Vague())).problem
    assert "fractions" in refused([datetime(2026, 1, 1, tzinfo=minute)]).problem


@pytest.mark.parametrize(
    "body",
    [
        *("", "[", "[" * 100_000, "NaN", "Infinity", "1" * 5000, '{"$zzz":1}', "nul"),
        *('{"$cls":"os.system"}', '{"$type":["os.system",{}]}', '{"$type":[]}'),
        *('{"$tuple":"ab"}', '{"$set":[[1]]}', '{"$dict":[[1]]}', '{"$dict":{}}'),
        *('{"$bytes":"!"}', '{"$bytes":5}', '{"$float":"1"}', '{"$str":"\\\\x"}'),
        *('{"$datetime":"x"}', '{"$datetime":["2026-01-01T00:00:00","Mars/X"]}'),
        *('{"$datetime":["2026-01-01T00:00:00","../x"]}', '{"$timedelta":[1e99,0,0]}'),
        *(
            '{"$type":["Item",5]}',
            '{"$type":["Rights","x"]}',
            '{"$type":["Colour",[]]}',
        ),
    ],
    ids=lambda body: body[:20],
)
def test_a_malformed_text_is_refused(body):
    assert unreadable("json:" + body).path == "stored value"


def test_an_unknown_time_zone_is_told():
    text = dumps(datetime(2026, 1, 1, tzinfo=BERLIN), "x").replace("Berlin", "Atlantis")

    assert "'Europe/Atlantis'" in unreadable(text).problem
