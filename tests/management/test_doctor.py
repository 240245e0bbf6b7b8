"""``workflows doctor``: what may be wrong is found, and nothing else."""

import pkgutil
import re
import uuid
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, connections
from django.db.migrations.recorder import MigrationRecorder
from django.test.utils import CaptureQueriesContext

from django_durable import clock, lint, migrations
from django_durable.management.diagnosis import channel_layer, database, queues
from django_durable.models import Queue, Step, Worker, Workflow
from django_durable.testing import run_until_idle
from tests import workflows

Status = Workflow.Status
LONG_AGO = timedelta(days=1)


@pytest.fixture(autouse=True)
def quiet_lint(monkeypatch):
    """Leave out what other tests' workflows are warned of."""
    monkeypatch.setattr(lint, "findings", lambda definitions: [])


@pytest.fixture
def worker(db):
    """A live worker that has the code."""
    pair = (workflows.total.name, workflows.total.version)
    return Worker.objects.register(Worker.Kind.WORKER, definitions=[pair])


def put(workflow_id, **changes):
    workflows.total.using(workflow_id=workflow_id).start(1)
    Workflow.objects.filter(pk=workflow_id).update(**changes)


def worst(cli, *words):
    """Return (what, message) of all that is no better than a warning."""
    document = cli("doctor", "--json", *words).document
    assert document["ok"] == all(
        each["level"] != "problem" for each in document["findings"]
    )
    return [
        (each["level"], each["what"], each["message"])
        for each in document["findings"]
        if each["level"] != "ok"
    ]


def test_a_sound_installation_is_said_to_be_sound(cli, worker):
    put("a", status=Status.SUCCESS, completed_at=clock.now())

    answer = cli("doctor")

    assert (answer.code, answer.err) == (0, "")
    assert {line.split()[0] for line in answer.out.splitlines()} == {"ok"}
    for part in ("settings", "database", "migrations", "clock", "workers", "odd rows"):
        assert part in answer.out
    assert worst(cli) == []


def test_bad_settings_are_told_and_end_the_look(cli, settings):
    settings.DURABLE = {"LEASE": "30", "DATABASE": 5}

    answer = cli("doctor", "--json")

    assert answer.code == 1
    assert {each["what"] for each in answer.document["findings"]} == {"settings"}
    assert "E003" in answer.document["findings"][0]["message"]
    settings.DURABLE = {"DATABASE": "nowhere"}
    assert "E005" in worst(cli)[0][2]
    settings.DURABLE = 5
    assert "E003" in worst(cli)[0][2]


def test_what_the_checks_warn_of_is_a_warning(cli, worker, settings):
    settings.DURABLE = {"READ_SERIALIZERS": ["json", "pickle"]}

    (finding,) = worst(cli)

    assert finding[:2] == ("warning", "settings")
    assert "W023" in finding[2]
    settings.SILENCED_SYSTEM_CHECKS = ["django_durable.W023"]
    assert worst(cli) == []


class Broken:
    """A connection to nowhere."""

    def ensure_connection(self):
        raise OperationalError("connection refused\nIs the server running?")


def test_a_database_that_does_not_answer_is_a_problem(cli, monkeypatch):
    monkeypatch.setattr(database, "connections", {"default": Broken()})

    answer = cli("doctor")

    assert answer.code == 1
    assert "connection refused Is the server running?" in answer.out
    assert "migrations" not in answer.out


def test_a_migration_that_was_not_applied_is_a_problem(cli):
    *_, newest = sorted(each.name for each in pkgutil.iter_modules(migrations.__path__))
    MigrationRecorder(connections["default"]).record_unapplied("django_durable", newest)

    (finding,) = worst(cli)

    assert finding[:2] == ("problem", "migrations")
    assert newest in finding[2]


def test_a_database_that_is_ahead_of_the_code_is_a_warning(cli, worker):
    recorder = MigrationRecorder(connections["default"])
    recorder.record_applied("django_durable", "9999_of_the_next_release")

    (finding,) = worst(cli)

    assert finding[:2] == ("warning", "migrations")
    assert "9999_of_the_next_release" in finding[2]


@pytest.mark.parametrize("ahead", [-60, 60])
def test_clocks_that_differ_are_told(cli, worker, monkeypatch, ahead):
    seconds = clock.wall_seconds
    monkeypatch.setattr(clock, "wall_seconds", lambda: seconds() + ahead)

    (finding,) = worst(cli)

    assert finding[:2] == ("warning", "clock")
    # The questions take some of it, on a busy machine the more.
    assert re.search(r"differ by (5\d|60)\.\d seconds", finding[2])


def test_no_worker_is_a_problem_when_something_waits(cli):
    assert [each[:2] for each in worst(cli)] == [("warning", "workers")]

    put("a")

    assert worst(cli) == [
        ("problem", "workers", "No worker lives, and 1 wait for one.")
    ]


def test_late_and_lost_workers_are_counted(cli, worker, patience):
    for seconds in (600, 5000, 5000):
        other = Worker.objects.register(Worker.Kind.WORKER)
        silent = other.heartbeat_at - timedelta(seconds=seconds)
        Worker.objects.filter(pk=other.pk).update(heartbeat_at=silent)

    messages = [message for _, _, message in worst(cli)]

    assert [message[:9] for message in messages] == ["1 of them", "2 of them"]


def test_stranded_workflows_are_told_by_their_code(cli, worker):
    put("a", version="old")
    put("b", version="old")
    put("c", name="gone.workflow", status=Status.WAITING)

    found = worst(cli)

    assert [each[:2] for each in found] == [("problem", "stranded")] * 2
    assert "2 of tests.workflows.total wait for its version old" in found[0][2]
    assert "1 of gone.workflow" in found[1][2]


def test_a_worker_without_any_code_leaves_all_stranded(cli):
    Worker.objects.register(Worker.Kind.WORKER)
    put("a")

    (finding,) = worst(cli)

    assert finding[:2] == ("problem", "stranded")


def test_what_should_have_gone_on_is_told(cli, worker):
    before = clock.now() - LONG_AGO
    put("asleep", status=Status.WAITING, wake_at=before)
    put("held", status=Status.PENDING, changed_at=before, worker=uuid.uuid4())
    put("ready", run_after=before)
    put("running", status=Status.PENDING, changed_at=before, worker=worker)

    found = worst(cli)

    assert [(level, message[:28]) for level, _, message in found] == [
        ("problem", "1 should have been woken, th"),
        ("problem", "1 are held by workers that d"),
        ("warning", "1 are ready and wait for a w"),
    ]


def test_what_waits_for_a_person_is_counted(cli, worker):
    put("a", status=Status.PAUSED)
    put("b", status=Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED)

    assert worst(cli) == [
        ("warning", "put aside", "1 are paused, and wait for a person."),
        ("warning", "put aside", "1 are dead, and wait for a person."),
    ]


def test_a_queue_that_is_paused_for_long_is_told_when_something_waits(cli, worker):
    before = clock.now() - LONG_AGO
    for name in ("reports", "empty", "fresh"):
        put(f"in {name}", queue_name=name, run_after=before)
        Queue.objects.pause(name, "moving\x1b", "ana")
    Workflow.objects.filter(queue_name="empty").update(status=Status.CANCELLED)
    paused_at = before - timedelta(minutes=1)
    Queue.objects.exclude(name="fresh").update(paused_at=paused_at)

    (finding,) = worst(cli)

    assert finding[:2] == ("warning", "queues")
    since = f"{paused_at:%Y-%m-%d %H:%M} UTC"
    assert f"reports is paused since {since} by ana (moving" in finding[2]
    assert finding[2].endswith("and 1 wait in it.")
    assert "\x1b" not in finding[2]
    Queue.objects.resume("reports")
    assert [each[1] for each in worst(cli)] == ["overdue"]


def test_what_limits_hold_back_is_not_overdue_but_told_after_a_day(cli, worker):
    for name, age in (("reports", 2), ("mail", 2), ("fresh", 0.01)):
        since = clock.now() - timedelta(days=age)
        put(f"in {name}", queue_name=name, run_after=since)
        Queue.objects.limit(name, concurrency=0, rate=5, period=60)
    Queue.objects.pause("mail")

    (finding,) = worst(cli)

    told = "reports is limited to 0 at once and 5 in 60 s, and 1 wait in it for"
    assert finding[:2] == ("warning", "queues")
    assert finding[2].startswith(told)
    Queue.objects.limit("reports", concurrency=1)
    assert [each[1] for each in worst(cli)] == ["overdue"]


@pytest.mark.once
@pytest.mark.django_db
def test_very_many_forgotten_queues_are_told_by_few_statements(monkeypatch):
    monkeypatch.setattr(queues, "MOST_NAMED", 2)
    for number in range(5):
        name = f"q{number}"
        Queue.objects.pause(name)
        put(f"in {name}", queue_name=name, run_after=clock.now() - LONG_AGO)
    Queue.objects.update(paused_at=clock.now() - 2 * LONG_AGO)

    with CaptureQueriesContext(connection) as asked:
        found = [each.message for each in queues.look_at_queues("default")]

    assert len(asked) == 3  # One asks for limits.
    assert len(found) == 3
    assert found[-1].startswith("3 more of them are paused")


def test_rows_that_somebody_has_changed_by_hand_are_listed(cli, worker):
    far = clock.now() + LONG_AGO
    put("status", status="NOPE")
    put("count", recovery_attempts=-1)
    put("future", created_at=far)
    put("orphan", parent="gone")
    put("step")
    now = clock.now()
    Step.objects.create(
        workflow_id="step",
        step_id=10**9,
        name="x",
        kind="step",
        claim=1,
        started_at=now,
        completed_at=now,
    )

    found = worst(cli)

    assert [(level, message) for level, _, message in found] == [
        ("problem", "A status that does not exist, which nobody acts on: 'status'"),
        ("problem", "A count below zero: 'count'"),
        ("warning", "Created in the future: 'future'"),
        ("warning", "The parent does not exist: 'orphan'"),
        ("problem", "A step of an impossible number: 'step'"),
    ]
    run_until_idle()
    assert Workflow.objects.get(pk="status").status == "NOPE"


def test_many_odd_rows_are_not_all_named(cli, worker):
    for number in range(5):
        put("odd", status="NOPE", id=f"odd-\x1b-{number}")

    answer = cli("doctor")

    assert answer.out.count("odd-") == 3
    assert "\x1b" not in answer.out


LAYER = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


def test_a_message_is_sent_through_the_channel_layer(cli, worker, settings):
    pytest.importorskip("channels")
    settings.CHANNEL_LAYERS = LAYER

    assert "through 'default'" in cli("doctor").out
    assert worst(cli) == []


def test_a_channel_layer_that_does_not_work_is_a_problem(cli, worker, settings):
    pytest.importorskip("channels")
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "nowhere.Layer"}}

    (finding,) = worst(cli)

    assert finding[:2] == ("problem", "channel layer")


def test_a_silent_channel_layer_is_a_problem(cli, worker, settings, monkeypatch):
    pytest.importorskip("channels")
    monkeypatch.setattr(channel_layer, "PATIENCE", 0.01)
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": f"{__name__}.Silent"}}

    (finding,) = worst(cli)

    assert "nothing came through" in finding[2]


class Silent:
    """A channel layer that loses everything."""

    async def new_channel(self, prefix):
        return prefix

    async def group_add(self, group, channel):
        pass

    group_send = group_add

    async def receive(self, channel):
        import asyncio

        await asyncio.sleep(60)


def test_another_database_can_be_looked_at(cli):
    assert cli("doctor", "--database", "nope").code == 2
