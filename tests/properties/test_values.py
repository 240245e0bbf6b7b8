"""Values on their way through both databases, and texts that others wrote there."""

import builtins
import copy
import importlib
import json
import os
import subprocess
import sys
from contextlib import suppress

import pytest
from hypothesis import strategies as st

import django_durable as durable
from django_durable import clock, failures
from django_durable.models import Step, Wait, Worker, Workflow
from django_durable.serialization import dumps, loads
from tests.crash.crasher import USING
from tests.crash.driver import Driver, MovableClock
from tests.test_serialization import shape, values

seen = []


@durable.step
def give(value):
    return value


@durable.transaction
def give_atomically(value):
    return value


@durable.workflow
def carry(value):
    seen.append([value, give(value), give_atomically(value)])
    durable.sleep(60)
    return value


def test_every_value_passes_through_the_database_as_it_is(quiet, monkeypatch, explore):
    movable = MovableClock()
    monkeypatch.setattr(clock, "now", movable.now)
    monkeypatch.setattr(clock, "monotonic", lambda: 1000.0)

    def holds(value):
        for model in (Step, Wait, Workflow, Worker):
            model.objects.all()._raw_delete(USING)
        seen.clear()

        handle = carry.start(value)
        Driver(movable, f"{__name__}.").settle()

        first_run, replay = seen
        for found in (*first_run, *replay, handle.get_result()):
            assert shape(found) == shape(value)

    explore(holds, value=values, examples=60, share=0.05)


def test_a_value_is_always_written_the_same(explore):
    def holds(value):
        text = dumps(value, "value")

        assert dumps(copy.deepcopy(value), "value") == text
        assert dumps(loads(text), "value") == text

    explore(holds, value=values, examples=100, share=0.02)


NAMES = st.sampled_from(
    [
        *("os.system", "os:system", "subprocess:Popen", "builtins:eval", "antigravity"),
        *("antigravity:Error", "builtins:SystemExit", "builtins:OSError", "this:s"),
        *("django_durable.exceptions:Suspend", "builtins:UnicodeDecodeError"),
        *("Item", "Colour", "Rights", "Order", "Model", "$exception"),
        *("Europe/Berlin", "../antigravity", "this", "2026-01-01", "RED", "P1D", "0"),
    ]
)
TAGS = st.sampled_from(
    [
        *("$bytes", "$date", "$datetime", "$decimal", "$float", "$str", "$time"),
        *("$timedelta", "$uuid", "$dict", "$frozenset", "$set", "$tuple", "$zzz"),
    ]
)
FIELDS = st.sampled_from(
    ["type", "message", "state", "args", "attributes", "slots", "extras", "index", "$"]
)


def foreign(each):
    """Return JSON around JSON that looks more or less like ours."""
    return (
        st.lists(each, max_size=4)
        | st.dictionaries(st.text(max_size=3) | FIELDS | TAGS, each, max_size=4)
        | st.tuples(TAGS, each).map(lambda pair: dict([pair]))
        | st.tuples(NAMES, each).map(lambda pair: {"$type": list(pair)})
    )


plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
documents = st.recursive(plain | st.text(max_size=5) | NAMES, foreign, max_leaves=12)
parts = st.fixed_dictionaries(
    {"type": NAMES, "args": documents, "attributes": documents},
    optional={"slots": documents, "extras": documents},
)
errors = st.fixed_dictionaries(
    {"type": NAMES | documents, "message": st.text(max_size=3) | documents},
    optional={
        "state": st.lists(parts, max_size=2).map(json.dumps) | documents,
        "notes": documents,
        "traceback": documents,
    },
)


# Modules that nobody has a reason to import. Codecs and zones import others.
BAIT = {"antigravity", "this"}


class Lookout:
    """Notes what is executed or started while it looks, and imports of the bait."""

    def __init__(self, patch):
        self.noted = []
        for owner, name in (
            (builtins, "eval"),
            (os, "system"),
            (subprocess, "Popen"),
        ):
            patch.setattr(owner, name, self._noting(name))
        imports = self._importing(importlib.import_module)
        patch.setattr(importlib, "import_module", imports)
        # Last, because monkeypatch itself imports.
        patch.setattr(builtins, "__import__", self._importing(builtins.__import__))

    def _noting(self, name):
        return lambda *args, **kwargs: self.noted.append((name, args))

    def _importing(self, real):
        def load(name, *args, **kwargs):
            if name.partition(".")[0] in BAIT:
                self.noted.append(("import", name))
            return real(name, *args, **kwargs)

        return load


def in_its_place(kind, message, traceback):
    return RuntimeError(f"{kind}: {message}")


def test_a_foreign_text_is_read_or_refused_and_does_nothing(monkeypatch, explore):
    def holds(document, error, prefix):
        text = prefix + json.dumps(document)

        with monkeypatch.context() as patch:
            lookout = Lookout(patch)
            with suppress(durable.SerializationError):
                loads(text)
            for stored in (prefix + json.dumps(error), text):
                failures.describe(stored)
                with suppress(durable.SerializationError):
                    failures.load_exception(stored, fallback=in_its_place)

        assert lookout.noted == []
        assert not BAIT & sys.modules.keys()

    explore(
        holds,
        document=documents,
        error=errors,
        prefix=st.sampled_from(["json:", "json:", "pickle:", "", "zzz:"]),
        examples=200,
        share=0.03,
    )


@pytest.mark.parametrize("part", [{"notes": None}, {"notes": 5}, {"traceback": None}])
def test_a_stored_error_with_an_odd_part_is_refused(part):
    text = "json:" + json.dumps({"type": "os:Error", "message": "", **part})

    with pytest.raises(durable.SerializationError):
        failures.load_exception(text, fallback=in_its_place)
