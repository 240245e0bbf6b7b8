"""Workflows that the command line finds, and may change."""

from django_durable.models import Workflow
from django_durable.testing import run_until_idle
from tests import workflows


def queued(*ids, **options):
    """Start workflows that nobody has begun."""
    for workflow_id in ids:
        workflows.total.using(workflow_id=workflow_id, **options).start(1, 2)


def finished(*ids, **changes):
    """Start workflows and let them end; then change their rows."""
    queued(*ids)
    run_until_idle()
    if changes:
        Workflow.objects.filter(pk__in=ids).update(**changes)
    workflows.calls.clear()
