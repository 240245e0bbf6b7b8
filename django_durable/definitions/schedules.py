"""Schedules: workflows that begin at the moments of a cron expression."""

import copy
import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured

from django_durable import cron as expressions
from django_durable.definitions.options import StartOptions
from django_durable.definitions.workflow import WorkflowDefinition
from django_durable.exceptions import InvalidSchedule
from django_durable.names import check_queue_name, check_schedule_name
from django_durable.suggestions import unknown_names

T = TypeVar("T")
W = TypeVar("W", bound=WorkflowDefinition[..., Any, Any])

# Whoever takes this and is not given it gets the moment of the tick.
MOMENT = "scheduled_at"
OVERLAPS = ("skip", "allow")
CATCH_UPS = ("none", "one", "all")
# Options of using() that belong to one start, not to all of a schedule.
_OF_ONE_START = ("workflow_id", "run_after")


@dataclass(frozen=True, slots=True)
class ScheduleDefinition:
    """What code declares about a schedule."""

    name: str
    workflow: WorkflowDefinition[..., Any, Any]
    cron: str
    time_zone: str | None
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    queue_name: str | None
    overlap: str
    catch_up: str
    takes_moment: bool

    def options(self, workflow_id: str) -> StartOptions:
        """Return the options of the start of one tick."""
        given = {"workflow_id": workflow_id}
        if self.queue_name is not None:
            given["queue_name"] = self.queue_name
        return self.workflow.options.with_options(given)

    def is_again(self, other: "ScheduleDefinition") -> bool:
        """Tell whether it is the other one, once more, or after a reload."""
        if self.workflow.name != other.workflow.name:
            return False
        if self.workflow.func is not other.workflow.func:
            return self.workflow.source_place == other.workflow.source_place
        try:
            return bool(replace(self, workflow=other.workflow) == other)
        except Exception:  # Some values do not say whether they are equal.
            return True


_schedules: dict[str, ScheduleDefinition] = {}
_lock = threading.Lock()


def schedule(
    cron: str,
    /,
    *,
    name: str | None = None,
    time_zone: str | ZoneInfo | None = None,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    queue_name: str | None = None,
    overlap: Literal["skip", "allow"] = "skip",
    catch_up: Literal["none", "one", "all"] = "one",
) -> Callable[[W], W]:
    """Have workers start a workflow at each moment of a cron expression.

    To stand above ``@workflow``, or to be called with a workflow; one may have
    several, each with a ``name`` of its own. ``time_zone`` defaults to Django's
    ``TIME_ZONE``. ``overlap="skip"`` starts nothing while the last one has not
    ended; ``"allow"`` does. ``catch_up`` says what becomes of the moments that
    no worker saw: ``"none"``, ``"one"`` (the latest of them) or ``"all"``. A
    workflow that takes ``scheduled_at`` gets its moment there. Raises
    InvalidSchedule, TypeError, ValueError, ImproperlyConfigured.
    """
    zone = None if time_zone is None else expressions.check_time_zone(time_zone)
    given = {
        "cron": expressions.check_cron(cron),
        "time_zone": zone,
        "queue_name": None if queue_name is None else check_queue_name(queue_name),
        **_policies(overlap, catch_up),
    }

    if isinstance(args, str) or not isinstance(args, Sequence):
        raise TypeError(f"args must be a list of arguments, not {args!r}.")
    if kwargs is not None and not isinstance(kwargs, Mapping):
        raise TypeError(f"kwargs must be a dict of arguments, not {kwargs!r}.")

    def declare(workflow: W) -> W:
        _refuse_others(workflow)
        arguments = _copied((tuple(args), dict(kwargs or {})))
        declared = ScheduleDefinition(
            name=check_schedule_name(workflow.name if name is None else name),
            workflow=workflow,
            args=arguments[0],
            kwargs=arguments[1],
            takes_moment=_bind(workflow, *arguments),
            **given,
        )
        register(declared)
        return workflow

    return declare


def register(declared: ScheduleDefinition) -> None:
    """Add a schedule; another one of that name must be the same, or reloaded."""
    with _lock:
        known = _schedules.get(declared.name)
        if known is not None and not declared.is_again(known):
            raise ImproperlyConfigured(
                f"Two schedules are named {declared.name!r}: {known.cron!r} for"
                f" {known.workflow.name} and {declared.cron!r} for"
                f" {declared.workflow.name}. Give one of them another name=."
            )
        _schedules[declared.name] = declared


def find(name: str) -> ScheduleDefinition | None:
    """Return the schedule of that name, None when this process declares none."""
    return _schedules.get(name)


def all_schedules() -> list[ScheduleDefinition]:
    """Return every declared schedule, sorted by name."""
    return [declared for _, declared in sorted(_schedules.items())]


def forget(name: str) -> None:
    """Declare a schedule no longer."""
    with _lock:
        _schedules.pop(name, None)


def _copied(arguments: T) -> T:
    """Return what is not changed with the arguments that were given."""
    try:
        return copy.deepcopy(arguments)
    except Exception:  # Nor can it be stored: that is said where it is.
        return arguments


def _policies(overlap: object, catch_up: object) -> dict[str, Any]:
    for field, value, allowed in (
        ("overlap", overlap, OVERLAPS),
        ("catch_up", catch_up, CATCH_UPS),
    ):
        if value not in allowed:
            problem = unknown_names("policy", str(value), allowed).rstrip("?")
            raise InvalidSchedule(value, field, problem)
    if catch_up == "all" and overlap == "skip":
        raise InvalidSchedule(
            catch_up,
            "catch_up",
            "all that was missed would begin at once, and overlap='skip' leaves out"
            " all but one: say overlap='allow' too",
        )
    return {"overlap": overlap, "catch_up": catch_up}


def _refuse_others(workflow: object) -> None:
    if not isinstance(workflow, WorkflowDefinition):
        raise TypeError(
            f"@schedule takes a workflow, not {workflow!r}: put @durable.schedule(…)"
            " above @durable.workflow."
        )
    usual = StartOptions()
    for option in _OF_ONE_START:
        if getattr(workflow.options, option) != getattr(usual, option):
            raise TypeError(f"{option}= is for one start, and not for a schedule.")


def _bind(
    workflow: WorkflowDefinition[..., Any, Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> bool:
    """Raise TypeError unless the arguments fit; tell whether it gets its moment."""
    signature = inspect.signature(workflow.inner)
    if isinstance(workflow.func, classmethod):
        signature = signature.replace(
            parameters=list(signature.parameters.values())[1:]
        )
    taken = signature.parameters.get(MOMENT)
    try:
        given = signature.bind_partial(*args, **kwargs).arguments
        takes_moment = (
            taken is not None
            and MOMENT not in given
            and taken.kind in (taken.POSITIONAL_OR_KEYWORD, taken.KEYWORD_ONLY)
        )
        signature.bind(*args, **kwargs, **({MOMENT: None} if takes_moment else {}))
    except TypeError as error:
        raise TypeError(f"{workflow.name}{signature}: {error}") from None
    return takes_moment
