"""What several subcommands read from the command line: options, and their types."""

import argparse
import json
import math
import re
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.management import CommandError
from django.db import connections
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from django_durable import conf
from django_durable.exceptions import InvalidWorkflowId
from django_durable.management.parser import Parser
from django_durable.models.ids import check_workflow_id, may_exist
from django_durable.names import check_queue_name

# As for durations: nothing here is meant to last longer than a century.
_LONGEST = timedelta(days=36525)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SHOWN_LENGTH = 60


def add_standard_options(parser: Parser) -> None:
    """Let Django's options stand behind the subcommand as well as before it."""
    group = parser.add_argument_group("options of every command")
    for names, more in _STANDARD.items():
        group.add_argument(*names.split(), default=argparse.SUPPRESS, **more)


_STANDARD: dict[str, dict[str, Any]] = {
    "-v --verbosity": {"type": int, "choices": (0, 1, 2, 3), "help": "Ignored."},
    "--settings": {"help": "The settings module."},
    "--pythonpath": {"help": "A directory to add to the Python path."},
    "--traceback": {"action": "store_true", "help": "Show where an error arose."},
    "--no-color": {"action": "store_true", "help": "Print without colours."},
    "--force-color": {"action": "store_true", "help": "Print with colours."},
}


def add_database_option(parser: Parser) -> None:
    """Let the alias be chosen that holds the durable tables."""
    parser.add_argument(
        "--database", metavar="ALIAS", help="Instead of that of DURABLE['DATABASE']."
    )


def alias_of(options: Mapping[str, Any]) -> str:
    """Return the database alias that was chosen, or the one of the settings."""
    given: str | None = options.get("database")
    alias = conf.current().database if given is None else given
    if alias not in connections:
        known = ", ".join(sorted(connections))
        raise CommandError(
            f"There is no database {alias!r}; choose from {known}.",
            returncode=1 if given is None else 2,
        )
    return alias


def text(given: str) -> str:
    """Return a text that a database can be asked for."""
    if not may_exist(given):
        raise argparse.ArgumentTypeError(f"{_shown(given)} is no text")
    return given


def new_id(given: str) -> str:
    """Return an id that a workflow may be given."""
    try:
        return check_workflow_id(given)
    except InvalidWorkflowId as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def queue_name(given: str) -> str:
    """Return the name of a queue."""
    try:
        return check_queue_name(given)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def count(given: str) -> int:
    """Return a whole number of 1 or more."""
    if not re.fullmatch("[0-9]{1,9}", given) or not int(given):
        raise argparse.ArgumentTypeError(
            f"{_shown(given)} is no whole number of 1 or more"
        )
    return int(given)


def offset(given: str) -> int:
    """Return a whole number of 0 or more."""
    if not re.fullmatch("[0-9]{1,18}", given):
        raise argparse.ArgumentTypeError(
            f"{_shown(given)} is no whole number of 0 or more"
        )
    return int(given)


def length(given: str) -> timedelta:
    """Return a length of time: ``90``, ``90s``, ``15m``, ``24h``, ``7d``, ``2w``."""
    found = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)([smhdw]?)", given)
    seconds = float(found[1]) * _UNITS[found[2]] if found else None
    if seconds is None or seconds > _LONGEST.total_seconds():
        raise argparse.ArgumentTypeError(
            f"{_shown(given)} is no length of time, such as 90s, 15m, 24h, 7d or 2w"
        )
    return timedelta(seconds=seconds)


def later(given: str) -> datetime | timedelta:
    """Return a moment, or how long from now it is."""
    try:
        moment = parse_datetime(given)
    except ValueError:
        moment = None
    if moment is None:
        return length(given)
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment


def moment(given: str) -> datetime:
    """Return a moment, in the project's time zone if none is said."""
    try:
        found = later(given)
    except argparse.ArgumentTypeError:
        found = timedelta()
    if not isinstance(found, datetime):
        raise argparse.ArgumentTypeError(
            f"{_shown(given)} is no moment, such as 2026-11-27 or 2026-11-27T03:00"
        )
    return found


def pair(given: str) -> tuple[str, str]:
    """Return key and value of ``key=value``."""
    key, equals, value = given.partition("=")
    if not equals or not re.fullmatch(r"[\w.-]{1,64}", key) or not may_exist(value):
        raise argparse.ArgumentTypeError(
            f"{_shown(given)} is not of the form KEY=VALUE"
        )
    if key.lstrip("-").isdecimal():
        # Django takes it for the index of a list.
        raise argparse.ArgumentTypeError(
            f"{_shown(key)} is a number, by which attributes cannot be found"
        )
    return key, value


def json_value(given: str) -> Any:
    """Return the value of a JSON text; ``-`` reads it from the standard input."""
    body = sys.stdin.read() if given == "-" else given
    try:
        return read_json(body)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{_shown(body)} is no JSON: {error}. A string needs its quotes:"
            " '\"approved\"'"
        ) from None


def read_json(body: str) -> Any:
    """Return the value of a JSON text, or raise ValueError."""
    try:
        return json.loads(body, parse_constant=_finite, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _finite(written: str) -> float:
    if not math.isfinite(value := float(written)):
        raise ValueError(f"{_shown(written)} is no finite number")
    return value


def _shown(given: str) -> str:
    shown = repr(given)
    return shown if len(shown) <= _SHOWN_LENGTH else shown[: _SHOWN_LENGTH - 1] + "…"
