"""What a subcommand is, and how it ends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError
from django.db import DatabaseError

from django_durable.exceptions import (
    DurableError,
    InvalidWorkflowId,
    ScheduleNotFound,
    WorkflowNotFound,
)
from django_durable.management.parser import Parser
from django_durable.management.workflows.output import Output, one_line

Options: TypeAlias = Mapping[str, Any]

FAILED = 1
USAGE = 2
NOTHING_MATCHED = 3
# As a shell says it of a program that Ctrl-C has ended.
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Subcommand:
    """A word after ``manage.py workflows``, and what it does.

    One that prints a list says an empty one in JSON by printing nothing.
    """

    name: str
    help: str
    add_arguments: Callable[[Parser], None]
    run: Callable[[Options, Output], None]
    is_list: bool = False


class Incomplete(CommandError):
    """Something was done and printed, and something was refused."""

    def __init__(self, message: str, returncode: int) -> None:
        super().__init__(message, returncode=returncode)


def failed(message: str) -> CommandError:
    """Return the error of a command that could not do what was asked."""
    return CommandError(message, returncode=FAILED)


def misused(message: str) -> CommandError:
    """Return the error of a command line that makes no sense."""
    return CommandError(message, returncode=USAGE)


def nothing_matched(message: str) -> CommandError:
    """Return the error of a command that found nothing to work on."""
    return CommandError(message, returncode=NOTHING_MATCHED)


def as_command_error(error: Exception) -> CommandError | None:
    """Say an error that people cause in one line; None for one of the program."""
    if isinstance(error, CommandError):
        return CommandError(one_line(str(error)), returncode=error.returncode)
    if isinstance(error, DatabaseError):
        return failed(one_line(_told(error)))
    if isinstance(error, WorkflowNotFound | ScheduleNotFound):
        return nothing_matched(one_line(str(error)))
    if isinstance(error, InvalidWorkflowId):
        return misused(one_line(str(error)))
    if isinstance(error, DurableError | ImproperlyConfigured):
        return failed(one_line(str(error)))
    return None


# Of PostgreSQL, for a table and a column that are not there.
_NOT_THERE = ("42P01", "42703")


def _told(error: DatabaseError) -> str:
    text = " ".join(f"The database says: {error}".split())
    is_missing = getattr(error.__cause__, "sqlstate", None) in _NOT_THERE
    if is_missing or "no such table" in text or "no such column" in text:
        return f"{text} Run python manage.py migrate."
    return text
