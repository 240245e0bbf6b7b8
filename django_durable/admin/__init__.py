"""Pages for operators."""

from django_durable.admin.inline import WorkflowInline
from django_durable.admin.registration import register
from django_durable.admin.worker import DurableWorkerAdmin
from django_durable.admin.workflow import DurableWorkflowAdmin
from django_durable.models import Worker, Workflow

__all__ = ["DurableWorkerAdmin", "DurableWorkflowAdmin", "WorkflowInline"]

register({Workflow: DurableWorkflowAdmin, Worker: DurableWorkerAdmin})
