"""Wake-ups: whoever waits is told, once, and nobody is told after a cancel.

Publishing and waiting are three transactions each (I6): publish, commit, then
wake; write WAITING, commit, then look again. A sweep repairs what a death
between them leaves behind.
"""

from typing import NamedTuple

import pytest

from .checker import explore, run_alone
from .database import (
    BEGIN,
    BUSY,
    COMMIT,
    Insert,
    Lock,
    Note,
    Read,
    Update,
    rows_of,
)

W = "workflow"

LOST = "the workflow waits for a fact that is there"
RESURRECTED = "a cancelled workflow goes on"
TWO_UNDER_ONE_CLAIM = "two executions have the same claim"


class Workflow(NamedTuple):
    status: str
    claim: int
    waits_for: tuple[str, ...] = ()


ENQUEUED = {W: Workflow("ENQUEUED", 0)}


def is_waiting(row):
    return row.status == "WAITING"


def is_pending(claim):
    return lambda row: row.status == "PENDING" and row.claim == claim


def always_true(row):
    return True


def enqueued(row):
    return Workflow("ENQUEUED", row.claim)


def some_fact_of(facts):
    return Read(lambda db: any(fact in db for fact in facts))


# The side that waits.


CLAIM = Update(
    W,
    where=lambda row: row.status == "ENQUEUED",
    change=lambda row: Workflow("PENDING", row.claim + 1),
)


def count_execution(claim):
    key = ("execution", claim)
    return Note(lambda db: {key: db.get(key, 0) + 1})


def execution(facts, *, second_look="after the commit", requeue_is_guarded=True):
    """Wait for the first of these facts, then finish."""

    def program():
        held = yield CLAIM
        if not held:
            return
        claim = held.claim
        yield count_execution(claim)
        if (yield some_fact_of(facts)):
            yield Update(W, is_pending(claim), lambda row: Workflow("SUCCESS", claim))
            return
        must_look_again = yield from suspend(claim, facts, second_look)
        if must_look_again:
            yield requeue(claim, is_guarded=requeue_is_guarded)

    return program


def suspend(claim, facts, second_look):
    """Write WAITING, look again, and return whether a fact is there now."""
    write = Update(W, is_pending(claim), lambda row: Workflow("WAITING", claim, facts))
    if second_look == "in the same transaction":
        yield BEGIN
        is_suspended = yield write
        is_met = yield some_fact_of(facts)
        yield COMMIT
        return is_suspended and is_met
    return (yield write) and (yield some_fact_of(facts))


def requeue(claim, *, is_guarded):
    where = is_own_wait(claim) if is_guarded else always_true
    return Update(W, where, enqueued)


def is_own_wait(claim):
    return lambda row: is_waiting(row) and row.claim == claim


# The side that publishes, and the others.


def sender(fact, *, wake="after the commit", condition="in the update"):
    """Publish a fact in a long transaction and wake whoever waits for it."""

    def waits_for_it(row):
        return is_waiting(row) and fact in row.waits_for

    if condition == "in the update":
        wake_waiter = Update(W, waits_for_it, enqueued)
    else:
        wake_waiter = Update(W, always_true, enqueued, lambda db: waits_for_it(db[W]))

    def program():
        yield BEGIN
        yield Insert(fact, "sent")
        if wake == "inside the transaction":
            yield wake_waiter
            yield COMMIT
        else:
            yield COMMIT
            yield wake_waiter

    return program


def publish(fact):
    yield BEGIN
    yield Insert(fact, "sent")
    yield COMMIT


def sender_that_dies_after_its_commit():
    yield from publish("message")


def wake_unless_locked():
    """Wake with SKIP LOCKED; return what the lock said."""
    yield BEGIN
    row = yield Lock(W, skip_locked=True)
    if row != BUSY and is_waiting(row):
        yield Update(W, always_true, enqueued)
    yield COMMIT
    return row


def sender_that_skips_locked():
    yield from publish("message")
    yield from wake_unless_locked()


def sender_that_returns_to_the_skipped():
    yield from publish("message")
    if (yield from wake_unless_locked()) == BUSY:
        yield Update(W, is_waiting, enqueued)


def cancel():
    yield Update(
        W,
        where=lambda row: row.status in ("PENDING", "WAITING", "ENQUEUED"),
        change=lambda row: Workflow("CANCELLED", row.claim),
    )
    yield Note(lambda db: {"cancelled": 1} if db[W].status == "CANCELLED" else {})


def sweep():
    if (yield Read(is_stuck)):
        yield Update(W, is_waiting, enqueued)


def sweep_thrice():
    for _ in range(3):
        yield from sweep()


def hold_the_row():
    """Lock the row and change nothing, as an edited priority would."""
    yield BEGIN
    yield Lock(W)
    yield COMMIT


# What must not happen.


def is_stuck(db):
    return is_waiting(db[W]) and any(fact in db for fact in db[W].waits_for)


def lost_wakeup(db):
    return LOST if is_stuck(db) else None


def lost_wakeup_after_sweep(db):
    return lost_wakeup(run_alone(sweep, db))


def wrong_wakeup(db):
    if "cancelled" in db and db[W].status != "CANCELLED":
        return RESURRECTED
    if any(number > 1 for number in rows_of(db, "execution").values()):
        return TWO_UNDER_ONE_CLAIM
    return None


def explore_wakeups(programs, **options):
    options = {"always": wrong_wakeup, "at_end": lost_wakeup} | options
    return explore(ENQUEUED, programs, **options)


def executions(number, *facts, **rules):
    return {f"execution {n}": execution(facts, **rules) for n in range(1, number + 1)}


def senders(*facts, **rules):
    return {f"sender of {fact}": sender(fact, **rules) for fact in facts}


ONE_SENDER = senders("message")
ADMIN = {"admin": cancel}


@pytest.mark.parametrize(
    "programs",
    [
        pytest.param(executions(2, "message") | ONE_SENDER, id="one message"),
        pytest.param(
            executions(3, "message", "other") | senders("message", "other"),
            id="two senders",
        ),
        pytest.param(
            executions(2, "message", "event", "child")
            | senders("message", "event", "child"),
            id="first of message, event and child",
        ),
        pytest.param(
            executions(2, "message") | ONE_SENDER | ADMIN, id="a cancel at any time"
        ),
    ],
)
def test_no_wake_up_is_lost(programs):
    """I6, as designed."""
    assert explore_wakeups(programs).violation is None


def test_a_wake_inside_the_publishing_transaction_is_lost():
    """I6: publish, commit, then wake."""
    programs = executions(2, "message")
    programs |= senders("message", wake="inside the transaction")

    assert explore_wakeups(programs).violation == LOST


def test_a_second_look_in_the_transaction_that_writes_waiting_loses_a_wake_up():
    """I6: write WAITING, commit, then look again."""
    programs = executions(2, "message", second_look="in the same transaction")

    assert explore_wakeups(programs | ONE_SENDER).violation == LOST


def test_a_wake_whose_condition_is_only_in_a_subquery_undoes_a_cancel():
    """I6: the wake repeats `status = 'WAITING'` in the UPDATE's own WHERE."""
    programs = executions(2, "message")
    programs |= senders("message", condition="in a subquery")

    assert explore_wakeups(programs | ADMIN).violation == RESURRECTED


def test_a_requeue_that_does_not_name_the_expected_state_undoes_a_cancel():
    """I6: the waiter's own way back is guarded by status and claim."""
    programs = executions(2, "message", requeue_is_guarded=False)

    verdict = explore_wakeups(programs | ONE_SENDER | ADMIN)

    assert verdict.violation == RESURRECTED


def test_a_sender_that_dies_between_commit_and_wake_leaves_a_waiter_behind():
    """I6: this is what the sweep is for."""
    verdict = explore_wakeups(
        executions(2, "message") | ONE_SENDER, deaths={"sender of message": 1}
    )

    assert verdict.violation == LOST


def test_a_sweep_finds_every_waiter_that_a_dead_sender_left_behind():
    """I6 and I7: a sweep after all others looks at facts, not at hints."""
    verdict = explore_wakeups(
        executions(1, "message") | {"sender": sender_that_dies_after_its_commit},
        at_end=lost_wakeup_after_sweep,
    )

    assert verdict.violation is None


def test_a_sweep_and_a_late_wake_never_undo_a_cancel():
    """I6: wake and sweep are conditional UPDATEs, in any order."""
    verdict = explore_wakeups(
        executions(1, "message") | ONE_SENDER | {"sweep": sweep_thrice} | ADMIN,
        at_end=lost_wakeup_after_sweep,
        deaths={"sender of message": 1},
    )

    assert verdict.violation is None


def test_two_senders_and_a_sweep_never_start_two_executions_of_one_claim():
    """I6 and I2: only ENQUEUED rows are claimed, under a new number."""
    programs = executions(3, "message", "other") | senders("message", "other")

    verdict = explore_wakeups(programs | {"sweep": sweep})

    assert verdict.violation is None


def test_a_wake_that_skips_locked_rows_is_lost():
    """I6: somebody may hold the row without any change to its status."""
    verdict = explore_wakeups(
        executions(1, "message")
        | {"sender": sender_that_skips_locked, "other": hold_the_row}
    )

    assert verdict.violation == LOST


def test_a_wake_that_returns_to_the_rows_it_skipped_is_not_lost():
    """I6: SKIP LOCKED, then single-row UPDATEs for those skipped."""
    verdict = explore_wakeups(
        executions(1, "message")
        | {"sender": sender_that_returns_to_the_skipped, "other": hold_the_row}
        | ADMIN
    )

    assert verdict.violation is None
