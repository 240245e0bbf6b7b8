import json
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.utils.translation import gettext_lazy

from django_durable.exceptions import (
    InvalidWorkflowId,
    SerializationError,
    StepFailed,
    Suspend,
    WaitTimeout,
    WorkflowNotFound,
)
from django_durable.failures import describe, dump_exception, load_exception
from tests.values import Item, NeverRegistered


class Declined(Exception):
    """Its constructor takes something else than its args."""

    calls = 0

    def __init__(self, customer, amount):
        type(self).calls += 1
        self.customer = customer
        super().__init__(f"{customer} has less than {amount}")


class Slotted(Exception):
    __slots__ = ("__secret", "amount", "missing")

    def __init__(self, amount):
        self.amount = amount
        self.__secret = "kept"

    @property
    def secret(self):
        return self.__secret


class CodedOSError(OSError):
    def __init__(self, *, code):
        super().__init__(code, "text")
        self.code = code


class PickyNew(Exception):
    def __new__(cls, message, *, code):
        return super().__new__(cls, message)

    def __init__(self, message, *, code):
        super().__init__(message)


class Hostile(Exception):
    """Raises from wherever it can, even what no clause for errors catches."""

    def fail(self, *args):
        raise SystemExit

    __str__ = __repr__ = __reduce__ = __getattr__ = fail
    args = property(fail)
    __dict__ = property(fail)
    __notes__ = property(fail)
    __cause__ = property(fail)


class Outer:
    class Inner(Exception):
        pass


def fallback(error_type, message, traceback_text):
    return StepFailed("charge", error_type, message, traceback_text)


def raised(call, *args):
    try:
        call(*args)
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def throw(error):
    raise error


def reloaded(error):
    return load_exception(dump_exception(error), fallback=fallback)


def noted(error, *notes):
    for note in notes:
        error.add_note(note)
    return error


@pytest.mark.parametrize(
    "error",
    [
        *(
            ValueError("no"),
            ValueError(),
            KeyError("k"),
            KeyError(1, "b"),
            Exception(b""),
        ),
        *(
            StopIteration(3),
            SystemExit(2),
            RuntimeError("\0\ud800", (1, {2})),
            OSError("a"),
        ),
        *(
            ImportError("no", name="shop", path="shop.py"),
            FileNotFoundError(2, "No", "f"),
        ),
        raised(open, "/nowhere/at/all"),
        raised(Path("/nowhere/at/all").stat),
        raised(b"\xff".decode),
        raised("\ud800".encode),
        raised(int, "a"),
        raised(json.loads, "{"),
        raised(compile, "a b", "f", "exec"),
        raised(getattr, None, "price"),
        raised(eval, "nowhere"),
        subprocess.CalledProcessError(1, ["ls"], "out"),
        *(Declined("Zoë", 5), Slotted(5), CodedOSError(code=3), Outer.Inner("a")),
        *(ValueError(Item("a", 1)), ValueError([Declined("Zoë", 5)])),
        noted(ValueError("no"), "after 3 attempts", "and a night"),
        ExceptionGroup("both", [ValueError(1), Declined("Zoë", 5)]),
        *(ObjectDoesNotExist("no"), ValidationError("no", code="c", params={"a": 1})),
        ValidationError({"name": ["no", ValidationError("never", code="never")]}),
        *(WorkflowNotFound("order-1"), WaitTimeout("a result", 1.5)),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_exception_comes_back_as_itself(error):
    found = reloaded(error)

    assert type(found) is type(error)
    assert str(found) == str(error)
    assert repr(found.args) == repr(error.args)
    assert repr(vars(found)) == repr(vars(error))


def test_a_constructor_of_the_project_is_not_called():
    error = Declined("Zoë", 5)
    calls = Declined.calls

    found = reloaded(error)

    assert Declined.calls == calls
    assert found.customer == "Zoë"


def test_what_builtin_constructors_set_comes_back():
    missing = reloaded(FileNotFoundError(2, "No such file", "a.txt"))
    undecodable = reloaded(raised(b"a\xff".decode))
    stopped = reloaded(StopIteration(3))
    unknown = reloaded(ImportError("no", name="shop"))

    assert (missing.errno, missing.filename) == (2, "a.txt")
    assert (undecodable.object, undecodable.start) == (b"a\xff", 1)
    assert stopped.value == 3
    assert unknown.name == "shop"


def test_slots_come_back():
    found = reloaded(Slotted(5))

    assert (found.amount, found.secret) == (5, "kept")
    assert not hasattr(found, "missing")


def test_a_group_comes_back_with_its_members():
    group = ExceptionGroup("both", [ValueError(1), ExceptionGroup("in", [KeyError(2)])])

    found = reloaded(group)

    assert [type(each) for each in found.exceptions] == [ValueError, ExceptionGroup]
    assert found.exceptions[1].exceptions[0].args == (2,)


def test_a_validation_error_comes_back_with_its_messages_and_codes():
    error = ValidationError(
        {"name": ValidationError(gettext_lazy("This field is required."), code="empty")}
    )

    found = reloaded(error)

    assert found.message_dict == {"name": ["This field is required."]}
    assert found.error_dict["name"][0].code == "empty"


def test_an_exception_may_refer_to_itself():
    error = ValueError("no")
    error.origin = [error]

    found = reloaded(error)

    assert found.origin == [found]


@pytest.mark.parametrize(
    "error",
    [
        ValueError(threading.Lock()),
        ValueError(NeverRegistered(1)),
        ValueError("a" * 2_000_000),
        InvalidWorkflowId(object(), "it is no string"),
        ExceptionGroup("both", [ValueError(1), ValueError(object())]),
        PickyNew("no", code=1),
        Suspend(),
        type("Local", (ValueError,), {})("no"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_exception_that_cannot_be_rebuilt_becomes_the_fallback(error):
    found = reloaded(noted(error, "after 3 attempts"))

    assert type(found) is StepFailed
    assert found.error_type.endswith(f":{type(error).__name__}")
    assert found.error_message[:50] == str(error)[:50]
    assert found.__notes__ == ["after 3 attempts"]


def test_an_exception_with_a_slot_that_cannot_be_stored_becomes_the_fallback():
    assert type(reloaded(Slotted(object()))) is StepFailed


def test_an_exception_among_its_own_args_becomes_the_fallback():
    error = ValueError()
    error.args = (error,)

    assert type(reloaded(error)) is StepFailed


def test_an_endless_chain_of_attributes_becomes_the_fallback():
    error = first = ValueError("first")
    for number in range(500):
        error.next = ValueError(number)
        error = error.next

    assert type(reloaded(first)) is StepFailed


def test_the_fallback_has_the_traceback():
    error = raised(throw, ValueError(object()))

    found = reloaded(error)

    assert "in throw" in found.traceback_text
    assert "ValueError" in found.traceback_text


def test_a_hostile_exception_is_stored_nevertheless():
    text = dump_exception(raised(throw, Hostile("a")))

    assert describe(text) == (
        "tests.test_failures:Hostile",
        "<its message cannot be shown>",
    )
    assert type(load_exception(text, fallback=fallback)) is StepFailed


def test_no_setting_keeps_an_exception_from_being_stored(settings):
    settings.DURABLE = {"MAX_VALUE_BYTES": 1, "SERIALIZER": "no.where"}

    assert reloaded(ValueError("no")).args == ("no",)


def test_long_texts_are_cut():
    error = raised(throw, ValueError("m" * 100_000))
    error.add_note("n" * 100_000)

    record = json.loads(dump_exception(error).removeprefix("json:"))

    assert len(record["message"]) == 16 * 1024
    assert len(record["notes"][0]) == 2 * 1024
    assert len(record["traceback"]) == 16 * 1024
    assert record["traceback"].endswith("nnn\n")


def test_the_cause_is_summed_up():
    error = ValueError("outer")
    error.__cause__ = KeyError("inner")

    record = json.loads(dump_exception(error).removeprefix("json:"))

    assert record["cause"] == {"type": "builtins:KeyError", "message": "'inner'"}


def test_a_context_that_was_suppressed_is_no_cause():
    error = ValueError("outer")
    error.__context__, error.__suppress_context__ = KeyError("inner"), True

    record = json.loads(dump_exception(error).removeprefix("json:"))

    assert record["cause"] is None


@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "builtins:eval",
        "builtins:object",
        "builtins:nowhere",
        "nowhere_imported:Error",
        "tests.test_failures:throw",
        "tests.test_failures:Outer",
        "tests.test_failures:Outer.Nowhere",
        "django_durable.exceptions:Suspend",
        "django_durable.exceptions",
        ":",
        "",
    ],
)
def test_a_stored_name_of_anything_else_is_inert(name):
    text = dump_exception(ValueError("no")).replace("builtins:ValueError", name)

    found = load_exception(text, fallback=fallback)

    assert type(found) is StepFailed
    assert found.error_type == name


def test_nothing_is_imported_by_a_stored_name(monkeypatch):
    asked = []
    lazy = ModuleType("lazy_shop")
    lazy.__getattr__ = asked.append
    monkeypatch.setitem(sys.modules, "lazy_shop", lazy)
    text = dump_exception(ValueError("no")).replace("builtins", "lazy_shop")
    absent = dump_exception(ValueError("no")).replace("builtins", "tabnanny")

    found = [load_exception(each, fallback=fallback) for each in (text, absent)]

    assert [type(each) for each in found] == [StepFailed, StepFailed]
    assert "ValueError" not in asked
    assert "tabnanny" not in sys.modules


def test_a_damaged_state_becomes_the_fallback():
    text = dump_exception(ValueError("no")).replace("$tuple", "$nothing")

    assert type(load_exception(text, fallback=fallback)) is StepFailed


@pytest.mark.parametrize(
    "text",
    ["", "json:", "json:1", "json:{}", 'json:{"type":1,"message":""}', "pickle:a"],
)
def test_a_text_without_exception_is_refused_but_can_be_shown(text):
    with pytest.raises(SerializationError):
        load_exception(text, fallback=fallback)

    assert describe(text) == ("unknown", text)


def test_type_and_message_can_be_shown():
    text = dump_exception(Declined("Zoë", 5))

    assert describe(text) == (
        "tests.test_failures:Declined",
        "Zoë has less than 5",
    )
