"""How much an experiment gets of the time, and what it does however little it gets."""

import re

import pytest

from tests.chaos.dose import WHOLE_MINUTES, Campaign, Dose
from tests.journeys.processes import ROOT

pytestmark = pytest.mark.once


def dose_of(minutes):
    """Return the dose of the first of two experiments."""
    campaign = Campaign(minutes, "1")
    campaign.plan({"a::first": 1, "a::second": 3})
    return Dose(campaign, "a::first", "first")


def test_the_whole_amount_is_done_in_the_time_that_a_run_has_by_itself():
    (minutes,) = re.findall(r"CHAOS_MINUTES \?= (\d+)", (ROOT / "Makefile").read_text())

    assert int(minutes) == WHOLE_MINUTES
    assert dose_of(int(minutes)).amount(4, 84, fits=0) == 84


@pytest.mark.parametrize(("fits", "amount"), [(0, 4), (50, 50), (1000, 84)])
def test_a_shorter_run_does_what_fits_in(fits, amount):
    assert dose_of(1).amount(4, 84, fits=fits) == amount


def test_a_test_run_does_little():
    assert dose_of(None).amount(4, 84, fits=1000) == 4


def test_what_an_experiment_leaves_belongs_to_the_later_ones():
    campaign = Campaign(1, "1")
    campaign.plan({"a::first": 1, "a::second": 3}, part=0.5)

    slices = campaign.slice_of("a::first"), campaign.slice_of("a::second")

    assert slices == pytest.approx((7.5, 30), abs=0.1)
