"""What outside code may ask, beside starting: look up, cancel, resume."""

from typing import Any

from asgiref.sync import sync_to_async

from django_durable import conf
from django_durable.definitions.context import refuse_running_loop
from django_durable.definitions.handles import WorkflowHandle
from django_durable.exceptions import WorkflowNotFound
from django_durable.models import Workflow
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


def resume_workflow(workflow_id: str) -> WorkflowHandle[Any]:
    """Let a workflow go on from its last completed step; see Workflow.resume().

    Raises WorkflowNotFound, InvalidTransition.
    """
    refuse_running_loop("resume_workflow", "aresume_workflow")
    _workflows_for(workflow_id).resume_one(workflow_id)
    return WorkflowHandle(workflow_id)


async def aresume_workflow(workflow_id: str) -> WorkflowHandle[Any]:
    """See resume_workflow()."""
    return await sync_to_async(resume_workflow)(workflow_id)


def _workflows_for(workflow_id: object) -> WorkflowQuerySet:
    """Return the stored workflows, unless none of them can have this id."""
    if not may_exist(str(workflow_id)):
        raise WorkflowNotFound(workflow_id)  # type: ignore[arg-type]
    return Workflow.objects.using(conf.current().database)
