"""Pages for operators."""

from django_durable.admin.worker import WorkerAdmin
from django_durable.admin.workflow import WorkflowAdmin

__all__ = ["WorkerAdmin", "WorkflowAdmin"]
