"""Which code can run which rows: (name, version) pairs."""

from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Any

from django.db.models import Q, TextField, Value
from django.db.models.functions import Concat

from django_durable.models import compiled
from django_durable.models.compiled import OneOf

ANY_VERSION = "*"

_find_version: Callable[[str], str | None] | None = None


def find_versions_with(find: Callable[[str], str | None]) -> None:
    """Name the function that returns the version of a definition at hand."""
    global _find_version
    _find_version = find


def version_at_hand(name: str) -> str | None:
    """Return the version that this process has of a definition, if any."""
    return _find_version(name) if _find_version is not None else None


def covers(definitions: Collection[tuple[str, str]], name: str, version: str) -> bool:
    """Tell whether some definitions are the code of a workflow; see runnable()."""
    return (name, version) in definitions or (name, ANY_VERSION) in definitions


def runnable(definitions: Collection[tuple[str, str]]) -> Q:
    """Build the condition "its code is one of these (name, version) pairs"."""
    versions: dict[str, set[str]] = defaultdict(set)
    for name, version in definitions:
        versions[name].add(version)
    anyhow = [name for name, known in versions.items() if ANY_VERSION in known]
    condition = Q(name__in=anyhow)
    for name, known in versions.items():
        if ANY_VERSION not in known:
            condition |= Q(name=name, version__in=sorted(known))
    return condition


# No registered name has one.
_SEPARATOR = "\n"


def runnable_given() -> Q:
    """See runnable(); for a compiled statement, which ``given()`` fills."""
    separator = Value(_SEPARATOR, output_field=TextField())
    pair = Concat("name", separator, "version")
    exact = Q(OneOf(pair, compiled.texts("codes")))
    return exact | Q(OneOf("name", compiled.texts("any_version")))


def given(definitions: Collection[tuple[str, str]]) -> dict[str, Any]:
    """Return what fills the gaps of ``runnable_given()``."""
    return {
        "codes": [_SEPARATOR.join(pair) for pair in definitions],
        "any_version": [name for name, known in definitions if known == ANY_VERSION],
    }
