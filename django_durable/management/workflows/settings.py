"""``workflows settings``: the values in force, secrets masked."""

from collections.abc import Mapping, Set
from typing import Any

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from django_durable import conf
from django_durable.conf.masking import MASK, is_secret, masked_text
from django_durable.management.parser import Parser
from django_durable.management.workflows.output import Cell, Output
from django_durable.management.workflows.subcommand import (
    FAILED,
    Incomplete,
    Options,
    Subcommand,
)
from django_durable.management.workflows.values import compact, plain

_OF_THE_DATABASE = ("ENGINE", "NAME", "HOST", "PORT", "USER", "PASSWORD", "OPTIONS")


def masked(key: str, value: Any) -> Any:
    """Return a value without what should not be on a screen."""
    if is_secret(key):
        return MASK if value else value
    if isinstance(value, Mapping):
        return {str(name): masked(str(name), part) for name, part in value.items()}
    if isinstance(value, list | tuple | Set):
        return [masked("", part) for part in value]
    shown = plain(value)
    return masked_text(shown) if isinstance(shown, str) else shown


def _add_arguments(parser: Parser) -> None:
    parser.epilog = "What is set wrongly is told, and ends the command with 1."


def _run(options: Options, out: Output) -> None:
    raw = getattr(django_settings, "DURABLE", {})
    given = raw if isinstance(raw, Mapping) else {}
    problems = conf.problems(raw)
    wrong = {problem.key for problem in problems}
    values = {
        key: masked(key, given[key] if key in wrong else _in_force(key))
        for key in [*conf.KEYS, *(key for key in given if key not in conf.KEYS)]
        if key in given or key not in wrong
    }
    if out.is_json:
        out.document(
            {
                "settings": values,
                "set": sorted(map(str, given)),
                "problems": [
                    {"key": each.key, "message": each.message, "hint": each.hint}
                    for each in problems
                ],
                "database": _database(),
            }
        )
    else:
        _print(values, given, wrong, out)
        for each in problems:
            out.note(f"{each.message} {each.hint}")
    if problems:
        raise Incomplete(f"{len(problems)} of the settings cannot work.", FAILED)


def _in_force(key: str) -> Any:
    return getattr(conf.current(), key.lower())


def _print(
    values: Mapping[str, Any], given: Mapping[str, Any], wrong: set[str], out: Output
) -> None:
    rows: list[tuple[str, Cell]] = []
    for key, value in values.items():
        text = compact(value) if value is not None else "None"
        if key in wrong:
            rows.append((str(key), (f"{text}  (wrong)", out.style.ERROR)))
        elif key in given:
            rows.append((str(key), (f"{text}  (set)", out.style.SUCCESS)))
        else:
            rows.append((str(key), text))
    database = [
        (f"database {key}", compact(value)) for key, value in _database().items()
    ]
    out.pairs([*rows, *database])


def _database() -> dict[str, Any]:
    """Return how the durable tables are reached, as far as it is set."""
    try:
        alias = conf.current().database
    except ImproperlyConfigured:
        return {}
    if alias not in connections:
        return {}
    found = connections[alias].settings_dict
    return {key: masked(key, found[key]) for key in _OF_THE_DATABASE if found.get(key)}


SETTINGS = Subcommand("settings", "Print the settings in force.", _add_arguments, _run)
