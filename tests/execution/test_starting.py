"""What a start writes, and what it refuses to write."""

import datetime as dt
import io
import threading

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

import django_durable as durable
from django_durable import clock
from django_durable.exceptions import SerializationError
from django_durable.models import Workflow
from tests import workflows
from tests.models import Entry
from tests.running import in_loop, row_of

pytestmark = pytest.mark.django_db

HOUR = dt.timedelta(hours=1)

UNSTORABLE = {
    'inputs[0]["file"]': lambda: ({"file": io.StringIO()},),
    "inputs[1]": lambda: (1, lambda: None),
    "inputs[0][2]": lambda: ([1, 2, threading.Lock()],),
    "inputs[0]": lambda: (Entry(key="a", pk=7),),
}


def start(**options):
    return row_of(workflows.total.using(**options).start(1))


def test_a_start_is_part_of_the_callers_transaction():
    with transaction.atomic():
        handle = workflows.total.start(1)
        assert handle.get_status() == Workflow.Status.ENQUEUED
        transaction.set_rollback(True)

    assert not Workflow.objects.exists()


def test_a_start_writes_one_queued_row():
    handle = workflows.book.start("a")

    row = row_of(handle)
    assert row.status == Workflow.Status.ENQUEUED == handle.get_status()
    assert row.name == workflows.book.name
    assert row.version == workflows.book.version
    assert (row.queue_name, row.priority, row.claim) == ("default", 0, 0)
    assert row.parent_id is None
    assert abs(row.run_after - row.created_at) < HOUR


@pytest.mark.parametrize(
    "call",
    [
        lambda: workflows.book.start(),
        lambda: workflows.book.start("a", "b"),
        lambda: workflows.book.start(kee="a"),
        lambda: workflows.book(),
        lambda: workflows.book.bind(),
        lambda: in_loop(workflows.book.astart),
        lambda: durable.start_workflow(workflows.book, 1, 2),
        lambda: durable.start_workflow(workflows.book.name, 1, 2),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_written(call):
    with pytest.raises(TypeError, match=r"book\(key\)"):
        call()

    assert not Workflow.objects.exists()


@pytest.mark.parametrize("path", UNSTORABLE)
@pytest.mark.parametrize("is_direct", [False, True], ids=["start", "call"])
def test_an_argument_that_cannot_be_stored_is_refused_with_its_path(path, is_direct):
    arguments = UNSTORABLE[path]()
    call = workflows.total if is_direct else workflows.total.start

    with pytest.raises(SerializationError) as caught:
        call(*arguments)

    assert caught.value.path == path
    assert not Workflow.objects.exists()


def test_a_keyword_argument_that_cannot_be_stored_is_refused_with_its_name():
    with pytest.raises(SerializationError, match=r'\["key"\]') as caught:
        workflows.book.start(key=Entry.objects.all())

    assert "pk" in caught.value.advice
    assert not Workflow.objects.exists()


@pytest.mark.parametrize("priority", [-100, 0, 100])
def test_a_priority_is_kept(priority):
    assert start(priority=priority).priority == priority


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"priority": 101}, ValueError),
        ({"priority": -101}, ValueError),
        ({"priority": 10**9}, ValueError),
        ({"priority": 1.5}, TypeError),
        ({"priority": True}, TypeError),
        ({"priority": "1"}, TypeError),
        ({"priority": None}, TypeError),
        ({"queue_name": "a b\n"}, ValueError),
        ({"queue_name": ""}, ValueError),
        ({"queue_name": "a,b"}, ValueError),
        ({"queue_name": 5}, TypeError),
        ({"run_after": dt.datetime(2026, 1, 1)}, ValueError),
        ({"run_after": -HOUR}, ValueError),
        ({"run_after": dt.timedelta.max}, ValueError),
        ({"run_after": 60}, TypeError),
        ({"run_after": "tomorrow"}, TypeError),
        ({"attributes": ["a"]}, TypeError),
        ({"attributes": "a"}, TypeError),
    ],
)
def test_a_bad_option_is_refused_by_using_itself(options, error):
    (name,) = options

    with pytest.raises(error, match=name):
        workflows.total.using(**options)


def test_using_returns_a_copy():
    other = workflows.total.using(priority=5)

    assert start().priority == 0
    assert row_of(other.start(1)).priority == 5
    both = other.using(queue_name="slow").start(1)
    assert (row_of(both).priority, row_of(both).queue_name) == (5, "slow")


def test_a_queue_is_the_definitions_unless_using_names_one():
    @durable.workflow(queue_name="slow")
    def slow():
        return 1

    assert row_of(slow.start()).queue_name == "slow"
    assert row_of(slow.using(queue_name="fast").start()).queue_name == "fast"


def test_run_after_is_a_moment_or_a_length_of_time():
    moment = dt.datetime(2040, 1, 2, 3, 4, 5, 678901, tzinfo=dt.UTC)

    assert start(run_after=moment).run_after == moment
    delayed = start(run_after=HOUR)
    assert delayed.run_after - delayed.created_at == HOUR
    assert clock.now() < delayed.run_after < clock.now() + HOUR


def test_attributes_are_stored_and_can_be_asked_for():
    start(attributes={"customer": 7, "tags": ["a"]})
    start(attributes={"customer": 8})

    found = Workflow.objects.get(attributes__customer=7)

    assert found.attributes == {"customer": 7, "tags": ["a"]}


@pytest.mark.parametrize(
    "attributes",
    [{"a": object()}, {5: "a"}, {"": 1}, {"a": float("nan")}, {"a": "\0"}, {"\0": 1}],
)
def test_attributes_that_are_no_json_are_refused_before_anything_is_written(attributes):
    with pytest.raises(SerializationError, match="attributes"):
        start(attributes=attributes)

    assert not Workflow.objects.exists()


def test_a_subject_ties_a_workflow_to_a_model_object():
    first, second = (Entry.objects.create(key=key) for key in "ab")
    row = start(subject=first)
    start(subject=second)

    assert Workflow.objects.for_subject(first).get() == row


def test_a_subject_has_to_be_a_saved_model_object():
    with pytest.raises(ValueError, match="saved"):
        start(subject=Entry(key="a"))
    with pytest.raises(TypeError, match="model object"):
        start(subject="order-1")

    assert not Workflow.objects.exists()


def test_a_workflow_is_started_by_its_function_or_its_name():
    by_function = durable.start_workflow(workflows.total, 1, 2)
    by_name = durable.start_workflow(workflows.total.name, 1, 2)
    awaited = in_loop(durable.astart_workflow, workflows.total.name, 1, 2)

    rows = [row_of(handle) for handle in (by_function, by_name, awaited)]
    assert len({(row.name, row.version, row.inputs) for row in rows}) == 1


@pytest.mark.parametrize(
    "name", ["shop.checkout", "../../etc/passwd", "__import__('os')", "x" * 10_000]
)
def test_an_unknown_name_is_refused_with_advice(name):
    with pytest.raises(ImproperlyConfigured, match="check the name"):
        durable.start_workflow(name, 1)

    assert not Workflow.objects.exists()


def test_a_process_without_the_code_starts_by_name_under_the_apps_version(settings):
    settings.DURABLE = {"APP_VERSION": "2026-11"}

    row = row_of(durable.start_workflow("shop.checkout", 1, key="a"))

    assert (row.name, row.version) == ("shop.checkout", "2026-11")
    assert row.queue_name == "default"


@pytest.mark.parametrize("thing", [workflows.total.func, 5, None, workflows.add])
def test_only_a_workflow_can_be_started(thing):
    with pytest.raises(TypeError, match="@workflow"):
        durable.start_workflow(thing, 1)
