"""What displays hide."""

import json
from dataclasses import dataclass
from enum import Enum

import pytest

import django_durable as durable
from django_durable import serialization
from django_durable.redaction import (
    HIDDEN,
    patterns_for,
    redacted,
    redacted_arguments,
    redacted_error,
)

pytestmark = pytest.mark.once

CARD = {"number": "4111", "holder": {"name": "Ada"}}


@durable.workflow("redaction.pay", redact=("card.*", "token"))
def pay(order, card, *notes, token="", **more):
    return order


@durable.step("redaction.charge", redact=["receipt"])
def charge(order):
    return order


@durable.register_type
@dataclass
class RedactedCard:
    number: str
    year: int


@durable.register_type
class RedactedColour(Enum):
    RED = 1


class Opaque:
    def __init__(self, password):
        self.password = password


@pytest.mark.parametrize(
    ("pattern", "shown"),
    [
        ("card", {"order": 1, "card": HIDDEN}),
        ("card.*", {"order": 1, "card": {"number": HIDDEN, "holder": HIDDEN}}),
        ("card.number", {"order": 1, "card": {**CARD, "number": HIDDEN}}),
        ("CARD.Num*", {"order": 1, "card": {**CARD, "number": HIDDEN}}),
        ("name", {"order": 1, "card": {**CARD, "holder": {"name": HIDDEN}}}),
        ("*.name", {"order": 1, "card": {**CARD, "holder": {"name": HIDDEN}}}),
        ("order.card", {"order": 1, "card": CARD}),
        ("number.*", {"order": 1, "card": CARD}),
        ("car", {"order": 1, "card": CARD}),
        ("*", {"order": HIDDEN, "card": HIDDEN}),
    ],
)
def test_a_pattern_meets_the_end_of_a_path(pattern, shown):
    value = {"order": 1, "card": CARD}

    assert redacted(value, [pattern]) == shown
    assert value == {"order": 1, "card": CARD}


@pytest.mark.parametrize("pattern", ["cards.number", "cards.*.number", "number"])
@pytest.mark.parametrize("collection", [list, tuple])
def test_the_items_of_a_list_need_no_name(pattern, collection):
    value = {"cards": collection([{"number": 1, "year": 2}, {"number": 3}])}

    assert redacted(value, [pattern]) == {
        "cards": collection([{"number": HIDDEN, "year": 2}, {"number": HIDDEN}])
    }


def test_a_star_means_the_items_of_a_list_too():
    assert redacted({"codes": ["a", "b"]}, ["codes.*"]) == {"codes": [HIDDEN, HIDDEN]}


def test_whatever_is_met_is_hidden_with_all_that_is_in_it():
    value = {"card": [{"number": 1}], "none": {"card": None}}

    assert redacted(value, ["card"]) == {"card": HIDDEN, "none": {"card": HIDDEN}}


@pytest.mark.parametrize("value", ["secret", ["secret"], None])
def test_a_whole_value_is_hidden_by_its_own_name(value):
    assert redacted(value, ["output"], at="output") == HIDDEN
    assert redacted(value, ["output"], at="message") == value


@pytest.mark.parametrize(
    ("pattern", "shown"),
    [
        ("$token", {"order": {"$token": HIDDEN}}),
        ("order.$token", {"order": {"$token": HIDDEN}}),
        ("order.*", {"order": {"$token": HIDDEN}}),
        ("number", {"order": {"$token": {"number": HIDDEN}}}),
    ],
)
def test_a_lone_key_that_looks_like_a_mark_of_the_serializer_is_hidden(pattern, shown):
    assert redacted({"order": {"$token": {"number": 4111}}}, [pattern]) == shown


def test_an_object_in_which_something_is_hidden_is_shown_by_its_fields():
    card = RedactedCard("4111", 2030)

    assert redacted([card], ["number"]) == [{"number": HIDDEN, "year": 2030}]
    assert redacted([card], ["holder"]) == [card]
    assert redacted(RedactedColour.RED, ["number"]) is RedactedColour.RED


def test_an_object_that_nobody_knows_is_hidden():
    assert redacted([Opaque("secret")], ["token"]) == [HIDDEN]
    assert isinstance(redacted([Opaque("secret")], [])[0], Opaque)


@pytest.mark.parametrize(
    ("value", "pattern"),
    [
        ({"card": {"number": 4111}}, "card.number"),
        ({"cards": ({"number": 4111},)}, "cards.number"),
        ({"card": RedactedCard("4111", 2030)}, "card.number"),
        ({1: {"number": 4111}}, "1.number"),
        ({("a", 1): 4111, "card": {2: {"number": 4111}}}, "*"),
        ({"card": b"4111"}, "card"),
    ],
)
def test_stored_json_is_redacted_as_its_value_is(value, pattern):
    text = serialization.dumps(value, "value").removeprefix("json:")

    shown = redacted(json.loads(text), [pattern])

    assert HIDDEN in json.dumps(shown, ensure_ascii=False)
    assert "4111" not in json.dumps(shown)
    assert "4111" not in repr(redacted(value, [pattern]))


def test_a_workflow_and_a_step_add_to_the_patterns_of_the_settings(settings):
    settings.DURABLE = {"REDACT": ["password"]}

    assert patterns_for("redaction.pay") == ("card.*", "token", "password")
    assert patterns_for("redaction.pay", "redaction.charge") == (
        "card.*",
        "token",
        "receipt",
        "password",
    )
    assert patterns_for("no.such.workflow", "no.such.step") == ("password",)


def test_of_two_steps_with_one_name_both_hide():
    for pattern in ("iban", "bic"):
        durable.step("redaction.twice", redact=(pattern,))(lambda: None)

    assert patterns_for("", "redaction.twice") == ("iban", "bic")


def test_arguments_are_hidden_by_the_names_of_parameters():
    patterns = patterns_for(pay.name)

    shown = redacted_arguments(
        pay.name, [7, CARD, "a", "b"], {"token": "t", "vat": 1}, patterns
    )

    assert shown == {
        "order": 7,
        "card": {"number": HIDDEN, "holder": HIDDEN},
        "notes": ["a", "b"],
        "token": HIDDEN,
        "vat": 1,
    }


@pytest.mark.parametrize(
    ("name", "args"), [("redaction.pay", []), ("no.such.workflow", ["secret"])]
)
def test_arguments_that_have_no_name_are_hidden_when_anything_is(name, args):
    more = {"token": "t", "vat": 1}

    assert redacted_arguments(name, args, more, ["token"]) == {
        **{str(number): HIDDEN for number in range(len(args))},
        "token": HIDDEN,
        "vat": 1,
    }
    assert redacted_arguments(name, args, more, []) == {
        **{str(number): arg for number, arg in enumerate(args)},
        **more,
    }


@pytest.mark.parametrize("decorator", [durable.workflow, durable.step])
@pytest.mark.parametrize(
    ("redact", "error"),
    [("card", TypeError), (None, TypeError), ([1], ValueError), (["a..b"], ValueError)],
)
def test_patterns_that_are_none_are_refused_at_decoration(decorator, redact, error):
    with pytest.raises(error, match="redact"):
        decorator(redact=redact)(lambda: None)


def test_run_step_cannot_say_what_displays_hide():
    with pytest.raises(TypeError, match="redact"):
        durable.run_step(len, "abc", redact=("output",))


def test_an_exception_of_which_nothing_can_be_read_is_hidden_where_anything_is():
    assert redacted_error("json:[1", ()) == {"type": "unknown", "message": "json:[1"}
    assert redacted_error("json:[1", ("pin",)) == {
        "type": "unknown",
        "message": HIDDEN,
    }
