"""``workflows schedules`` and ``schedule``, and what doctor says of them."""

from datetime import timedelta

import pytest

import django_durable as durable
from django_durable import clock
from django_durable.definitions import schedules
from django_durable.execution import scheduling
from django_durable.management.diagnosis import schedules as diagnosis
from django_durable.management.diagnosis.workers import look_at_workers
from django_durable.models import Schedule, Tick, Worker, Workflow
from tests import workflows

pytestmark = [pytest.mark.django_db, pytest.mark.once]


RANGE = ["--from", "2020-01-01", "--to", "2026-01-01"]


@pytest.fixture(autouse=True)
def declared():
    """Declare two schedules, which a live worker has stored."""
    for name, cron in (("nightly", "0 3 * * *"), ("hourly", "@hourly")):
        options = {"name": name, "time_zone": "UTC", "args": [1, 2]}
        durable.schedule(cron, **options)(workflows.total)
    found = schedules.all_schedules()
    scheduling.declare("default", found)
    Worker.objects.register(Worker.Kind.WORKER, schedules=[each.name for each in found])


def test_schedules_are_listed_with_what_comes_and_what_has_come(cli):
    durable.run_schedule("nightly")
    durable.pause_schedule("hourly", "moving")
    Schedule.objects.create(
        name="gone",
        workflow_name="old",
        cron="* * * * *",
        time_zone="Europe/Berlin",
        overlap="skip",
        catch_up="one",
        queue_name="default",
        inputs="json:[{}]",
        next_at=clock.now(),
        created_at=clock.now(),
        changed_at=clock.now(),
    )
    Tick.objects.create(
        schedule_id="gone", scheduled_at=clock.now(), created_at=clock.now()
    )

    answer = cli("schedules")

    lines = answer.out.splitlines()[1:]
    assert [line.split()[:2] for line in lines] == [
        ["gone", "undeclared"],
        ["hourly", "paused"],
        ["nightly", "on"],
    ]
    assert "Every minute, Europe/Berlin" in lines[0]
    assert lines[0].split()[-2:] == ["skipped", "0"]
    assert "At 03:00 every day, UTC" in lines[2]
    assert lines[2].split()[-2:] == ["queued", "0"]


def test_programs_are_told_of_schedules(cli):
    handle = durable.run_schedule("nightly")
    durable.pause_schedule("hourly", "moving")

    hourly, nightly = cli("schedules", "--json").records

    assert (hourly["condition"], hourly["next_at"]) == ("paused", None)
    assert hourly["pause_reason"] == "moving"
    assert nightly["last_workflow_id"] == handle.workflow_id
    assert (nightly["last_status"], nightly["in_words"]) == (
        "ENQUEUED",
        "At 03:00 every day",
    )


def test_without_schedules_it_says_where_they_come_from(cli):
    Schedule.objects.all().delete()

    answer = cli("schedules")

    assert (answer.code, answer.out) == (3, "")
    assert "@durable.schedule" in answer.err


def test_a_schedule_is_paused_resumed_and_run(cli):
    told = [
        cli("schedule", *words).out.strip()
        for words in (
            ("pause", "nightly", "--reason", "moving"),
            ("pause", "nightly"),
            ("resume", "nightly"),
            ("resume", "nightly"),
        )
    ]
    started = cli("schedule", "run", "nightly", "--json").document

    assert told == [
        "Paused nightly.",
        "nightly was paused before.",
        "Resumed nightly.",
        "nightly was not paused.",
    ]
    assert started == {"name": "nightly", "id": Workflow.objects.get().pk}


def test_a_backfill_takes_two_moments(cli):
    answer = cli(
        *("schedule", "backfill", "nightly"),
        *("--from", "2026-01-01T03:00Z", "--to", "2026-01-03T12:00:00Z"),
    )

    assert (answer.code, answer.out) == (0, "Started 3 of nightly.\n")
    assert Tick.objects.filter(kind="backfill").count() == 3


def test_a_schedule_is_deleted(cli):
    answer = cli("schedule", "delete", "nightly")

    assert answer.out.startswith("Deleted nightly")
    assert [row.name for row in Schedule.objects.all()] == ["hourly"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["pause", "nihgtly"], 3, "did you mean 'nightly'?"),
        (["run", "a\0b"], 2, "is no text"),
        (["run", "a/b"], 2, "without '/'"),
        (["jump", "nightly"], 2, "invalid choice"),
        (["backfill", "nightly"], 2, "needs --from and --to"),
        (["pause", "nightly", *RANGE[:2]], 2, "nothing else takes"),
        (["run", "nightly", "--reason", "hi"], 2, "is for pause"),
        (["run", "nightly", *RANGE], 2, "nothing else takes"),
        (["backfill", "nightly", "--from", "soon", "--to", "7d"], 2, "no moment"),
        (["backfill", "nightly", *RANGE], 2, "more than 100"),
    ],
)
def test_what_makes_no_sense_is_refused(cli, words, code, said):
    answer = cli("schedule", *words)

    assert answer.code == code
    assert said.lower() in answer.err.lower()


def found():
    return [each[:3] for each in map(_parts, diagnosis.look_at_schedules("default"))]


def _parts(finding):
    return finding.level, finding.what, finding.message.partition(":")[0]


def test_doctor_names_what_is_overdue_and_what_nobody_declares(monkeypatch):
    monkeypatch.setattr(diagnosis, "MOST_NAMED", 1)
    sound = list(diagnosis.look_at_schedules("default"))
    late = clock.now() - timedelta(minutes=2)
    Schedule.objects.filter(name="nightly").update(next_at=late)
    overdue = found()
    Worker.objects.update(schedules=["nightly"])
    undeclared = found()
    Worker.objects.all().delete()
    without_workers = found()
    Schedule.objects.update(next_at=late)

    assert [each.message for each in sound] == ["2 of them, 0 paused."]
    problem = ("problem", "schedules", "nightly was not fired when it was due")
    gone = ("warning", "schedules", "hourly is declared by no live worker")
    assert overdue == [problem]
    assert undeclared == [problem, gone]
    assert without_workers == [problem]
    assert found()[1][2] == "1 more was not fired when it was due."
    durable.pause_schedule("nightly")
    durable.pause_schedule("hourly")
    assert [each[0] for each in found()] == ["ok"]


def test_doctor_names_what_waits_for_a_workflow_that_does_not_end(cli):
    handle = durable.run_schedule("nightly")
    skipped = {"skipped": 5, "skipped_in_row": 3}
    Schedule.objects.filter(name="nightly").update(**skipped)
    pair = [workflows.total.name, workflows.total.version]
    Worker.objects.update(definitions=[pair])
    soon = found()
    told = []
    Workflow.objects.update(status="PAUSED")
    told += diagnosis.look_at_schedules("default")
    Workflow.objects.update(status="WAITING", version="old")
    told += diagnosis.look_at_schedules("default")
    Workflow.objects.update(version=workflows.total.version)
    Tick.objects.update(scheduled_at=clock.now() - timedelta(days=2))
    told += diagnosis.look_at_schedules("default")

    assert soon == [("ok", "schedules", "2 of them, 0 paused.")]
    stuck = f"nightly has skipped 3 ticks: workflow {handle.workflow_id}"
    assert [each.message for each in told] == [
        f"{stuck} is paused.",
        f"{stuck} is stranded.",
        f"{stuck} has not ended for more than a day.",
    ]
    assert cli("schedules").out.splitlines()[2].endswith("5, 3 in a row")


def test_without_a_worker_schedules_are_said_to_need_one(cli):
    Worker.objects.all().delete()

    listed = cli("schedules")
    (finding,) = look_at_workers("default")

    assert [line.split()[1] for line in listed.out.splitlines()[1:]] == ["on", "on"]
    assert finding.message == "No worker lives, and 2 schedules need one."
