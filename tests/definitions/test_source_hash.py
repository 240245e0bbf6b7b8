"""Without version= the version is a hash of what the code does."""

import linecache
import textwrap

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

import django_durable as durable
from django_durable.definitions import registry

COUNT = [0]

BASE = """
@decorate
def pay(order_id, amount=1):
    total = amount * 2
    return total
"""
SAME = {
    "comment": BASE.replace("total = ", "# doubled\n    total = "),
    "docstring": BASE.replace("    total = ", '    """Pay."""\n    total = '),
    "layout": BASE.replace("amount * 2", "(amount\n        *  2)"),
    "decorator": "@other\n" + BASE.lstrip(),
    "decorator arguments": BASE.replace("@decorate", "@decorate_with(1, a=2)"),
    "indentation": "if True:" + textwrap.indent(BASE, "    "),
}
OTHER = {
    "code": BASE.replace("* 2", "* 3"),
    "default": BASE.replace("amount=1", "amount=2"),
    "name of an argument": BASE.replace("order_id", "order"),
    "async": BASE.replace("def", "async def"),
    "order": BASE.replace("return total", "total += 1\n    return total"),
}


def version_of(source, **options):
    """Return the version of the function ``pay`` of a source text."""
    COUNT[0] += 1
    name = f"<source {COUNT[0]}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    space = {
        "decorate": lambda function: function,
        "other": lambda function: function,
        "decorate_with": lambda *args, **kwargs: lambda function: function,
    }
    exec(compile(source, name, "exec"), space)
    return durable.workflow(f"source {COUNT[0]}", **options)(space["pay"]).version


@pytest.mark.parametrize("source", SAME.values(), ids=SAME)
def test_what_changes_nothing_keeps_the_version(source):
    assert version_of(source) == version_of(BASE)


@pytest.mark.parametrize("source", OTHER.values(), ids=OTHER)
def test_what_changes_the_code_changes_the_version(source):
    assert version_of(source) != version_of(BASE)


def test_the_version_is_known_for_ever():
    """Another value would strand what older releases have started."""
    assert version_of(BASE) == "0a96fa971d21"


def test_a_given_version_wins(settings):
    settings.DURABLE = {"APP_VERSION": "2026-11"}

    assert version_of(BASE, version="3") == "3"
    assert version_of(BASE) == "2026-11"


def without_source():
    space = {}
    exec("def pay():\n    return 1", space)
    return durable.workflow("without source")(space["pay"])


def test_where_there_is_no_source_a_version_is_required():
    definition = without_source()

    with pytest.raises(ImproperlyConfigured, match="version="):
        definition.version  # noqa: B018


def test_a_check_names_the_workflow_without_version(monkeypatch):
    monkeypatch.setattr(registry, "_definitions", {})
    without_source()

    (found,) = run_checks(tags=["durable"])

    assert found.id == "django_durable.E006"
    assert found.obj == "without source"
    assert "version=" in found.hint


@pytest.mark.django_db
def test_a_workflow_without_version_cannot_be_started():
    with pytest.raises(ImproperlyConfigured, match="version="):
        without_source().start()
