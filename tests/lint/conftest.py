"""Modules with workflows, and what is found in them."""

import importlib.util
import itertools
import sys
import textwrap

import pytest

from django_durable import lint
from django_durable.definitions import registry

NUMBERS = itertools.count(1)


@pytest.fixture
def fresh_registry(monkeypatch):
    """Forget the workflows of other tests, and later those of this one."""
    monkeypatch.setattr(registry, "_definitions", {})


@pytest.fixture
def load(fresh_registry, tmp_path, monkeypatch):
    """Return a function that writes a module, and imports it."""

    def load(source, *, name=None, directory=tmp_path):
        name = name or f"shop{next(NUMBERS)}"
        path = directory / f"{name}.py"
        path.write_text(textwrap.dedent(source))
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def found(load, monkeypatch, tmp_path):
    """Return a function that imports a source, and tells what is found in it."""
    monkeypatch.chdir(tmp_path)

    def found(source, **options):
        load(source, **options)
        return lint.findings(registry.all_definitions())

    return found


@pytest.fixture
def lines(found):
    """Return a function that tells which lines of a source are found.

    They are those that end with a comment ``# here``, if all is well.
    """

    def lines(source, **options):
        messages = [finding.message for finding in found(source, **options)]
        return sorted(int(message.split(":")[1].split(" ")[0]) for message in messages)

    return lines


def marked(source):
    """Return the numbers of the lines that are to be found."""
    numbered = enumerate(textwrap.dedent(source).splitlines(), start=1)
    return [number for number, line in numbered if "# here" in line]
