"""What cannot be replayed at all, versions, and what a rehearsal costs."""

import asyncio

import pytest
from django.db import connection, transaction

import django_durable as durable
from django_durable.definitions import registry
from django_durable.execution.checking import check
from django_durable.execution.divergence import Difference
from django_durable.models import Step, Workflow
from django_durable.testing import run_until_idle
from tests.models import Entry
from tests.rehearsals import test_branches as branches, test_waits as waits
from tests.rehearsals.definitions import (
    NAME,
    child,
    line_of,
    original,
    other_arguments,
    pay,
    reordered,
    reserve,
    writes,
)
from tests.running import row_of

pytestmark = pytest.mark.django_db


def test_an_unknown_name_is_found(deploy, rehearse):
    deploy(original).start()
    registry._definitions.pop(NAME)

    (found,) = rehearse()

    assert found.divergence.difference is Difference.UNKNOWN
    assert found.version_at_hand is None
    assert found.is_stranded


def test_values_that_cannot_be_read_back_are_found(deploy, rehearse):
    handle = deploy(original).start()
    run_until_idle()
    steps = Step.objects.filter(workflow_id=handle.workflow_id, name="reserve")

    steps.update(output="json:{")
    (found,) = rehearse()
    Workflow.objects.update(inputs="json:{")
    (of_inputs,) = rehearse()

    assert found.divergence.difference is Difference.UNREADABLE
    assert (found.divergence.step_id, found.divergence.recorded) == (1, "reserve")
    assert found.divergence.line == line_of(original, "reserve()")
    assert of_inputs.divergence.difference is Difference.UNREADABLE


def test_arguments_that_do_not_fit_any_more_are_found(diverges):
    found = diverges(original, other_arguments)

    assert found.difference is Difference.ARGUMENTS
    assert "missing a required argument" in found.message


@pytest.mark.django_db(transaction=True)
def test_a_body_that_writes_by_itself_is_found_and_kept_from_it(deploy):
    deploy(original).start()
    deploy(writes)

    (found,) = check(Workflow.objects.all())

    assert found.divergence.difference is Difference.WRITES
    assert found.divergence.line == line_of(writes, "Entry")
    assert not Entry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_body_that_writes_in_a_thread_is_found_and_kept_from_it(deploy):
    def write():
        try:
            Entry.objects.create(key="from the body")
        finally:
            connection.close()

    async def body():
        await asyncio.to_thread(write)
        await durable.arecv("go")

    deploy(body).start()

    (found,) = check(Workflow.objects.all())

    assert found.divergence.difference is Difference.WRITES
    assert not Entry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_a_body_leaves_open_is_not_the_next_ones(deploy):
    child.start()
    run_until_idle()
    deploy(lambda: connection.set_autocommit(False)).start()

    found = list(check(Workflow.objects.order_by("-created_at")))

    assert [each.divergence for each in found] == [None, None]
    assert connection.get_autocommit()


def test_what_has_not_begun_fits_whatever_it_raises(deploy, rehearse):
    def picky():
        raise ValueError("no")

    deploy(picky).start()

    (found,) = rehearse()

    assert found.divergence is None


# Versions.


def test_it_compares_whatever_the_version_and_says_what_would_be_stranded(
    deploy, rehearse, settings
):
    deploy(original).start()
    run_until_idle()

    deploy(reordered, version="2")
    (moved,) = rehearse()
    settings.DURABLE = {"ON_VERSION_CHANGE": "continue"}
    (followed,) = rehearse()

    assert (moved.version, moved.version_at_hand) == ("1", "2")
    assert (moved.is_stranded, followed.is_stranded) == (True, False)
    assert moved.divergence == followed.divergence
    assert moved.divergence.called == "pay"


def test_what_has_ended_is_not_stranded(deploy, rehearse):
    handle = deploy(original).start()
    durable.send(handle, "x", "go")
    run_until_idle()

    deploy(original, version="2")
    (found,) = rehearse()

    assert not found.is_stranded


# The database.


@pytest.mark.django_db(transaction=True)
def test_postgresql_lets_it_happen_in_a_transaction_that_may_only_read(deploy):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no transactions that may only read.")
    lines = branches.branching(branches.first_line, branches.second_line)
    both = branches.gathering(reserve, pay)
    for function in (lines, both, original, waits.starting, waits.first):
        handle = deploy(function).start()
        run_until_idle()
        with transaction.atomic():
            connection.cursor().execute("SET TRANSACTION READ ONLY")
            found = list(check(Workflow.objects.filter(pk=handle.workflow_id)))

        assert [each.divergence for each in found] == [None]


def test_a_workflow_costs_few_questions(deploy, django_assert_max_num_queries):
    row = row_of(deploy(original).start())
    run_until_idle()

    with django_assert_max_num_queries(5):
        list(check([row]))
