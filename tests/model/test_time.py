"""Time: a sleep keeps its end, and a passed deadline strikes once.

What a replay must find again is in the database: the first deadline of a wait
is in its `Wait` row.
"""

from typing import NamedTuple

from .checker import explore
from .database import Note, Read, Update

W = "workflow"

POSTPONED = "the sleep ends later than when it began"
CANCELLED_AGAIN = "a resumed workflow was cancelled by its old deadline"


class Workflow(NamedTuple):
    status: str
    claim: int
    wake_at: int | None = None


def claim_next():
    return Update(
        W,
        where=lambda row: row.status == "ENQUEUED",
        change=lambda row: row._replace(status="PENDING", claim=row.claim + 1),
    )


# sleep(2), begun at 0.


def clock():
    for _ in range(4):
        yield Note(lambda db: {"time": db["time"] + 1})


def wake_too_early(*, keeps_wait):
    """Put the workflow back, as a hand-over or a stray wake does."""

    def enqueued(row):
        return Workflow("ENQUEUED", row.claim, row.wake_at if keeps_wait else None)

    def program():
        yield Update(W, lambda row: row.status == "WAITING", enqueued)

    return program


def replayed_sleep():
    held = yield claim_next()
    if not held:
        return
    now = yield Read(lambda db: db["time"])
    due = held.wake_at if held.wake_at is not None else now + 2
    status = "SUCCESS" if now >= due else "WAITING"
    yield Update(
        W,
        where=lambda row: row[:2] == ("PENDING", held.claim),
        change=lambda row: Workflow(status, held.claim, due),
    )


def postponed(db):
    return POSTPONED if db[W].wake_at not in (None, 2) else None


def explore_sleep(*, keeps_wait):
    return explore(
        {W: Workflow("WAITING", 1, wake_at=2), "time": 0},
        {
            "clock": clock,
            "stray wake": wake_too_early(keeps_wait=keeps_wait),
            "execution": replayed_sleep,
        },
        always=postponed,
    )


def test_a_sleep_that_counts_anew_after_each_wake_is_postponed():
    """Wait: the due time must not depend on when a replay happens."""
    assert explore_sleep(keeps_wait=False).violation == POSTPONED


def test_a_sleep_keeps_its_due_time_over_hand_overs_and_stray_wakes():
    """Wait: hand-over keeps the Wait rows; deploys postpone no sleep."""
    assert explore_sleep(keeps_wait=True).violation is None


# A deadline that has passed, and a person who resumes.


class Timed(NamedTuple):
    status: str
    deadline: int | None
    is_resumed: bool = False


def sweep_deadlines():
    for _ in range(2):
        yield Update(
            W,
            where=has_missed_its_deadline,
            change=lambda row: row._replace(status="CANCELLED"),
        )


def has_missed_its_deadline(row):
    is_active = row.status in ("PENDING", "ENQUEUED", "WAITING")
    return is_active and row.deadline is not None and row.deadline <= 0


def resume(*, clears_deadline):
    def resumed(row):
        deadline = None if clears_deadline else row.deadline
        return Timed("ENQUEUED", deadline, is_resumed=True)

    def program():
        yield Update(W, lambda row: row.status == "CANCELLED", resumed)

    return program


def cancelled_again(db):
    if db[W].status == "CANCELLED" and db[W].is_resumed:
        return CANCELLED_AGAIN
    return None


def explore_deadline(*, clears_deadline):
    return explore(
        {W: Timed("PENDING", deadline=0)},
        {
            "sweep": sweep_deadlines,
            "person": resume(clears_deadline=clears_deadline),
        },
        always=cancelled_again,
    )


def test_a_resumed_workflow_that_keeps_its_deadline_is_cancelled_again():
    """Worker life: what the next sweep would do."""
    assert explore_deadline(clears_deadline=False).violation == CANCELLED_AGAIN


def test_a_resumed_workflow_without_its_passed_deadline_goes_on():
    """Worker life: resume clears a deadline that has passed."""
    assert explore_deadline(clears_deadline=True).violation is None
