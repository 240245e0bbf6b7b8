"""What outside code may ask, beside starting: look up, and what operators do."""

from collections.abc import Collection
from typing import Any

from asgiref.sync import sync_to_async

from django_durable import conf
from django_durable.definitions.context import refuse_running_loop
from django_durable.definitions.handles import WorkflowHandle
from django_durable.definitions.options import take_given_id
from django_durable.durations import Seconds
from django_durable.exceptions import WorkflowNotFound
from django_durable.models import Queue, Workflow
from django_durable.models.forks import ForkOptions
from django_durable.models.ids import may_exist
from django_durable.models.workflow import WorkflowQuerySet


def retrieve_workflow(workflow_id: str) -> WorkflowHandle[Any]:
    """Return a handle of an existing workflow; raises WorkflowNotFound."""
    refuse_running_loop("retrieve_workflow", "aretrieve_workflow")
    if _workflows_for(workflow_id).standing(str(workflow_id)) is None:
        raise WorkflowNotFound(workflow_id)
    return WorkflowHandle(str(workflow_id))


async def aretrieve_workflow(workflow_id: str) -> WorkflowHandle[Any]:
    """See retrieve_workflow()."""
    return await sync_to_async(retrieve_workflow)(workflow_id)


def cancel_workflow(workflow_id: str, reason: str = "") -> bool:
    """Cancel a workflow and its children; return whether it took.

    False when it had ended. Raises WorkflowNotFound.
    """
    refuse_running_loop("cancel_workflow", "acancel_workflow")
    return _workflows_for(workflow_id).cancel_one(workflow_id, reason)


async def acancel_workflow(workflow_id: str, reason: str = "") -> bool:
    """See cancel_workflow()."""
    return await sync_to_async(cancel_workflow)(workflow_id, reason)


def resume_workflow(
    workflow_id: str, *, queue_name: str | None = None
) -> WorkflowHandle[Any]:
    """Let a workflow go on from its last completed step; see Workflow.resume().

    Raises WorkflowNotFound, InvalidTransition.
    """
    refuse_running_loop("resume_workflow", "aresume_workflow")
    _workflows_for(workflow_id).resume_one(workflow_id, queue_name=queue_name)
    return WorkflowHandle(workflow_id)


async def aresume_workflow(
    workflow_id: str, *, queue_name: str | None = None
) -> WorkflowHandle[Any]:
    """See resume_workflow()."""
    return await sync_to_async(resume_workflow)(workflow_id, queue_name=queue_name)


def restart_workflow(
    workflow_id: str, *, new_workflow_id: str | None = None
) -> WorkflowHandle[Any]:
    """Start a new workflow with the inputs of this one; see Workflow.restart().

    ``new_workflow_id`` is an idempotency key. Raises WorkflowNotFound,
    WorkflowConflict, InvalidWorkflowId.
    """
    refuse_running_loop("restart_workflow", "arestart_workflow")
    options = ForkOptions(new_workflow_id or take_given_id())
    return _handle(_workflows_for(workflow_id).restart_one(str(workflow_id), options))


async def arestart_workflow(
    workflow_id: str, *, new_workflow_id: str | None = None
) -> WorkflowHandle[Any]:
    """See restart_workflow()."""
    return await sync_to_async(restart_workflow)(
        workflow_id, new_workflow_id=new_workflow_id
    )


def fork_workflow(
    workflow_id: str,
    from_step: int,
    *,
    branch: str = "",
    new_workflow_id: str | None = None,
    queue_name: str | None = None,
    version: str | None = None,
) -> WorkflowHandle[Any]:
    """Start a copy that keeps what was recorded before a step; see Workflow.fork().

    ``new_workflow_id`` is an idempotency key. Raises WorkflowNotFound,
    WorkflowConflict, InvalidWorkflowId, ForkImpossible.
    """
    refuse_running_loop("fork_workflow", "afork_workflow")
    options = ForkOptions(new_workflow_id or take_given_id(), queue_name, version)
    workflows = _workflows_for(workflow_id)
    return _handle(
        workflows.fork_one(str(workflow_id), from_step, branch=branch, options=options)
    )


async def afork_workflow(
    workflow_id: str,
    from_step: int,
    *,
    branch: str = "",
    new_workflow_id: str | None = None,
    queue_name: str | None = None,
    version: str | None = None,
) -> WorkflowHandle[Any]:
    """See fork_workflow()."""
    return await sync_to_async(fork_workflow)(
        workflow_id,
        from_step,
        branch=branch,
        new_workflow_id=new_workflow_id,
        queue_name=queue_name,
        version=version,
    )


def delete_workflow(workflow_id: str) -> int:
    """Delete a finished workflow, its finished children, and all of theirs.

    Returns how many workflows went. Raises WorkflowNotFound, InvalidTransition.
    """
    refuse_running_loop("delete_workflow", "adelete_workflow")
    deleted = _workflows_for(workflow_id).delete_one(str(workflow_id))
    return deleted[Workflow._meta.label]


async def adelete_workflow(workflow_id: str) -> int:
    """See delete_workflow()."""
    return await sync_to_async(delete_workflow)(workflow_id)


def prune_workflows(
    *,
    older_than: Seconds | None = None,
    statuses: Collection[str] | None = None,
    limit: int | None = None,
) -> int:
    """Delete what ended longer ago than ``older_than``; return how many workflows.

    Without it, what ``DURABLE["RETENTION"]`` says. Of ``statuses``, by default all
    but dead letters; at most ``limit``. Raises ImproperlyConfigured without an age.
    """
    refuse_running_loop("prune_workflows", "aprune_workflows")
    workflows = Workflow.objects.using(conf.current().database)
    return workflows.prune(older_than=older_than, statuses=statuses, limit=limit)


async def aprune_workflows(
    *,
    older_than: Seconds | None = None,
    statuses: Collection[str] | None = None,
    limit: int | None = None,
) -> int:
    """See prune_workflows()."""
    return await sync_to_async(prune_workflows)(
        older_than=older_than, statuses=statuses, limit=limit
    )


def pause_queue(name: str, reason: str = "") -> bool:
    """Have workers take nothing more from a queue; return whether it took.

    False when it was paused already. What they execute goes on until it suspends
    or ends; what is started into the queue waits there.
    """
    refuse_running_loop("pause_queue", "apause_queue")
    return Queue.objects.using(conf.current().database).pause(name, reason)


async def apause_queue(name: str, reason: str = "") -> bool:
    """See pause_queue()."""
    return await sync_to_async(pause_queue)(name, reason)


def resume_queue(name: str) -> bool:
    """Have workers take from a paused queue again, at once.

    Returns whether it took; False when it was not paused.
    """
    refuse_running_loop("resume_queue", "aresume_queue")
    return Queue.objects.using(conf.current().database).resume(name)


async def aresume_queue(name: str) -> bool:
    """See resume_queue()."""
    return await sync_to_async(resume_queue)(name)


def limit_queue(
    name: str,
    *,
    concurrency: int | None = None,
    rate: int | None = None,
    period: Seconds | None = None,
) -> bool:
    """State how many workflows of a queue workers take; return if that is new.

    At most ``concurrency`` are executed at once, on all machines together, and at
    most ``rate`` are started in any ``period``, seconds or a timedelta. These are
    all limits of the queue: what is None is not limited, or not any more. Raises
    ValueError.
    """
    refuse_running_loop("limit_queue", "alimit_queue")
    return Queue.objects.using(conf.current().database).limit(
        name, concurrency=concurrency, rate=rate, period=period
    )


async def alimit_queue(
    name: str,
    *,
    concurrency: int | None = None,
    rate: int | None = None,
    period: Seconds | None = None,
) -> bool:
    """See limit_queue()."""
    return await sync_to_async(limit_queue)(
        name, concurrency=concurrency, rate=rate, period=period
    )


def _handle(found: tuple[str, bool]) -> WorkflowHandle[Any]:
    workflow_id, created = found
    return WorkflowHandle(workflow_id, created=created)


def _workflows_for(workflow_id: object) -> WorkflowQuerySet:
    """Return the stored workflows, unless none of them can have this id."""
    if not may_exist(str(workflow_id)):
        raise WorkflowNotFound(workflow_id)  # type: ignore[arg-type]
    return Workflow.objects.using(conf.current().database)
