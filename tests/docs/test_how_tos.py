"""The code of all pages, and how-to pages that a test or two cover."""

import asyncio
import dataclasses
import logging
import re
import unittest
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test import override_settings
from django.utils.module_loading import import_string

import django_durable as durable
from django_durable import conf
from django_durable.models import Workflow
from example_project.orders.models import Order
from tests.docs.pages import blocks, pages_with
from tests.models import Account
from tests.running import result_of, row_of, wait_for_status, worker


def without_delay(step):
    """Retry at once: what a page waits for, a test does not."""
    step.retries = dataclasses.replace(step.retries, interval=0)


NO_MODULES = {
    "tutorial/first-workflow.md",  # A project of several files.
    "reference/messages-events-streams.md",  # A few lines of a body.
    "explanation/scaling.md",  # A command: a test of its own executes it, once.
}


@pytest.mark.parametrize("page", sorted({*pages_with("python")} - NO_MODULES))
def test_the_python_of_a_page_can_be_imported(page, import_page):
    import_page(page)


@pytest.mark.parametrize(
    "page",
    [
        "how-to/deploy-new-code.md",
        "how-to/hide-secrets.md",
        "how-to/use-another-database.md",
        "tutorial/first-workflow.md",
    ],
)
def test_settings_on_a_page_are_settings_that_exist(page):
    found = [b.code for b in blocks(page, "python") if "DURABLE = {" in b.code]

    for code in found:
        line = code[code.index("DURABLE = {") :].partition("}")[0] + "}"
        raw = eval(line.removeprefix("DURABLE = "), {})
        assert conf.problems(raw) == []
    assert found


# Retry a flaky service.


@pytest.mark.django_db
def test_a_step_sends_the_same_key_in_every_attempt(import_page, bank):
    page = import_page("how-to/retry-a-flaky-service.md")
    without_delay(page.charge)
    bank.failures += [bank.Unavailable(), bank.Unavailable()]

    with durable.SetWorkflowID("pay-1"):
        result = page.pay(1, 100)

    assert result == "CHG for order 1"
    assert bank.asked == ["pay-1/1"] * 3


@pytest.mark.django_db
def test_other_exceptions_are_not_retried_and_are_raised_as_themselves(
    import_page, bank
):
    page = import_page("how-to/retry-a-flaky-service.md")
    bank.failures += [bank.Declined("no funds")]

    result = page.pay(1, 100)

    assert result == "declined: no funds"
    assert len(bank.asked) == 1


@pytest.mark.django_db
def test_attempts_run_out(import_page, bank):
    page = import_page("how-to/retry-a-flaky-service.md")
    without_delay(page.charge)
    bank.failures += [bank.Unavailable() for _ in range(5)]

    result = page.pay(1, 100)

    assert result == "unavailable"
    assert len(bank.asked) == 5


@pytest.mark.django_db(transaction=True)
def test_an_async_step_and_a_borrowed_function_are_recorded(import_page, bank):
    page = import_page("how-to/retry-a-flaky-service.md")

    balance = asyncio.run(page.check_account("1"))
    answer = page.ping("1")

    assert (balance, answer) == (100, "1")
    steps = [step.name for row in Workflow.objects.all() for step in row.steps.all()]
    assert "ping the bank" in steps


def test_the_delays_of_the_page_are_those_of_the_step(import_page):
    page = import_page("how-to/retry-a-flaky-service.md")

    exact = dataclasses.replace(page.charge.retries, jitter=False, interval=2)

    assert [exact.delay_seconds(n) for n in (1, 2, 3, 4)] == [2, 6, 18, 54]


# Write exactly once.


@pytest.mark.django_db(transaction=True)
def test_a_transfer_happens_or_leaves_nothing(import_page):
    page = import_page("how-to/write-exactly-once.md")
    source = Account.objects.create(balance=150)
    target = Account.objects.create()

    page.pay_out(source.pk, target.pk, 100)
    with pytest.raises(ValueError, match="too low"):
        page.pay_out(source.pk, target.pk, 100)
    asyncio.run(page.pay_out_async(source.pk, target.pk, 50))

    balances = dict(Account.objects.values_list("pk", "balance"))
    assert balances == {source.pk: 0, target.pk: 150}


@pytest.mark.django_db
def test_a_durable_call_inside_atomic_in_the_body_is_refused(import_page):
    page = import_page("how-to/write-exactly-once.md")

    @durable.workflow(name="docs.body_with_atomic", version="1")
    def body_with_atomic():
        with transaction.atomic():  # durable: ignore
            page.transfer(1, 2, 3)

    with pytest.raises(transaction.TransactionManagementError, match="of its own"):
        body_with_atomic()


# Run in parallel.


@pytest.mark.django_db(transaction=True)
def test_every_way_to_run_in_parallel_gives_the_sum(import_page):
    page = import_page("how-to/run-in-parallel.md")
    skus = ["a", "bb", "ccc"]

    with worker():
        ways = [page.total, page.total_async, page.total_of_children]
        handles = [way.start(skus) for way in ways]
        results = [result_of(handle) for handle in handles]

    assert results == [6, 6, 6]
    children = Workflow.objects.filter(parent=handles[2].workflow_id)
    ids = sorted(children.values_list("pk", flat=True))
    assert ids == [f"{handles[2].workflow_id}/{n}" for n in (1, 2, 3)]


# Sleep and schedule.


@pytest.mark.django_db(transaction=True)
@override_settings(DURABLE={"HOT_WAIT": 0})
def test_a_long_sleep_suspends_and_a_short_one_ends(import_page):
    page = import_page("how-to/sleep-and-schedule.md")
    order = Order.objects.create(customer="Ada")

    with worker():
        long = page.ask_for_review.start(order.pk)
        short = page.ask_for_review.start(order.pk, delay=timedelta(seconds=0.1))
        result_of(short)
        wait_for_status(long, "WAITING")

    order.refresh_from_db()
    assert order.status in ("delivered", "asked for review")
    assert row_of(short).status == "SUCCESS"


@pytest.mark.django_db
def test_a_draw_and_a_plan(import_page):
    page = import_page("how-to/sleep-and-schedule.md")
    order = Order.objects.create(customer="Ada")

    drawn = page.draw(["Ada", "Grace"])
    handle = page.plan_review(order)

    assert " with ticket " in drawn
    assert row_of(handle).run_after > row_of(handle).created_at


# Store your own types.


@pytest.mark.django_db
def test_registered_types_come_back_as_they_were(import_page):
    page = import_page("how-to/store-your-own-types.md")

    result = page.invoice(page.Money(Decimal("1.50"), page.Currency.USD))

    assert result == page.Money(Decimal("3.00"), page.Currency.USD)
    assert type(result) is page.Money


# Test workflows.


@pytest.mark.once
@pytest.mark.django_db(transaction=True)
def test_the_tests_of_the_page_pass(import_page):
    page = import_page("how-to/test-workflows.md")
    suite = unittest.defaultTestLoader.loadTestsFromModule(page)

    outcome = unittest.TestResult()
    suite.run(outcome)

    assert outcome.errors + outcome.failures == []
    written = len(re.findall(r"^    def test_", Path(page.__file__).read_text(), re.M))
    assert outcome.testsRun > written > 5  # Inherited ones count again.


def test_the_pytest_function_of_the_page_passes(import_page, durable):
    page = import_page("how-to/test-workflows.md")

    page.test_an_order_is_fulfilled(durable)


# Run workers.


@pytest.mark.django_db(transaction=True)
def test_a_worker_in_this_process_greets(import_page):
    page = import_page("how-to/run-workers.md")

    assert page.greet_in_this_process("Ada") == "Hello Ada"


# Operate in the admin.


@pytest.mark.django_db
def test_what_needs_a_person_is_found(import_page):
    page = import_page("how-to/operate-in-the-admin.md")
    deploy = import_page("how-to/deploy-new-code.md")
    handle = deploy.pay_for_order.start(1)

    found = [row.pk for row in page.needing_a_person()]

    assert found == [handle.workflow_id]  # Stranded: there is no worker.
    assert list(page.stuck_for_a_week()) == []


# Use another database.


def test_the_router_of_the_page_keeps_the_durable_tables_together(
    import_page, settings
):
    page = import_page("how-to/use-another-database.md")
    settings.DURABLE = page.DURABLE
    router = import_string(page.DATABASE_ROUTERS[0])()

    assert router.db_for_read(Workflow) == router.db_for_write(Workflow) == "workflows"
    assert router.db_for_read(Order) is None
    assert router.allow_migrate("workflows", "django_durable") is True
    assert router.allow_migrate("default", "django_durable") is False
    assert router.allow_migrate("default", "orders") is None


# Use SQLite.


def test_the_options_of_the_page_please_the_system_checks(import_page, settings):
    page = import_page("how-to/use-sqlite.md")
    if connection.vendor != "sqlite":
        pytest.skip("the check looks at the database of the suite: not SQLite")
    from django_durable.checks import check_sqlite

    options = connection.settings_dict["OPTIONS"]

    assert check_sqlite() == []
    for key, value in page.DATABASES["default"]["OPTIONS"].items():
        assert options[key] == value
    assert logging.getLogger("django_durable").name == "django_durable"
