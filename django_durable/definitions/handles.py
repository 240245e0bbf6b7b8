"""What a starter keeps in hand."""

from typing import Any, Generic, TypeVar

from django_durable import durations
from django_durable.definitions.context import body_frame, refuse_running_loop
from django_durable.definitions.engine import engine
from django_durable.durations import Seconds

T = TypeVar("T")


class WorkflowHandle(Generic[T]):
    """Names one workflow and asks for its status and result.

    ``created`` tells whether the start that gave this handle inserted the
    workflow (False: the id existed), None for a handle that was looked up.
    """

    def __init__(self, workflow_id: str, *, created: bool | None = None) -> None:
        self.workflow_id = workflow_id
        self.created = created

    def __repr__(self) -> str:
        return f"<WorkflowHandle {self.workflow_id}>"

    def get_workflow_id(self) -> str:
        """Return the workflow's id."""
        return self.workflow_id

    def get_status(self) -> str:
        """Return the status now, a value of ``Workflow.Status``.

        Raises WorkflowNotFound when the row is gone. In a workflow's body the
        answer is not recorded: do not branch on it, wait for the result.
        """
        refuse_running_loop("get_status", "handle.aget_status")
        return engine().status(self.workflow_id)

    async def aget_status(self) -> str:
        """See get_status()."""
        return await engine().astatus(self.workflow_id)

    def get_result(self, timeout: Seconds | None = None) -> T:
        """Wait for the end and return what the workflow returned.

        ``timeout`` (seconds or timedelta) bounds the wait: WaitTimeout. Raises
        the workflow's own exception (or WorkflowFailed), WorkflowCancelled,
        WorkflowDeadLettered, WorkflowNotFound, and WaitImpossible inside an
        ``atomic()`` that the end itself waits for. In a workflow's body the
        outcome is recorded, and waiting suspends the workflow.
        """
        refuse_running_loop("get_result", "handle.aget_result")
        seconds = durations.optional_seconds(timeout, "timeout")
        frame = body_frame()
        asked = engine() if frame is None else None
        if asked is not None:
            return asked.result(self.workflow_id, seconds)  # type: ignore[no-any-return]
        assert frame is not None
        return frame.execution.result_of(self.workflow_id, seconds)  # type: ignore[no-any-return]

    async def aget_result(self, timeout: Seconds | None = None) -> T:
        """See get_result()."""
        seconds = durations.optional_seconds(timeout, "timeout")
        frame = body_frame()
        if frame is None:
            return await engine().aresult(self.workflow_id, seconds)  # type: ignore[no-any-return]
        return await frame.execution.result_of(self.workflow_id, seconds)  # type: ignore[no-any-return]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, WorkflowHandle):
            return NotImplemented
        return self.workflow_id == other.workflow_id

    def __hash__(self) -> int:
        return hash(self.workflow_id)


def handle_for(found: tuple[str, bool]) -> WorkflowHandle[Any]:
    """Return the handle of what an engine's start returned."""
    workflow_id, created = found
    return WorkflowHandle(workflow_id, created=created)
