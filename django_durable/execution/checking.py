"""Whether the code at hand fits what workflows have recorded."""

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django_durable import conf, failures
from django_durable.definitions import registry
from django_durable.definitions.registry import Definition
from django_durable.exceptions import SerializationError
from django_durable.execution.divergence import (
    Difference,
    Divergence,
    History,
    raise_site,
)
from django_durable.execution.journal import Place
from django_durable.execution.rehearsal import Rehearsal, perform
from django_durable.execution.starting import load_inputs
from django_durable.models import Workflow
from django_durable.models.claims import Claimed
from django_durable.models.code import ANY_VERSION
from django_durable.models.status import ACTIVE, Status

# How long a branch of async code may take from one durable call to the next, where
# it seems to have none any more.
PATIENCE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of checking one workflow.

    ``is_stranded``: its version is not that of the code at hand, which would
    therefore not take it up, whether it fits or not.
    """

    workflow_id: str
    name: str
    status: str
    version: str
    version_at_hand: str | None
    is_stranded: bool
    divergence: Divergence | None


def check(rows: Iterable[Workflow]) -> Iterator[Checked]:
    """Replay the histories of workflows against the code at hand, one by one.

    Only the bodies are executed, up to the first call that has no recorded answer;
    no step, and nothing is written.
    """
    for row in rows:
        definition = registry.find(row.name)
        yield Checked(
            row.pk,
            row.name,
            row.status,
            row.version,
            definition.version if definition is not None else None,
            _is_stranded(row, definition),
            _compare(row, definition),
        )


def _is_stranded(row: Workflow, definition: Definition | None) -> bool:
    if row.status not in ACTIVE:
        return False
    if definition is None:
        return True
    is_pinned = conf.current().on_version_change == "pin"
    return is_pinned and row.version not in (definition.version, ANY_VERSION)


def _compare(row: Workflow, definition: Definition | None) -> Divergence | None:
    if definition is None:
        message = f"There is no workflow named {row.name!r} in the code at hand."
        return Divergence(Difference.UNKNOWN, message, recorded=row.name)
    file, line = definition.source_place
    try:
        args, kwargs = load_inputs(row.inputs)
    except SerializationError as problem:
        return Divergence(Difference.UNREADABLE, str(problem), file=file, line=line)
    try:
        inspect.signature(definition.func).bind(*args, **kwargs)
    except TypeError as error:
        message = f"{row.name}() does not take the stored arguments: {error}"
        return Divergence(Difference.ARGUMENTS, message, file=file, line=line)
    return _rehearse(row, definition)


def _rehearse(row: Workflow, definition: Definition) -> Divergence | None:
    using = row._state.db or conf.current().database
    history = History.load(using, row.pk)
    rehearsal = _next_execution(row, definition, using, history)
    error = _perform(rehearsal, row)
    if rehearsal.is_async and not rehearsal.divergence and _missed(rehearsal):
        # Perhaps a branch was only slow.
        rehearsal = _next_execution(row, definition, using, history)
        rehearsal.patience = PATIENCE_SECONDS
        error = _perform(rehearsal, row)
    if rehearsal.divergence is not None:
        return rehearsal.divergence
    missed = _missed(rehearsal)
    if error is not None and (missed or not _is_expected(row, history, error)):
        return _raised(row, error, missed, history)
    return _left_over(rehearsal, missed[0]) if missed else None


def _perform(rehearsal: Rehearsal, row: Workflow) -> BaseException | None:
    try:
        return perform(rehearsal, *load_inputs(row.inputs))
    except (KeyboardInterrupt, SystemExit) as error:
        steps = rehearsal.journal.steps.values()
        recorded = [row.error, *(step.error for step in steps)]
        if _type_of(error) not in [
            failures.describe(text or "")[0] for text in recorded
        ]:
            raise  # Of somebody who sits at the terminal.
        return error


def _next_execution(
    row: Workflow, definition: Definition, using: str, history: History
) -> Rehearsal:
    claimed = Claimed(
        row.pk,
        row.name,
        row.version,
        row.inputs,
        row.claim + 1,  # It would not be the first one.
        row.deadline,
        row.parent_id,
        row.queue_name,
    )
    return Rehearsal(claimed, definition, using, history)


def _missed(rehearsal: Rehearsal) -> list[Place]:
    """Return where something is recorded that the code has not come to.

    In a branch that has stopped at the end of its own history that means nothing:
    a call before it was given up, by a time-out of asyncio for instance.
    """
    places = rehearsal.history.places - rehearsal.visited
    return sorted(place for place in places if place.branch not in rehearsal.stopped)


def _left_over(rehearsal: Rehearsal, place: Place) -> Divergence:
    name = rehearsal.history.name_at(place)
    file, line = rehearsal.definition.source_place
    message = (
        f"Step {place.label} was recorded as {name!r}, but the code does not come to it"
        " any more."
    )
    return Divergence(
        Difference.LEFT_OVER, message, place.branch, place.step_id, name, "", file, line
    )


def _is_expected(row: Workflow, history: History, error: BaseException) -> bool:
    """Tell whether a history may end in an exception of this kind.

    One that goes on may fail right behind its last step, as far as its steps have
    failed; without a history its arguments may be refused.
    """
    if row.status == Status.SUCCESS:
        return False
    if row.status == Status.ERROR:
        return _type_of(error) == _ending_of(row)
    return history.has_errors or not history.places


def _raised(
    row: Workflow, error: BaseException, missed: list[Place], history: History
) -> Divergence:
    file, line = raise_site(error)
    place = missed[0] if missed else Place("", 0)
    recorded = history.name_at(place) if missed else _ending_of(row)
    message = f"The code now raises {_type_of(error)}: {error}"
    return Divergence(
        Difference.RAISED,
        message,
        place.branch,
        place.step_id or None,
        recorded,
        _type_of(error),
        file,
        line,
    )


def _ending_of(row: Workflow) -> str:
    if row.status == Status.ERROR and row.error is not None:
        return failures.describe(row.error)[0]
    return str(row.status)


def _type_of(error: BaseException) -> str:
    return failures.describe(failures.dump_exception(error))[0]
