"""Which workflows: the same questions as the filters of the admin."""

import argparse
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.db.models.fields.json import KeyTransform

from django_durable import clock
from django_durable.management.parser import Parser
from django_durable.management.workflows.parsing import (
    add_database_option,
    alias_of,
    length,
    pair,
    read_json,
    text,
)
from django_durable.management.workflows.subcommand import Options
from django_durable.models import Attempt, Wait, Workflow
from django_durable.models.status import Status
from django_durable.models.targets import TargetKind
from django_durable.models.workflow import WorkflowQuerySet

LONGEST_SEARCH = 200

_GROUPS: dict[str, Callable[[WorkflowQuerySet], WorkflowQuerySet]] = {
    "active": lambda rows: rows.active(),
    "unfinished": lambda rows: rows.active(),
    "finished": lambda rows: rows.finished(),
    "failed": lambda rows: rows.failed(),
    "stranded": lambda rows: rows.stranded(),
}
# The words of the admin, and shorter ones.
_WORDS: dict[str, Status] = {
    **{status.value.lower(): status for status in Status},
    "queued": Status.ENQUEUED,
    "running": Status.PENDING,
    "dead": Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED,
}
STATUSES = [*_GROUPS, *_WORDS]
_KINDS = {kind.value: kind for kind in TargetKind}


def add_filters(parser: Parser) -> None:
    """Declare the options that choose workflows."""
    group = parser.add_argument_group("which workflows")
    group.add_argument(
        "--status",
        action="append",
        type=status,
        help=f"One of {', '.join(STATUSES)}. Repeatable: any of them.",
    )
    group.add_argument("--name", type=text, help="Of this definition.")
    group.add_argument("--queue", type=text, help="In this queue.")
    group.add_argument(
        "--version",
        dest="code_version",
        type=text,
        metavar="VERSION",
        help="Of this version of the code.",
    )
    group.add_argument(
        "--attribute",
        action="append",
        type=pair,
        metavar="KEY=VALUE",
        help="With this attribute. Repeatable: all of them.",
    )
    group.add_argument(
        "--older-than", type=length, metavar="AGE", help="Created before: 90s, 24h, 7d."
    )
    group.add_argument(
        "--newer-than", type=length, metavar="AGE", help="Created since then."
    )
    group.add_argument(
        "--waiting-for",
        type=wait,
        metavar="KIND[:KEY]",
        help=f"Waiting for one of {', '.join(_KINDS)}; of a topic, key or id.",
    )
    group.add_argument(
        "--parent", type=text, metavar="ID", help="Children of this one."
    )
    group.add_argument(
        "--top-level", action="store_true", default=None, help="No children."
    )
    group.add_argument(
        "--retried",
        action="store_true",
        default=None,
        help="With failed tries of steps.",
    )
    group.add_argument(
        "--subject",
        type=subject,
        metavar="APP.MODEL:PK",
        help="Started with this object as its subject.",
    )
    group.add_argument(
        "--search", type=search, metavar="TEXT", help="Beginning of id, part of name."
    )
    add_database_option(parser)


def is_filtered(options: Options) -> bool:
    """Tell whether any of the filters was given."""
    return any(options[name] is not None for name in _CHOICES)


def chosen(options: Options) -> WorkflowQuerySet:
    """Return the workflows that all the given filters keep."""
    rows: WorkflowQuerySet = Workflow.objects.using(alias_of(options)).all()
    for name, choose in _CHOICES.items():
        if options[name] is not None:
            rows = choose(rows, options[name])
    return rows


def status(given: str) -> str:
    """Return the name of a status or of a group of them."""
    word = given.lower().replace("-", "_").replace(" ", "_")
    word = "dead" if word == "dead_letter" else word
    if word not in STATUSES:
        raise argparse.ArgumentTypeError(
            f"{given[:40]!r} is none of {', '.join(STATUSES)}"
        )
    return word


def wait(given: str) -> tuple[TargetKind, str]:
    """Return what kind of thing is waited for, and perhaps which."""
    kind, _, key = given.partition(":")
    if kind not in _KINDS:
        raise argparse.ArgumentTypeError(
            f"{given[:40]!r} begins with none of {', '.join(_KINDS)}"
        )
    return _KINDS[kind], text(key)


def subject(given: str) -> tuple[str, str]:
    """Return the label of a model, and a primary key."""
    label, colon, key = given.partition(":")
    if not colon or not key or not re.fullmatch(r"\w+\.\w+", label):
        raise argparse.ArgumentTypeError(
            f"{given[:40]!r} is not of the form app.Model:pk"
        )
    return label.lower(), text(key)


def search(given: str) -> str:
    """Return a text that is short enough to be looked for."""
    if len(given) > LONGEST_SEARCH:
        raise argparse.ArgumentTypeError(
            f"{len(given)} characters are too many to search for: {LONGEST_SEARCH} are"
            " allowed"
        )
    return text(given)


def _with_status(rows: WorkflowQuerySet, words: list[str]) -> WorkflowQuerySet:
    # Each in a query of its own: "stranded" asks which code live workers have.
    kept = rows.filter(status__in=[_WORDS[word] for word in words if word in _WORDS])
    for word in words:
        if word in _GROUPS:
            kept = kept | _GROUPS[word](rows)
    return kept


def _with_attributes(
    rows: WorkflowQuerySet, pairs: list[tuple[str, str]]
) -> WorkflowQuerySet:
    for number, (key, value) in enumerate(pairs):
        name = f"durable_attribute_{number}"
        condition = Q(**{name: value})
        for parsed in _parsed(value):
            condition |= Q(**{name: parsed})
        rows = rows.alias(**{name: KeyTransform(key, "attributes")}).filter(condition)
    return rows


def _parsed(value: str) -> list[Any]:
    """Return the value that a text stands for in JSON, if it does."""
    try:
        parsed = read_json(value)
    except ValueError:
        return []
    return [] if isinstance(parsed, str) else [parsed]


def _waiting(
    rows: WorkflowQuerySet, target: tuple[TargetKind, str]
) -> WorkflowQuerySet:
    kind, key = target
    waits = Wait.objects.using(rows.db).filter(
        workflow_id=OuterRef("pk"), kind=kind.value
    )
    if key:
        waits = waits.filter(
            **{"awaited_id" if kind is TargetKind.RESULT else "key": key}
        )
    return rows.filter(Exists(waits), status=Status.WAITING)


def _about(rows: WorkflowQuerySet, found: tuple[str, str]) -> WorkflowQuerySet:
    kind, key = found
    return rows.filter(~Q(subject_type=""), subject_type=kind, subject_id=key)


def _retried(rows: WorkflowQuerySet, _: bool) -> WorkflowQuerySet:
    tries = Attempt.objects.using(rows.db).filter(workflow_id=OuterRef("pk"))
    return rows.filter(Exists(tries))


def _since(rows: WorkflowQuerySet, age: timedelta) -> WorkflowQuerySet:
    return rows.filter(created_at__gte=clock.now() - age)


def _found(rows: WorkflowQuerySet, given: str) -> WorkflowQuerySet:
    return rows.filter(Q(pk__startswith=given) | Q(name__icontains=given))


_CHOICES: dict[str, Callable[[WorkflowQuerySet, Any], WorkflowQuerySet]] = {
    "status": _with_status,
    "name": lambda rows, given: rows.filter(name=given),
    "queue": lambda rows, given: rows.filter(queue_name=given),
    "code_version": lambda rows, given: rows.filter(version=given),
    "attribute": _with_attributes,
    "older_than": lambda rows, age: rows.older_than(age),
    "newer_than": _since,
    "waiting_for": _waiting,
    "parent": lambda rows, given: rows.filter(parent=given),
    "top_level": lambda rows, _: rows.filter(parent=None),
    "retried": _retried,
    "subject": _about,
    "search": _found,
}
