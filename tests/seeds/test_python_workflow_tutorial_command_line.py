"""python_workflow_tutorial, management: the same from the command line.

The document's ``dbos workflow list`` is ``manage.py workflows list`` here.
"""

import django_durable as durable
from django_durable import clock
from django_durable.models import Workflow
from django_durable.testing import run_until_idle, virtual_time
from tests.seeds import python_workflow_tutorial as programs
from tests.workflows import calls

Status = Workflow.Status


def ids(answer):
    return [record["id"] for record in answer.records]


def test_resume_moves_a_workflow_to_the_current_version(cli, settings):
    """Workflow versioning and recovery: resumed by hand."""
    settings.DURABLE = {"APP_VERSION": "1"}
    handle = programs.named_workflow.start()
    settings.DURABLE = {"APP_VERSION": "2"}
    assert run_until_idle() == 0

    answer = cli("resume", handle.workflow_id)
    run_until_idle()

    assert answer.code == 0
    assert handle.get_result() == handle.workflow_id
    assert Workflow.objects.get(pk=handle.workflow_id).version == "2"


def test_list_shows_the_applications_workflows(cli):
    """Workflow management, listing."""
    done = programs.named_workflow.start()
    waiting = programs.checkout_workflow.start("widget")
    run_until_idle()

    lines = {line.split()[0]: line for line in cli("list").out.splitlines()}

    assert "success" in lines[done.workflow_id]
    assert "waiting" in lines[waiting.workflow_id]
    assert programs.checkout_workflow.name in lines[waiting.workflow_id]
    assert ids(cli("list", "--json")) == [waiting.workflow_id, done.workflow_id]


def test_list_is_parametrized_for_advanced_search(cli):
    """Workflow management, listing: advanced search."""
    programs.named_workflow.start()
    failed = programs.failing_workflow.start("no")
    waiting = programs.checkout_workflow.start("widget")
    run_until_idle()

    by_name = cli("list", "--json", "--name", programs.failing_workflow.name)
    by_status = cli("list", "--json", "--status", "waiting", "--newer-than", "1h")

    assert ids(by_name) == [failed.workflow_id]
    assert ids(by_status) == [waiting.workflow_id]


def test_cancel_takes_a_workflow_out_of_its_queue(cli):
    """Workflow management, cancelling: enqueued."""
    handle = programs.named_workflow.start()

    answer = cli("cancel", handle.workflow_id)

    assert answer.out == f"Cancelled {handle.workflow_id}.\n"
    assert run_until_idle() == 0
    assert handle.get_status() == Status.CANCELLED


def test_cancel_ends_a_workflow_that_waits(cli):
    """Workflow management, cancelling: waiting for a message."""
    handle = programs.checkout_workflow.start("widget")
    run_until_idle()

    cli("cancel", handle.workflow_id)

    durable.send(handle.workflow_id, "paid", programs.PAYMENT_STATUS)
    assert run_until_idle() == 0
    assert handle.get_status() == Status.CANCELLED


def test_resume_continues_from_the_last_completed_step(cli):
    """Workflow management, resuming: cancelled."""
    handle = programs.checkout_workflow.start("widget")
    run_until_idle()
    cli("cancel", handle.workflow_id)

    answer = cli("resume", handle.workflow_id)
    cli("send", handle.workflow_id, '"paid"', "--topic", programs.PAYMENT_STATUS)
    run_until_idle()

    assert answer.out == f"Resumed {handle.workflow_id}.\n"
    assert handle.get_result() == "dispatched"
    assert calls == [("reserve", "widget")]


def test_resume_gives_a_dead_lettered_workflow_another_chance(cli):
    """Workflow management, resuming: too many recoveries."""
    handle = programs.named_workflow.start()
    Workflow.objects.update(
        status=Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED,
        stalls=12,
        completed_at=clock.now(),
    )

    cli("resume", handle.workflow_id)
    run_until_idle()

    assert handle.get_result() == handle.workflow_id


def test_resume_starts_a_delayed_workflow_at_once(cli):
    """Workflow management, resuming: enqueued for later."""
    name = programs.named_workflow.name
    cli("start", name, "--id", "later", "--run-after", "1d")
    assert run_until_idle() == 0

    cli("resume", "later")
    run_until_idle()

    assert durable.retrieve_workflow("later").get_result() == "later"


def test_restart_starts_the_same_inputs_under_a_new_id(cli):
    """Workflow management, restarting."""
    handle = programs.slow_concatenation.start("foo", "bar")
    with virtual_time() as time:
        time.run_for(seconds=10)
        (told,) = cli("restart", handle.workflow_id, "--json").document["workflows"]
        time.run_for(seconds=10)

    assert told["new"] != handle.workflow_id
    assert durable.retrieve_workflow(told["new"]).get_result() == "foobar"
