"""Attempts: how often a step that always fails is called.

A step with `max_attempts` goes on counting where a dead execution stopped, so
the count is in the database. Rows of failed tries (`Attempt`) promise at most
`max_attempts` calls and one more for each takeover. A strict limit would need
a write before each call.
"""

from typing import NamedTuple

import pytest

from .checker import explore
from .database import (
    BEGIN,
    COMMIT,
    CONFLICT,
    INSERTED,
    ROLLBACK,
    Insert,
    Lock,
    Note,
    Read,
    Update,
    rows_of,
)

W = "workflow"
STEP = ("step", 1)
TAKEOVERS = 1  # two executions: the second takes over from the first

CALLED_TOO_OFTEN = "the step was called more often than its limit"


class Workflow(NamedTuple):
    status: str
    claim: int


class Counter(NamedTuple):
    tries: int
    outcome: str | None = None


CLAIM = Update(
    W,
    where=lambda row: row.status == "ENQUEUED",
    change=lambda row: Workflow("PENDING", row.claim + 1),
)
COUNT_CALL = Note(lambda db: {"calls": db["calls"] + 1})


def lease_expires():
    yield Update(
        W,
        where=lambda row: row.status == "PENDING",
        change=lambda row: Workflow("ENQUEUED", row.claim),
    )


def explore_calls(execution, *, limit):
    def called_too_often(db):
        return CALLED_TOO_OFTEN if db["calls"] > limit else None

    return explore(
        {W: Workflow("ENQUEUED", 0), STEP: Counter(0), "calls": 0},
        {"execution 1": execution, "execution 2": execution, "expiry": lease_expires},
        always=called_too_often,
        deaths={"execution 1": 1},
    )


# A counter in the row of the step, for max_attempts=2.


def change_counter(claim, where, change):
    return Update(STEP, where, change, subquery=lambda db: db[W].claim == claim)


def count(number, claim):
    return change_counter(
        claim, lambda row: row.outcome is None, lambda row: Counter(number)
    )


def count_once(number, claim):
    return change_counter(
        claim, lambda row: row == Counter(number - 1), lambda row: Counter(number)
    )


def give_up(claim):
    return change_counter(
        claim,
        where=lambda row: row.outcome is None,
        change=lambda row: row._replace(outcome="error"),
    )


def counting_in_memory():
    held = yield CLAIM
    if not held:
        return
    for _ in range(2):
        yield COUNT_CALL
    yield give_up(held.claim)


def counting_after_the_call():
    held = yield CLAIM
    if not held:
        return
    done = yield Read(lambda db: db[STEP].tries)
    for number in range(done + 1, 3):
        yield COUNT_CALL
        if not (yield count(number, held.claim)):
            return
    yield give_up(held.claim)


def counting_before_the_call():
    held = yield CLAIM
    if not held:
        return
    done = yield Read(lambda db: db[STEP].tries)
    for number in range(done + 1, 3):
        if not (yield count_once(number, held.claim)):
            return
        yield COUNT_CALL
    yield give_up(held.claim)


@pytest.mark.parametrize("execution", [counting_in_memory, counting_after_the_call])
def test_a_takeover_repeats_a_call_that_was_not_counted_yet(execution):
    """Attempt: counts in memory or of failed tries set no strict limit."""
    assert explore_calls(execution, limit=2).violation == CALLED_TOO_OFTEN


def test_attempts_counted_before_the_call_never_exceed_the_limit():
    """Attempt: the strict limit costs a fenced write before each call."""
    assert explore_calls(counting_before_the_call, limit=2).violation is None


# A row for each failed try, for max_attempts=3.


def recording_failures(*, reads_claim_before_retry=False, under_row_lock=False):
    record = record_under_row_lock if under_row_lock else record_lock_free

    def program():
        held = yield CLAIM
        if not held:
            return
        failures = yield Read(lambda db: len(rows_of(db, "attempt")))
        for number in range(failures + 1, 4):
            is_retry = number > failures + 1
            if is_retry and reads_claim_before_retry:
                row = yield Read(lambda db: db[W])
                if row.claim != held.claim:
                    return
            yield COUNT_CALL
            if not (yield from record(number, held.claim)):
                return

    return program


def record_lock_free(number, claim):
    """Record a failed try; return whether the execution may go on."""
    result = yield Insert(
        ("attempt", number), "failed", guard=lambda db: db[W].claim == claim
    )
    if result == CONFLICT:
        row = yield Read(lambda db: db[W])
        return row.claim == claim
    return result == INSERTED


def record_under_row_lock(number, claim):
    yield BEGIN
    if (yield Lock(W)) != ("PENDING", claim):
        yield ROLLBACK
        return False
    yield Insert(("attempt", number), "failed")
    yield COMMIT
    return True


def test_failures_recorded_by_a_zombie_just_in_time_allow_one_call_too_many():
    """I2: a lock-free insert passes its fence and commits after a takeover."""
    verdict = explore_calls(recording_failures(), limit=3 + TAKEOVERS)

    assert verdict.violation == CALLED_TOO_OFTEN


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param({"reads_claim_before_retry": True}, id="claim read again"),
        pytest.param({"under_row_lock": True}, id="failure under the row lock"),
    ],
)
def test_calls_of_a_step_are_at_most_max_attempts_and_takeovers(rules):
    """Attempt: what a retry must do so that the promise holds for zombies."""
    verdict = explore_calls(recording_failures(**rules), limit=3 + TAKEOVERS)

    assert verdict.violation is None
