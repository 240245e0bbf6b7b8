"""The plans of PostgreSQL where 100,000 workflows are of every status."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from django.db import connection, transaction

from tests.plans import filling
from tests.plans.explaining import Plan, plans_of
from tests.plans.operations import MODELS, OPERATIONS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("large_tables")]


@pytest.fixture(scope="module")
def large_tables(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Fill the tables for all tests here, and empty them again."""
    with django_db_blocker.unblock():
        if connection.vendor != "postgresql":
            pytest.skip("Here PostgreSQL is asked for its plans.")
        filling.fill()
        yield
        filling.empty()


@cache
def plans(name: str) -> list[Plan]:
    """Return how the statements of an operation are planned, and undo it."""
    with transaction.atomic():
        found = plans_of(OPERATIONS[name].call)
        transaction.set_rollback(True)
    return found


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_statement_reads_what_has_finished(name):
    operation = OPERATIONS[name]

    for plan in plans(name):
        assert set(plan.scanned) <= set(operation.walks.split()), plan
        assert plan.blocks <= operation.blocks, plan


@pytest.mark.parametrize(
    "name", [name for name, operation in OPERATIONS.items() if operation.index]
)
def test_a_statement_reads_the_index_that_is_made_for_it(name):
    index = OPERATIONS[name].index

    def reads_it(plan):
        return any(each.startswith(index) for each in plan.indexes)

    texts = {plan.text for plan in plans(name) if reads_it(plan)}
    assert texts, plans(name)
    # Also by the plan that is kept for all values.
    assert all(reads_it(plan) for plan in plans(name) if plan.text in texts)


def test_every_index_is_read_by_something():
    made = {index.name for model in MODELS for index in model._meta.indexes}
    read = {
        index for name in OPERATIONS for plan in plans(name) for index in plan.indexes
    }

    assert made - read == set()


@pytest.mark.parametrize("queues", [None, ["queue-3", "queue-4"]])
def test_a_claim_sorts_nothing_but_the_heads_of_the_queues(queues):
    name = "claim" if queues is None else "claim, of queues"
    custom, kept = plans(name)

    for plan in (custom, kept):
        assert plan.most_sorted <= 16 * len(queues or range(10)), plan
        assert plan.root["Actual Rows"] == 16, plan


@pytest.mark.parametrize("name", ["claim, of limited queues", "claim, of full queues"])
def test_a_claim_within_limits_sorts_nothing_but_the_heads_of_the_queues(name):
    (plan,) = [plan for plan in plans(name) if "WITH" in plan.text]

    assert not plan.is_kept
    assert plan.most_sorted <= 16 * 11, plan
    assert [node for node in plan.nodes if node["Node Type"] == "LockRows"], plan


def test_a_claim_walks_over_nothing_of_paused_queues():
    claims = [plan for plan in plans("claim, of paused queues") if "WITH" in plan.text]

    assert len(claims) == 4
    for plan in claims:
        (ready,) = [each for each in plan.nodes if each["Node Type"] == "LockRows"]
        assert ready["Actual Loops"] == 0, plan


@pytest.mark.parametrize(
    "name", ["wake_due", "cancel_overdue", "next_due", "requeue_waiting", "suspend"]
)
def test_what_each_look_of_a_worker_asks_sorts_nothing(name):
    assert {plan.most_sorted for plan in plans(name)} == {0}
