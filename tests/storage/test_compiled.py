"""Statements that are composed once: what is fixed, what is given, what comes back."""

import uuid
from datetime import UTC, datetime

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from django_durable.models import Workflow, compiled, prepared
from django_durable.models.compiled import Change, OneOf, Selection
from tests.workflows import total

pytestmark = pytest.mark.django_db

ODD = "50% of 'em, or %s"
MOMENT = datetime(2030, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


@pytest.fixture
def ids():
    """Store three workflows; return their ids."""
    for number in range(3):
        total.using(workflow_id=f"w{number}").start(number, 1)
    return ["w0", "w1", "w2"]


def test_the_gaps_are_filled_anew_each_time(ids):
    named = Selection(
        lambda rows: rows.filter(pk=compiled.text("pk")).values_list("pk", "claim")
    )

    found = [named(Workflow.objects.all(), pk=pk) for pk in (*ids, "nobody")]

    assert found == [[("w0", 0)], [("w1", 0)], [("w2", 0)], []]


@pytest.mark.parametrize("chosen", [[], ["w1"], ["w2", "w0"], ["w1", "x'); --"]])
def test_a_list_of_any_length_is_one_gap(ids, chosen):
    among = Selection(
        lambda rows: (
            rows.filter(OneOf("pk", compiled.texts("ids")))
            .order_by("pk")
            .values_list("pk")
        )
    )

    found = [pk for (pk,) in among(Workflow.objects.all(), ids=chosen)]

    assert found == sorted(set(chosen) & set(ids))


def test_what_never_changes_is_part_of_the_text(ids, monkeypatch):
    monkeypatch.setattr(prepared, "is_possible", lambda connection: False)
    Workflow.objects.filter(pk="w1").update(summary=ODD)
    odd = Selection(
        lambda rows: rows.filter(
            summary=ODD, worker=None, claim=0, queue_name=compiled.text("queue")
        ).values_list("pk")
    )

    with CaptureQueriesContext(connections["default"]) as captured:
        found = odd(Workflow.objects.all(), queue="default")

    assert found == [("w1",)]
    assert "'50% of ''em, or %s'" in captured[0]["sql"]


def test_columns_come_back_as_django_gives_them(ids):
    worker = uuid.uuid4()
    row = Workflow.objects.filter(pk="w1")
    row.update(wake_at=MOMENT, worker=worker, attributes={"a": [1]})
    columns = ("wake_at", "worker_id", "attributes", "deadline")
    stored = Selection(
        lambda rows: rows.filter(pk=compiled.text("pk")).values_list(*columns)
    )

    found = stored(Workflow.objects.all(), pk="w1")

    assert found == list(row.values_list(*columns))
    assert found == [(MOMENT, worker, {"a": [1]}, None)]


@pytest.mark.parametrize("wake_at", [MOMENT, None])
def test_a_change_says_how_many_rows_it_met(ids, wake_at):
    change = Change(
        lambda rows: rows.filter(OneOf("pk", compiled.texts("ids")), claim=0),
        wake_at=compiled.moment("wake_at"),
        deadline=None,
        summary=ODD,
    )

    met = change(Workflow.objects.all(), ids=["w0", "w2", "x"], wake_at=wake_at)

    changed = Workflow.objects.filter(summary=ODD).order_by("pk")
    assert met == 2
    assert list(changed.values_list("pk", "wake_at", "deadline")) == [
        ("w0", wake_at, None),
        ("w2", wake_at, None),
    ]


def test_only_all_rows_can_be_asked_for(ids):
    """What the first caller filters by must not be asked of the next one's rows."""
    found = Selection(lambda rows: rows.order_by("pk").values_list("pk"))
    rows = Workflow.objects.all()

    for some in (rows.filter(pk="w1"), rows.exclude(pk="w1"), rows[:1]):
        with pytest.raises(TypeError, match="takes all rows"):
            found(some)

    assert found(rows) == [("w0",), ("w1",), ("w2",)]


def test_a_value_that_cannot_be_written_into_the_text_is_refused():
    short = Selection(lambda rows: rows.filter(seconds_ran__lt=0.5).values_list("pk"))

    with pytest.raises(TypeError, match="has to be given"):
        short(Workflow.objects.all())
