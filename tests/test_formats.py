import pytest
from django.core.exceptions import ImproperlyConfigured

from django_durable.serialization import (
    JSONSerializer,
    PickleSerializer,
    dumps,
    loads,
)
from tests.values import Point, refused, unreadable

PICKLE = "django_durable.serialization.PickleSerializer"


def test_the_size_is_limited_in_bytes(settings):
    settings.DURABLE = {"MAX_VALUE_BYTES": 100}

    error = refused("é" * 50, "result of charge")

    assert dumps("a" * 93, "result of charge") == 'json:"' + "a" * 93 + '"'
    assert error.path == "result of charge"
    assert "107 bytes; the limit is 100" in error.problem
    assert "MAX_VALUE_BYTES" in error.advice


def test_a_value_much_too_large_is_refused_before_it_is_written():
    doubling = ["a"]
    for _ in range(60):
        doubling = [doubling, doubling]

    assert "the limit is 2,097,152" in refused(doubling).problem
    assert "the limit is 2,097,152" in refused("a" * 5_000_000).problem


@pytest.mark.parametrize("text", ["", "json", "[1]", "cos\nsystem\n(S'id'\ntR.", ":1"])
def test_a_text_without_format_is_refused(text):
    assert "does not name its format" in unreadable(text).problem


def test_a_format_that_is_not_listed_is_not_read():
    text = "pickle:" + PickleSerializer().dumps(1, "x")

    error = unreadable(text)

    assert "'pickle'" in error.problem
    assert "READ_SERIALIZERS" in error.advice


def test_pickles_can_be_chosen(settings):
    settings.DURABLE = {"SERIALIZER": PICKLE, "READ_SERIALIZERS": ["json", "pickle"]}

    text = dumps(Point(1, 2), "result")

    assert text.startswith("pickle:")
    assert type(loads(text)) is Point
    assert loads("json:[1]") == [1]


def test_what_cannot_be_pickled_is_refused(settings):
    settings.DURABLE = {"SERIALIZER": PICKLE, "READ_SERIALIZERS": ["pickle"]}

    assert refused(lambda: None).path == "value"
    assert "cannot be read" in unreadable("pickle:AAAA").problem


def test_a_format_that_could_not_be_read_again_is_not_written(settings):
    settings.DURABLE = {"SERIALIZER": PICKLE}

    with pytest.raises(ImproperlyConfigured, match="READ_SERIALIZERS"):
        dumps(1, "result")
    assert loads("json:1") == 1


class ShoutingSerializer(JSONSerializer):
    name = "shout"

    def dumps(self, value, where):
        return super().dumps(value, where).upper()


SHOUTING = f"{__name__}.{ShoutingSerializer.__qualname__}"


@pytest.mark.parametrize("reads", [["shout"], [SHOUTING, "json"]])
def test_a_project_can_bring_its_own_format(settings, reads):
    settings.DURABLE = {"SERIALIZER": SHOUTING, "READ_SERIALIZERS": reads}

    assert dumps("a", "result") == 'shout:"A"'
    assert loads('shout:"A"') == "A"


@pytest.mark.parametrize(
    "durable",
    [
        {"SERIALIZER": "nowhere.Serializer"},
        {"READ_SERIALIZERS": ["json", "nowhere.Serializer"]},
        {"READ_SERIALIZERS": ["json", "jsn"]},
    ],
)
def test_a_format_that_does_not_exist_is_told(settings, durable):
    settings.DURABLE = durable

    with pytest.raises(ImproperlyConfigured, match=next(iter(durable))):
        dumps(1, "result")
