"""The page about scaling deletes what is old, and nothing else."""

from datetime import timedelta

import pytest

import django_durable as durable
from django_durable import clock
from django_durable.models import Step, Workflow
from django_durable.testing import run_until_idle
from tests import workflows

pytestmark = pytest.mark.django_db


def test_finished_workflows_are_deleted_with_all_that_is_theirs(import_page):
    old = workflows.total.using(workflow_id="old").start(1)
    workflows.total.using(workflow_id="young").start(1)
    run_until_idle()
    durable.send(old, "unread")
    workflows.total.using(workflow_id="waits").start(1)
    long_ago = clock.now() - timedelta(days=31)
    Workflow.objects.finished().exclude(pk="young").update(completed_at=long_ago)

    import_page("explanation/scaling.md")

    assert set(Workflow.objects.values_list("pk", flat=True)) == {"young", "waits"}
    assert set(Step.objects.values_list("workflow_id", flat=True)) == {"young"}
