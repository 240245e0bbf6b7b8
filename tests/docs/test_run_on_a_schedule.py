"""The page about schedules: what it declares does what it says."""

import unittest

import pytest

from django_durable.models import Schedule, Tick, Workflow
from django_durable.testing import run_until_idle, virtual_time
from tests.schedules.definitions import utc

PAGE = "how-to/run-on-a-schedule.md"

pytestmark = pytest.mark.django_db


def test_the_tests_of_the_page_pass(page):
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(page.ChaseOrdersTests)

    result = unittest.TestResult()
    suite.run(result)

    assert (result.failures, result.errors, result.testsRun) == ([], [], 2)


def test_a_report_of_last_week_is_about_its_own_days(page):
    with virtual_time(utc("2026-11-27 12:00")):
        handles = page.report_last_week()
        run_until_idle()

    assert len(handles) == 7
    assert handles[0].get_result() == "sales of 2026-11-20"


def test_what_was_paused_goes_on_and_is_run_at_once(page):
    with virtual_time(schedules=["chase-orders"]):
        page.move_the_warehouse()
        is_paused = Schedule.objects.get().is_paused
        page.open_again()

    assert is_paused
    assert not Schedule.objects.get().is_paused
    assert Workflow.objects.for_schedule("chase-orders").count() == 1
    assert Tick.objects.get().kind == "hand"
