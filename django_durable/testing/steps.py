"""Steps that fail on purpose, and steps that were recorded."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django_durable import conf
from django_durable.definitions.handles import WorkflowHandle
from django_durable.definitions.step import StepDefinition
from django_durable.execution import requests
from django_durable.models import Step
from django_durable.suggestions import nearest


@contextmanager
def fail_step(
    step: str | Callable[..., Any],
    error: BaseException | type[BaseException],
    *,
    times: int = 1,
) -> Iterator[None]:
    """Make the first ``times`` calls of a step in a block raise ``error``.

    ``step`` is the step itself, its name, or the last part of that
    (``"charge"``). The function is not called; everything else is as if it had
    raised: retries, the stored error, the rolled back transaction. Raises
    AssertionError at the end of a block that has not called the step.
    """
    if times < 1:
        raise ValueError(f"times must be 1 or more, not {times!r}.")
    failure = _Failure(_name(step), error, times, requests.before_call)
    requests.before_call = failure
    try:
        yield
    finally:
        requests.before_call = failure.outer
    if not failure.raised:
        raise AssertionError(failure.unused())


class _Failure:
    """Called before each call of a step."""

    def __init__(self, name: str, error: Any, times: int, outer: Any) -> None:
        self.outer = outer
        self.raised = 0
        self._name = name
        self._error = error
        self._times = times
        self._seen: dict[str, None] = {}

    def __call__(self, definition: StepDefinition[..., Any, Any]) -> None:
        self._seen[definition.name] = None
        if self.raised < self._times and _matches(definition.name, self._name):
            self.raised += 1
            raise self._error
        if self.outer is not None:
            self.outer(definition)

    def unused(self) -> str:
        """Say that the step was never called, and what was."""
        called = sorted({_short(name) for name in self._seen})
        meant = nearest(self._name, called)
        return (
            f"fail_step(): no step {self._name!r} was called"
            + (f"; did you mean {meant!r}?" if meant else ".")
            + f" Called were: {', '.join(called) or 'none'}."
        )


def assert_steps(
    workflow: WorkflowHandle[Any] | str,
    expected: Sequence[str | Callable[..., Any]],
) -> None:
    """Assert which steps a workflow has recorded, in the order of its code.

    ``workflow`` is a handle or an id. ``expected`` holds, for each step, the
    step itself, its name, or the last part of that: ``["charge", "sleep",
    mark_paid]``. The steps of concurrent branches follow those of the main one,
    branch by branch.
    """
    pk = workflow if isinstance(workflow, str) else workflow.workflow_id
    rows = Step.objects.using(conf.current().database).filter(workflow_id=pk)
    found = [row.name for row in sorted(rows, key=_place)]
    wanted = [_name(step) for step in expected]
    is_same = len(found) == len(wanted)
    if is_same and all(map(_matches, found, wanted)):
        return
    raise AssertionError(
        f"Workflow {pk!r} recorded other steps than expected:\n"
        f"  recorded: {[_short(name) for name in found]}\n"
        f"  expected: {wanted}"
    )


def _place(row: Step) -> tuple[list[int], int]:
    branch = [int(number) for number in row.branch.split(".") if number]
    return branch, row.step_id


def _name(step: str | Callable[..., Any]) -> str:
    name = step if isinstance(step, str) else getattr(step, "name", None)
    if not isinstance(name, str):
        raise TypeError(f"{step!r} is neither a step nor the name of one.")
    return name


def _matches(name: str, wanted: str) -> bool:
    return name == wanted or name.endswith(f".{wanted}")


def _short(name: str) -> str:
    return name.rpartition(".")[2]
