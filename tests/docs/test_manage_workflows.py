"""The page about managing workflows does what it says."""

from datetime import timedelta

import pytest

import django_durable as durable
from django_durable import clock, conf
from django_durable.models import Workflow
from django_durable.testing import run_until_idle
from tests.running import row_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def managed(import_page):
    """The page, and a workflow that it manages."""
    deploy = import_page("how-to/deploy-new-code.md")
    page = import_page("how-to/manage-workflows.md")
    return page, deploy.pay_for_order, deploy.pay_for_order.start(1)


def test_cancel_and_resume(managed):
    page, _, handle = managed

    took = page.drop(handle.workflow_id)
    took_again = page.drop(handle.workflow_id)
    page.go_on_elsewhere(handle.workflow_id)

    assert (took, took_again) == (True, False)
    assert (row_of(handle).status, row_of(handle).queue_name) == ("ENQUEUED", "slow")
    with pytest.raises(durable.InvalidTransition):
        page.go_on(handle.workflow_id)


def test_restart_and_fork(managed):
    page, _, handle = managed
    run_until_idle()

    copies = [
        page.once_more(handle.workflow_id),
        page.repeat_from(handle.workflow_id, 2),
    ]
    run_until_idle()

    assert [copy.get_result() for copy in copies] == ["CHG-1", "CHG-1"]
    with pytest.raises(durable.ForkImpossible):
        page.repeat_in_branch(handle.workflow_id)


def test_many_at_once(managed):
    page, definition, _ = managed
    definition.start(2)

    cancelled, deleted = page.give_up(definition)

    assert cancelled == 2
    assert deleted == (2, {"django_durable.Workflow": 2})
    assert page.mend(definition) == 0


def test_old_workflows_are_pruned(managed):
    page, _, _ = managed
    run_until_idle()

    assert page.tidy_up_more() == page.tidy_up() == 0
    long_ago = clock.now() - timedelta(days=8)
    Workflow.objects.update(completed_at=long_ago)
    assert page.tidy_up() == 0
    assert page.tidy_up_more() == 1
    assert conf.problems(page.DURABLE) == []


def test_a_finished_workflow_is_deleted(managed):
    page, _, handle = managed
    run_until_idle()

    assert page.forget(handle.workflow_id) == 1


def test_a_queue_is_paused_and_resumed(managed):
    page, definition, _ = managed
    held = definition.using(queue_name="reports").start(2)

    answers = [page.hold_reports(), page.hold_reports()]
    run_until_idle()
    waiting = row_of(held).status
    answers += [page.let_reports_go(), page.let_reports_go()]
    run_until_idle()

    assert answers == [True, False, True, False]
    assert (waiting, held.get_result()) == ("ENQUEUED", "CHG-2")


@pytest.mark.once
def test_a_queue_is_limited(managed):
    page, definition, _ = managed
    took = [page.spare_the_warehouse(), page.keep_to_the_quota()]
    took.append(page.keep_to_the_quota())
    sent = [definition.using(queue_name="mail").start(n) for n in range(101)]

    run_until_idle()
    waiting = [row_of(handle).status for handle in sent].count("ENQUEUED")
    took += [page.lift_the_quota(), page.lift_the_quota()]
    run_until_idle()

    assert took == [True, True, False, True, False]
    assert (waiting, row_of(sent[-1]).status) == (1, "SUCCESS")
