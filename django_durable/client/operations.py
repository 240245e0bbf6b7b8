"""What operators do, from a process that is no Django project."""

from collections.abc import Collection
from datetime import datetime
from importlib import import_module
from typing import Any

from django_durable.client import standalone
from django_durable.client.handles import ClientHandle
from django_durable.definitions.handles import WorkflowHandle
from django_durable.durations import Seconds


class Operations:
    """Looking up and managing; each method as the function of its name."""

    def retrieve_workflow(self, workflow_id: str) -> WorkflowHandle[Any]:
        """Return a handle of an existing workflow; raises WorkflowNotFound."""
        standalone.prepare("retrieve_workflow", "client.aretrieve_workflow")
        _managed("retrieve_workflow", workflow_id)
        return ClientHandle(str(workflow_id))

    async def aretrieve_workflow(self, workflow_id: str) -> WorkflowHandle[Any]:
        """See retrieve_workflow()."""
        await standalone.aprepare()
        await _managed("aretrieve_workflow", workflow_id)
        return ClientHandle(str(workflow_id))

    def cancel_workflow(self, workflow_id: str, reason: str = "") -> bool:
        """Cancel a workflow and its children; return whether it took."""
        standalone.prepare("cancel_workflow", "client.acancel_workflow")
        return _managed("cancel_workflow", workflow_id, reason)  # type: ignore[no-any-return]

    async def acancel_workflow(self, workflow_id: str, reason: str = "") -> bool:
        """See cancel_workflow()."""
        await standalone.aprepare()
        return await _managed("acancel_workflow", workflow_id, reason)  # type: ignore[no-any-return]

    def resume_workflow(
        self, workflow_id: str, *, queue_name: str | None = None
    ) -> WorkflowHandle[Any]:
        """Let a workflow go on from its last completed step.

        Raises WorkflowNotFound, InvalidTransition.
        """
        standalone.prepare("resume_workflow", "client.aresume_workflow")
        _managed("resume_workflow", workflow_id, queue_name=queue_name)
        return ClientHandle(str(workflow_id))

    async def aresume_workflow(
        self, workflow_id: str, *, queue_name: str | None = None
    ) -> WorkflowHandle[Any]:
        """See resume_workflow()."""
        await standalone.aprepare()
        await _managed("aresume_workflow", workflow_id, queue_name=queue_name)
        return ClientHandle(str(workflow_id))

    def restart_workflow(
        self, workflow_id: str, *, new_workflow_id: str | None = None
    ) -> WorkflowHandle[Any]:
        """Start a new workflow with the inputs of this one.

        Raises WorkflowNotFound, WorkflowConflict, InvalidWorkflowId.
        """
        standalone.prepare("restart_workflow", "client.arestart_workflow")
        return ClientHandle.of_handle(
            _managed("restart_workflow", workflow_id, new_workflow_id=new_workflow_id)
        )

    async def arestart_workflow(
        self, workflow_id: str, *, new_workflow_id: str | None = None
    ) -> WorkflowHandle[Any]:
        """See restart_workflow()."""
        await standalone.aprepare()
        return ClientHandle.of_handle(
            await _managed(
                "arestart_workflow", workflow_id, new_workflow_id=new_workflow_id
            )
        )

    def fork_workflow(
        self, workflow_id: str, from_step: int, **options: Any
    ) -> WorkflowHandle[Any]:
        """Start a copy that keeps what was recorded before a step.

        ``branch``, ``new_workflow_id``, ``queue_name`` and ``version`` as for
        ``durable.fork_workflow()``. Raises as restart_workflow(), and
        ForkImpossible.
        """
        standalone.prepare("fork_workflow", "client.afork_workflow")
        return ClientHandle.of_handle(
            _managed("fork_workflow", workflow_id, from_step, **options)
        )

    async def afork_workflow(
        self, workflow_id: str, from_step: int, **options: Any
    ) -> WorkflowHandle[Any]:
        """See fork_workflow()."""
        await standalone.aprepare()
        return ClientHandle.of_handle(
            await _managed("afork_workflow", workflow_id, from_step, **options)
        )

    def delete_workflow(self, workflow_id: str) -> int:
        """Delete a finished workflow with its finished children; return how many.

        Raises WorkflowNotFound, InvalidTransition.
        """
        standalone.prepare("delete_workflow", "client.adelete_workflow")
        return _managed("delete_workflow", workflow_id)  # type: ignore[no-any-return]

    async def adelete_workflow(self, workflow_id: str) -> int:
        """See delete_workflow()."""
        await standalone.aprepare()
        return await _managed("adelete_workflow", workflow_id)  # type: ignore[no-any-return]

    def prune_workflows(
        self,
        *,
        older_than: Seconds | None = None,
        statuses: Collection[str] | None = None,
        limit: int | None = None,
    ) -> int:
        """Delete what ended longer ago than ``older_than``; return how many.

        See ``durable.prune_workflows()``.
        """
        standalone.prepare("prune_workflows", "client.aprune_workflows")
        pruned: int = _managed(
            "prune_workflows", older_than=older_than, statuses=statuses, limit=limit
        )
        return pruned

    async def aprune_workflows(
        self,
        *,
        older_than: Seconds | None = None,
        statuses: Collection[str] | None = None,
        limit: int | None = None,
    ) -> int:
        """See prune_workflows()."""
        await standalone.aprepare()
        pruned: int = await _managed(
            "aprune_workflows", older_than=older_than, statuses=statuses, limit=limit
        )
        return pruned

    def pause_queue(self, name: str, reason: str = "") -> bool:
        """Have workers take nothing more from a queue; return whether it took."""
        standalone.prepare("pause_queue", "client.apause_queue")
        return _managed("pause_queue", name, reason)  # type: ignore[no-any-return]

    async def apause_queue(self, name: str, reason: str = "") -> bool:
        """See pause_queue()."""
        await standalone.aprepare()
        return await _managed("apause_queue", name, reason)  # type: ignore[no-any-return]

    def resume_queue(self, name: str) -> bool:
        """Have workers take from a paused queue again; return whether it took."""
        standalone.prepare("resume_queue", "client.aresume_queue")
        return _managed("resume_queue", name)  # type: ignore[no-any-return]

    async def aresume_queue(self, name: str) -> bool:
        """See resume_queue()."""
        await standalone.aprepare()
        return await _managed("aresume_queue", name)  # type: ignore[no-any-return]

    def limit_queue(
        self,
        name: str,
        *,
        concurrency: int | None = None,
        rate: int | None = None,
        period: Seconds | None = None,
    ) -> bool:
        """State all limits of a queue; return whether that changed any.

        See ``durable.limit_queue()``.
        """
        standalone.prepare("limit_queue", "client.alimit_queue")
        took: bool = _managed(
            "limit_queue", name, concurrency=concurrency, rate=rate, period=period
        )
        return took

    async def alimit_queue(
        self,
        name: str,
        *,
        concurrency: int | None = None,
        rate: int | None = None,
        period: Seconds | None = None,
    ) -> bool:
        """See limit_queue()."""
        await standalone.aprepare()
        took: bool = await _managed(
            "alimit_queue", name, concurrency=concurrency, rate=rate, period=period
        )
        return took

    def pause_schedule(self, name: str, reason: str = "") -> bool:
        """Have a schedule start nothing by itself; return whether it took."""
        standalone.prepare("pause_schedule", "client.apause_schedule")
        return _scheduled("pause_schedule", name, reason)  # type: ignore[no-any-return]

    async def apause_schedule(self, name: str, reason: str = "") -> bool:
        """See pause_schedule()."""
        await standalone.aprepare()
        return await _scheduled("apause_schedule", name, reason)  # type: ignore[no-any-return]

    def resume_schedule(self, name: str) -> bool:
        """Let a schedule go on with its next tick; return whether it took."""
        standalone.prepare("resume_schedule", "client.aresume_schedule")
        return _scheduled("resume_schedule", name)  # type: ignore[no-any-return]

    async def aresume_schedule(self, name: str) -> bool:
        """See resume_schedule()."""
        await standalone.aprepare()
        return await _scheduled("aresume_schedule", name)  # type: ignore[no-any-return]

    def run_schedule(self, name: str) -> WorkflowHandle[Any]:
        """Start a schedule's workflow now, also while it is paused."""
        standalone.prepare("run_schedule", "client.arun_schedule")
        return ClientHandle.of_handle(_scheduled("run_schedule", name))

    async def arun_schedule(self, name: str) -> WorkflowHandle[Any]:
        """See run_schedule()."""
        await standalone.aprepare()
        return ClientHandle.of_handle(await _scheduled("arun_schedule", name))

    def backfill_schedule(
        self, name: str, start: datetime, end: datetime
    ) -> list[WorkflowHandle[Any]]:
        """Start what a schedule would have started from ``start`` to ``end``.

        See ``durable.backfill_schedule()``.
        """
        standalone.prepare("backfill_schedule", "client.abackfill_schedule")
        found = _scheduled("backfill_schedule", name, start, end)
        return [ClientHandle.of_handle(each) for each in found]

    async def abackfill_schedule(
        self, name: str, start: datetime, end: datetime
    ) -> list[WorkflowHandle[Any]]:
        """See backfill_schedule()."""
        await standalone.aprepare()
        found = await _scheduled("abackfill_schedule", name, start, end)
        return [ClientHandle.of_handle(each) for each in found]


def _managed(name: str, *args: Any, **options: Any) -> Any:
    """Call a function that is loaded only now: it needs the models.

    Those cannot be imported before a client has set Django up.
    """
    management = import_module("django_durable.client.management")
    return getattr(management, name)(*args, **options)


def _scheduled(name: str, *args: Any) -> Any:
    """See _managed()."""
    schedules = import_module("django_durable.client.schedules")
    return getattr(schedules, name)(*args)
