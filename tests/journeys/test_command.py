"""The options of run_workflows, and its supervisor."""

import io
import json
import os
import signal

import pytest
from django.core.management import CommandError, call_command

from django_durable.management.commands import run_workflows
from django_durable.models import Worker, Workflow
from tests.journeys import workflows
from tests.journeys.processes import (
    AT_ONCE,
    PATIENCE,
    PATIENT,
    is_alive,
    wait_until,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_until_idle_ends_when_all_is_done(processes):
    handles = [workflows.leaf.start(number) for number in range(5)]
    handles += [workflows.aleaf.start(number) for number in range(5)]

    process = processes.worker("--until-idle")

    assert process.ended() == 0
    assert [handle.get_result(timeout=1) for handle in handles] == [2, 3, 4, 5, 6] * 2


def test_a_supervisor_replaces_a_killed_child(processes, ledger):
    supervisor = processes.worker("--processes=2")
    first, second = wait_until(lambda: two_running(supervisor))
    handle = workflows.held.start("gate")
    wait_until(lambda: len(ledger.calls()) == 2)

    kill(ledger.calls()[0].pid)
    wait_until(lambda: two_running(supervisor, but=ledger.calls()[0].pid))
    ledger.open("gate")

    assert handle.get_result(timeout=PATIENCE) == (1, "gate", 2)
    assert is_alive(first) + is_alive(second) == 1


@pytest.mark.once
def test_children_end_with_their_supervisor(processes):
    supervisor = processes.worker("--processes=2")
    pids = wait_until(lambda: two_running(supervisor))

    supervisor.kill()

    wait_until(lambda: not any(map(is_alive, pids)), "the children end")
    wait_until(lambda: states() == {"stopped"})


@pytest.mark.once
@pytest.mark.parametrize("to_all", [False, True], ids=["SIGTERM", "Ctrl-C"])
def test_a_stopped_supervisor_lets_its_children_hand_over(to_all, processes, ledger):
    supervisor = processes.worker("--processes=2", JOURNEY_DRAIN="30", **PATIENT)
    wait_until(lambda: two_running(supervisor))
    handle = workflows.held.start("gate")
    wait_until(lambda: len(ledger.calls()) == 2)

    if to_all:
        supervisor.signal_group(signal.SIGINT)
    else:
        supervisor.signal(signal.SIGTERM)
    wait_until(Worker.objects.filter(state=Worker.State.DRAINING).exists)
    wait_until(Worker.objects.filter(state=Worker.State.STOPPED).exists)
    ledger.open("gate")

    assert supervisor.ended() == 0
    row = Workflow.objects.get(pk=handle.workflow_id)
    assert (row.status, row.claim, row.stalls) == ("ENQUEUED", 1, 0)
    assert states() == {"stopped"}


@pytest.mark.once
def test_a_second_signal_to_the_supervisor_ends_all_at_once(processes, ledger):
    supervisor = processes.worker("--processes=2", JOURNEY_DRAIN="30")
    pids = wait_until(lambda: two_running(supervisor))
    workflows.held.start("gate")
    wait_until(lambda: len(ledger.calls()) == 2)

    supervisor.signal(signal.SIGTERM)
    wait_until(Worker.objects.filter(state=Worker.State.DRAINING).exists)
    supervisor.signal(signal.SIGTERM)

    supervisor.ended(timeout=AT_ONCE)
    wait_until(lambda: not any(map(is_alive, pids)), "the children end")


@pytest.mark.once
def test_a_changed_file_starts_the_worker_again(processes, tmp_path):
    module = tmp_path / "changing.py"
    module.write_text("NUMBER = 1\n")
    supervisor = processes.worker("--reload", JOURNEY_MODULE="changing")
    (old,) = Worker.objects.values_list("pid", flat=True)

    module.write_text("NUMBER = 2  # changed\n")
    supervisor.wait_for("Code has changed")
    running = Worker.objects.filter(state=Worker.State.RUNNING).exclude(pid=old)
    new = wait_until(running.first)

    assert Worker.objects.get(pid=old).state == Worker.State.STOPPED
    assert workflows.leaf.start(1).get_result(timeout=PATIENCE) == 3
    assert is_alive(new.pid)
    assert not is_alive(old)


BAD_OPTIONS = {
    "--concurrency=0": "concurrency must be an int from 1 up, not 0.",
    "--concurrency=many": "invalid int value: 'many'",
    "--async-concurrency=-1": "async_concurrency must be an int from 1 up, not -1.",
    "--queues=": "--queues names no queue.",
    "--queues= , ": "--queues names no queue.",
    "--processes=0": "--processes must be 1 or more.",
    "--drain=-1": "drain must be 0 or more seconds, not -1.0.",
    "--drain=nan": "drain must be 0 or more seconds, not nan.",
    "--queue=nope": "unrecognized arguments: --queue=nope",
    "--lease=0.001": "unrecognized arguments: --lease=0.001",
}


@pytest.mark.parametrize("more", [[], ["--processes=2"]], ids=["one", "supervisor"])
@pytest.mark.parametrize("option", BAD_OPTIONS)
def test_a_bad_option_is_refused_before_anything_starts(option, more):
    with pytest.raises(CommandError) as refusal:
        call_command("run_workflows", *more, option)

    assert BAD_OPTIONS[option] in str(refusal.value)
    assert not Worker.objects.exists()


@pytest.mark.once
@pytest.mark.parametrize("option", BAD_OPTIONS)
def test_programs_are_told_of_a_bad_option_in_json(option, capsys):
    words = ["manage.py", "run_workflows", option, "--json"]

    with pytest.raises(SystemExit) as end:
        run_workflows.Command().run_from_argv(words)

    told = capsys.readouterr()
    assert end.value.code == 2
    assert BAD_OPTIONS[option] in json.loads(told.out)["error"]
    assert len(told.err.splitlines()) == 1


@pytest.mark.once
def test_programs_are_told_of_bad_settings_in_json(settings):
    settings.DURABLE = {"LEASE": "30", "HARTBEAT": 1}
    out = io.StringIO()

    with pytest.raises(CommandError):
        call_command("run_workflows", "--json", stdout=out, skip_checks=False)

    (message,) = json.loads(out.getvalue()).values()
    assert "E003" in message
    assert "E001" in message


@pytest.mark.once
@pytest.mark.parametrize("option", ["--concurrency=0", "--queues="])
def test_a_bad_option_ends_the_process_with_one_clear_line(option, processes):
    process = processes.worker(option, is_ready=False)

    assert process.ended() == 2
    assert process.log == f"CommandError: {BAD_OPTIONS[option]}\n"


def two_running(supervisor, *, but=None):
    """Return the process ids of two children that are ready, and none before."""
    rows = Worker.objects.filter(state=Worker.State.RUNNING).exclude(pid=but)
    pids = [pid for pid in rows.values_list("pid", flat=True) if is_alive(pid)]
    assert supervisor.is_running
    return pids if len(pids) == 2 else None


def kill(pid):
    """Kill a child of a process of ours."""
    os.kill(pid, signal.SIGKILL)


def states():
    """Return the states of all workers."""
    return set(Worker.objects.values_list("state", flat=True))
