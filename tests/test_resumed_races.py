"""Races of executions that were cancelled with whoever resumes their workflow."""

import pytest

from django_durable.models import Workflow
from django_durable.models.claims import Claimed
from tests.crash.driver import Driver
from tests.interleaving import meetings
from tests.racing import (
    CODE,
    cancel,
    claim,
    entries,
    name_of,
    napping,
    noting,
    queue,
    row,
    writing,
)
from tests.running import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

RESULTS = {writing: "abcd", noting: "ab", napping: "slept"}
ENTRIES = {writing: ["b", "d"], noting: [], napping: ["slept"]}
every_definition = pytest.mark.parametrize("definition", RESULTS, ids=name_of)


@every_definition
def test_a_cancellation_anywhere_and_a_resumption_change_nothing(movable, definition):
    driver = Driver(movable, CODE)
    taken: list[Claimed] = []

    def held():
        queue(definition)
        taken[:] = [claim(driver)]

    for met in meetings(held, lambda: driver.run(taken[0]), cancel):
        if met.there is not None:
            Workflow.objects.resume_one("w")
        driver.settle()
        outcome = row().status, row().output
        assert outcome == ("SUCCESS", f'json:"{RESULTS[definition]}"'), met.point
        assert entries() == ENTRIES[definition], met.point


@every_definition
def test_an_execution_from_before_a_resumption_changes_nothing(movable, definition):
    old, new = Driver(movable, CODE), Driver(movable, CODE)
    taken: list[Claimed] = []

    def held():
        queue(definition)
        taken[:] = [claim(old)]

    def resumed_and_taken():
        if cancel() is None:
            return None
        Workflow.objects.resume_one("w")
        # The old execution may hold the row's lock just now: a claim passes by.
        (claimed,) = wait_until(new.claim, "a claim")
        return claimed, entries()

    for met in meetings(held, lambda: old.run(taken[0]), resumed_and_taken):
        if met.there is not None:
            claimed, stood = met.there
            held_by = row().status, row().claim, row().worker_id
            assert held_by == ("PENDING", claimed.claim, new.worker_id), met.point
            assert entries() == stood, met.point
            new.run(claimed)
        new.settle()
        outcome = row().status, row().output
        assert outcome == ("SUCCESS", f'json:"{RESULTS[definition]}"'), met.point
        assert entries() == ENTRIES[definition], met.point
