"""What a finished workflow gives to those who ask."""

from dataclasses import dataclass
from typing import Any

from django_durable import failures
from django_durable.exceptions import (
    WorkflowCancelled,
    WorkflowDeadLettered,
    WorkflowFailed,
)
from django_durable.execution.journal import load_result
from django_durable.models import Workflow
from django_durable.models.outcome import Outcome
from django_durable.models.status import TERMINAL, Status


@dataclass(frozen=True, slots=True)
class Result:
    """The stored outcome of a workflow that has ended."""

    workflow_id: str
    status: str
    output: str | None
    error: str | None
    cancel_reason: str
    recovery_attempts: int

    @classmethod
    def of(cls, outcome: Outcome) -> "Result":
        """Build what an execution has just recorded."""
        return cls(
            outcome.workflow_id, outcome.status, outcome.output, outcome.error, "", 0
        )

    def give(self) -> Any:
        """Return what the workflow returned, or raise what it raised."""
        error = self.exception()
        if error is not None:
            raise error
        return load_result(self.output)

    def exception(self) -> BaseException | None:
        """Return the exception that stands for this outcome, None for success."""
        if self.status == Status.SUCCESS:
            return None
        if self.status == Status.CANCELLED:
            return WorkflowCancelled(self.workflow_id, self.cancel_reason)
        if self.error is None:
            return WorkflowDeadLettered(self.workflow_id, self.recovery_attempts)
        return failures.load_exception(
            self.error,
            fallback=lambda kind, message, traceback: WorkflowFailed(
                self.workflow_id, kind, message, traceback
            ),
        )

    def error_text(self) -> str | None:
        """Return the error as a parent's journal keeps it, None for success."""
        if self.status == Status.ERROR:
            return self.error
        error = self.exception()
        return failures.dump_exception(error) if error is not None else None


def find_result(using: str, workflow_id: str) -> Result | None:
    """Return the outcome of a workflow, None while it has none.

    Raises Workflow.DoesNotExist.
    """
    ending = Workflow.objects.using(using).ending(workflow_id)
    return Result(workflow_id, *ending) if ending[0] in TERMINAL else None
