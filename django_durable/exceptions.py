"""Every error of the package.

::

    DurableError
    ├── WorkflowNotFound          no workflow has this id
    ├── WorkflowConflict          the id belongs to a workflow of another name
    ├── InvalidWorkflowId         (ValueError) an id that may not be used
    ├── InvalidTransition         the workflow's status forbids the action
    │   └── ForkImpossible        a step before the one to fork from is not recorded
    ├── WorkflowFailed            a workflow's error that cannot be raised as itself
    ├── WorkflowCancelled         the workflow was cancelled: it has no result
    ├── WorkflowDeadLettered      the workflow waits for a person
    ├── StepFailed                a step's error that cannot be raised as itself
    ├── NonDeterministicWorkflow  the code and the recorded steps disagree
    ├── SerializationError        (ValueError) a value that cannot be stored or read
    ├── EventAlreadySet           a second value for an event that allows one
    ├── StreamClosed              a write to a stream that was closed
    ├── ScheduleNotFound          no schedule has this name
    ├── InvalidSchedule           (ValueError) a schedule that cannot be kept
    ├── WaitTimeout               (TimeoutError) a wait that took too long
    ├── WaitImpossible            a wait that could never end
    └── NotInWorkflow             a call that only a workflow can make

    Unwind (BaseException)        private control flow, no errors
    ├── Suspend                   leave memory until something happens
    │   └── EndOfHistory          a rehearsal came to where nothing is recorded
    ├── HandOver                  leave memory because the worker stops
    ├── ClaimLost                 another worker holds this workflow now
    ├── Interrupted               the workflow was cancelled
    └── Pause                     a programmer's error: wait for corrected code

A class builds its message itself and keeps what a caller may read in attributes,
so that errors can be copied, pickled and rebuilt without calling ``__init__``.
"""

from typing import Any

from django_durable.unwinding import (
    ClaimLost as ClaimLost,
    HandOver as HandOver,
    Interrupted as Interrupted,
    Pause as Pause,
    Suspend as Suspend,
    Unwind as Unwind,
)

_SHOWN_LENGTH = 80


class DurableError(Exception):
    """Base of all errors that this package raises on purpose."""

    def __reduce__(self) -> tuple[Any, ...]:
        # The default calls cls(*args), but args is the message alone.
        return _rebuild, (type(self), self.args), self.__dict__ or None


def _rebuild(cls: type[DurableError], args: tuple[object, ...]) -> DurableError:
    error = cls.__new__(cls, *args)
    error.args = args
    return error


def _shown(value: object) -> str:
    """Return the value's repr, cut to the length of a line."""
    try:
        text = repr(value)
    except Exception:
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _SHOWN_LENGTH else text[: _SHOWN_LENGTH - 1] + "…"


def _sentences(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def _because(error_type: str, error_message: str) -> str:
    name = error_type.removeprefix("builtins:")
    return f"{name}: {error_message}" if error_message else name


class WorkflowNotFound(DurableError):
    """No stored workflow has this id. Attribute: ``workflow_id``."""

    def __init__(self, workflow_id: str) -> None:
        self.workflow_id = workflow_id
        super().__init__(
            f"There is no workflow {_shown(workflow_id)}. Check the id; the workflow "
            "may also have been deleted, or its transaction not yet committed."
        )


class WorkflowConflict(DurableError):
    """The id already belongs to a workflow of another definition.

    Attributes: ``workflow_id``, ``existing_name``, ``requested_name``.
    """

    def __init__(
        self, workflow_id: str, existing_name: str, requested_name: str
    ) -> None:
        self.workflow_id = workflow_id
        self.existing_name = existing_name
        self.requested_name = requested_name
        super().__init__(
            f"Workflow {workflow_id!r} is a {existing_name!r} and cannot be started "
            f"as {requested_name!r}. Choose another id."
        )


class InvalidWorkflowId(DurableError, ValueError):
    """The value may not be used as a workflow id.

    Attributes: ``value``, the refused id, and ``problem``, what is wrong with it.
    """

    def __init__(self, value: object, problem: str) -> None:
        self.value = value
        self.problem = problem
        super().__init__(
            f"{_shown(value)} cannot be a workflow id: {problem}. Use a string of 1 "
            "to 255 characters, not blank, without '/' and control characters."
        )


class InvalidTransition(DurableError):
    """The workflow's present status forbids the action.

    Attributes: ``workflow_id``, ``status``, ``action`` (a verb) and ``advice``.
    """

    def __init__(
        self, workflow_id: str, status: str, action: str, advice: str = ""
    ) -> None:
        self.workflow_id = workflow_id
        self.status = str(status)
        self.action = action
        self.advice = advice
        super().__init__(
            _sentences(
                f"Cannot {action} workflow {workflow_id!r}: its status is {status}.",
                advice,
            )
        )


class ForkImpossible(InvalidTransition):
    """A fork cannot begin at that step: not all before it is recorded.

    Attributes beside those of InvalidTransition: ``from_step``, ``branch``, and
    ``recorded``, how many steps that branch has recorded.
    """

    def __init__(
        self, workflow_id: str, status: str, from_step: int, branch: str, recorded: int
    ) -> None:
        super().__init__(workflow_id, status, "fork")
        self.from_step = from_step
        self.branch = branch
        self.recorded = recorded
        where = f"branch {_shown(branch)} of it" if branch else "it"
        many = {0: "no step", 1: "one step"}.get(recorded, f"{recorded} steps")
        if recorded:
            self.advice = f"Fork from a step from 1 to {recorded + 1}."
        elif not branch:
            self.advice = "Fork from step 1, or restart it."
        problem = (
            f"Cannot fork workflow {workflow_id!r} from step {_shown(from_step)}:"
            f" {where} has recorded {many}."
        )
        self.args = (_sentences(problem, self.advice),)


class WorkflowFailed(DurableError):
    """The workflow raised an error that cannot be raised as itself here.

    Attributes: ``workflow_id``, ``error_type`` (``"module:Class"``),
    ``error_message`` and ``traceback_text`` (may be empty).
    """

    def __init__(
        self,
        workflow_id: str,
        error_type: str,
        error_message: str,
        traceback_text: str = "",
    ) -> None:
        self.workflow_id = workflow_id
        self.error_type = error_type
        self.error_message = error_message
        self.traceback_text = traceback_text
        reason = _because(error_type, error_message)
        super().__init__(f"Workflow {workflow_id!r} failed with {reason}")


class WorkflowCancelled(DurableError):
    """The workflow was cancelled, so it has no result.

    Attributes: ``workflow_id`` and ``reason`` (may be empty).
    """

    def __init__(self, workflow_id: str, reason: str = "") -> None:
        self.workflow_id = workflow_id
        self.reason = reason
        because = f" ({reason})" if reason else ""
        super().__init__(
            f"Workflow {workflow_id!r} was cancelled{because}. "
            "Resume it to continue after its last completed step."
        )


class WorkflowDeadLettered(DurableError):
    """The workflow's executions killed their worker again and again.

    Attributes: ``workflow_id`` and ``attempts``, how many executions died.
    """

    def __init__(self, workflow_id: str, attempts: int) -> None:
        self.workflow_id = workflow_id
        self.attempts = attempts
        super().__init__(
            f"Workflow {workflow_id!r} ended the process that executed it {attempts} "
            "times and was put aside. Correct the cause, then resume the workflow."
        )


class StepFailed(DurableError):
    """A step raised an error that cannot be raised as itself at its replay.

    Attributes: ``step_name``, ``error_type`` (``"module:Class"``),
    ``error_message`` and ``traceback_text`` (may be empty).
    """

    def __init__(
        self,
        step_name: str,
        error_type: str,
        error_message: str,
        traceback_text: str = "",
    ) -> None:
        self.step_name = step_name
        self.error_type = error_type
        self.error_message = error_message
        self.traceback_text = traceback_text
        reason = _because(error_type, error_message)
        super().__init__(f"Step {step_name!r} failed with {reason}")


class NonDeterministicWorkflow(DurableError):
    """The code asked for another step than the one recorded at this place.

    Attributes: ``workflow_id``, ``branch`` (``""`` is the main one), ``step_id``
    (its number in the branch), and the names ``recorded`` and ``called``.
    """

    def __init__(
        self, workflow_id: str, branch: str, step_id: int, recorded: str, called: str
    ) -> None:
        self.workflow_id = workflow_id
        self.branch = branch
        self.step_id = step_id
        self.recorded = recorded
        self.called = called
        where = f" of branch {branch!r}" if branch else ""
        super().__init__(
            f"Step {step_id}{where} of workflow {workflow_id!r} was recorded as "
            f"{recorded!r}, but the code now calls {called!r}. Restore the order of "
            "steps and resume the workflow, or fork it from before this step."
        )


class SerializationError(DurableError, ValueError):
    """A value cannot be stored, or a stored text cannot be read back.

    Attributes: ``path`` to the value (``'inputs[0]["file"]'``), ``problem`` and
    ``advice`` (may be empty).
    """

    def __init__(self, path: str, problem: str, advice: str = "") -> None:
        self.path = path
        self.problem = problem
        self.advice = advice
        super().__init__(_sentences(f"{path}: {problem}.", advice))


class EventAlreadySet(DurableError):
    """The event has a value and was not to be overwritten.

    Attributes: ``workflow_id`` and ``key``.
    """

    def __init__(self, workflow_id: str, key: str) -> None:
        self.workflow_id = workflow_id
        self.key = key
        super().__init__(
            f"Workflow {workflow_id!r} has already set its event {key!r}. "
            "Use another key, or overwrite=True."
        )


class StreamClosed(DurableError):
    """A value was written to a stream that is closed.

    Attributes: ``workflow_id`` and ``key``.
    """

    def __init__(self, workflow_id: str, key: str) -> None:
        self.workflow_id = workflow_id
        self.key = key
        super().__init__(
            f"Stream {key!r} of workflow {workflow_id!r} is closed. "
            "Write to another key, or close the stream later."
        )


class ScheduleNotFound(DurableError):
    """No schedule has this name. Attributes: ``name`` and ``advice``."""

    def __init__(self, name: str, advice: str = "") -> None:
        self.name = name
        self.advice = advice
        super().__init__(
            _sentences(f"There is no schedule {_shown(name)}.", advice)
            if advice
            else f"There is no schedule {_shown(name)}. A worker stores those that its "
            "code declares when it starts."
        )


class InvalidSchedule(DurableError, ValueError):
    """A schedule was declared that cannot be kept.

    Attributes: ``value``; ``field``, the argument or the field of the cron
    expression that is wrong (``"time_zone"``, ``"minute"``); and ``problem``.
    """

    def __init__(self, value: object, field: str, problem: str) -> None:
        self.value = value
        self.field = field
        self.problem = problem
        advice = {
            "time_zone": "Use a name such as 'Europe/Berlin'.",
            "overlap": "",
            "catch_up": "",
        }.get(
            field,
            "A cron expression is minute, hour, day of the month, month and day of the "
            "week, such as '0 3 * * MON'.",
        )
        said = f"{_shown(value)} cannot be a schedule: {field}: {problem}."
        super().__init__(_sentences(said, advice))


class WaitTimeout(DurableError, TimeoutError):
    """What was waited for did not happen in time.

    Attributes: ``what``, a noun phrase, and ``seconds``, how long the wait was.
    """

    def __init__(self, what: str, seconds: float) -> None:
        self.what = what
        self.seconds = seconds
        super().__init__(
            f"Waited {seconds:g} seconds for {what}. Wait longer, or pass a default."
        )


class WaitImpossible(DurableError):
    """The wait could never end, or would stop everybody else.

    Attributes: ``what``, a noun phrase, and ``advice``.
    """

    def __init__(self, what: str, advice: str) -> None:
        self.what = what
        self.advice = advice
        super().__init__(_sentences(f"Cannot wait here for {what}.", advice))


class NotInWorkflow(DurableError):
    """The call needs a workflow around it. Attribute: ``call``."""

    def __init__(self, call: str) -> None:
        self.call = call
        super().__init__(
            f"{call} was called outside a workflow. "
            "Call it from a function decorated with @durable.workflow."
        )
