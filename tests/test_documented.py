"""The reference tells of everything that is public."""

import re
from pathlib import Path

import pytest

import django_durable
from django_durable import checks, conf, exceptions, signals

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"


def page(name):
    return (REFERENCE / name).read_text()


def everything():
    return "\n".join(path.read_text() for path in sorted(REFERENCE.glob("*.md")))


def subclasses(cls):
    return {
        cls,
        *(each for child in cls.__subclasses__() for each in subclasses(child)),
    }


def test_every_setting_is_documented():
    """The page lists the fields of the dataclass, whose lines test_conf.py wants."""
    assert ".. durable-settings::" in page("settings.md")


def test_a_setting_named_in_the_text_exists():
    named = set(re.findall(r'DURABLE\["(\w+)"\]', everything()))

    assert named <= set(conf.KEYS)


def test_every_check_is_documented():
    source = Path(checks.__file__).read_text()
    known = set(re.findall(r"\b[EW]0\d\d\b", source))

    documented = set(re.findall(r"\b[EW]0\d\d\b", page("checks.md")))

    assert known == documented


@pytest.mark.parametrize("name", django_durable.__all__)
def test_every_public_name_is_documented(name):
    assert re.search(rf"\b{name}\b", everything())


def test_every_error_is_documented():
    errors = {
        cls.__name__
        for cls in subclasses(exceptions.DurableError)
        if cls.__module__ == exceptions.__name__
    }

    text = page("errors.md")

    assert {name for name in errors if name not in text} == set()


def test_every_public_signal_is_documented():
    names = {
        name
        for name, value in vars(signals).items()
        if isinstance(value, signals.Signal) and name != "published"
    }

    assert ".. automodule:: django_durable.signals" in page("signals.md")
    assert {name for name in names if name not in signals.__doc__} == set()


def test_the_types_of_the_public_names_are_checked():
    text = (ROOT / "tests" / "typing" / "api.py").read_text()

    names = {name for name in django_durable.__all__ if name.islower()}
    missing = {name for name in names if f"durable.{name}" not in text}

    assert missing == set()
