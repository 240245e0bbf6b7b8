"""Locks: cancel reaches every child, and nobody waits in a circle.

Cancel and child starts meet at the parent's row lock (I2). Whoever locks many
rows takes them in id order, as flushes do (I3); a transaction step takes its
fence last, after the rows of the user.
"""

from typing import NamedTuple

import pytest

from .checker import DEADLOCK, explore
from .database import (
    BEGIN,
    BUSY,
    COMMIT,
    INSERTED,
    ROLLBACK,
    Insert,
    Lock,
    Read,
    Update,
)

PARENT, CHILD = "parent", "child"
ORPHAN = "a child runs although its parent is cancelled"


class Workflow(NamedTuple):
    status: str
    claim: int


# Cancel with its cascade, beside the start of a child.


def start_child(*, under_row_lock):
    def holds_claim(db):
        return db[PARENT].claim == 1

    def program():
        yield BEGIN
        if under_row_lock and (yield Lock(PARENT)) != ("PENDING", 1):
            yield ROLLBACK
            return
        if under_row_lock:
            result = yield Insert(("step", 1), "child")
        else:
            result = yield Insert(("step", 1), "child", guard=holds_claim)
        if result != INSERTED:
            yield ROLLBACK
            return
        yield Insert(CHILD, Workflow("ENQUEUED", 0))
        yield COMMIT

    return program


def cancelled(row):
    return Workflow("CANCELLED", row.claim)


def cancel(*, lists_children_after_locking):
    list_children = Read(lambda db: CHILD in db)

    def program():
        yield BEGIN
        # A recursive CTE sees its own old snapshot: it lists before it locks.
        has_child = not lists_children_after_locking and (yield list_children)
        yield Update(
            PARENT, lambda row: row.status in ("PENDING", "WAITING"), cancelled
        )
        if lists_children_after_locking:
            has_child = yield list_children
        if has_child:
            yield Update(CHILD, lambda row: row.status != "SUCCESS", cancelled)
        yield COMMIT

    return program


def orphan(db):
    if db[PARENT].status != "CANCELLED" or CHILD not in db:
        return None
    return ORPHAN if db[CHILD].status != "CANCELLED" else None


def explore_cascade(*, under_row_lock, lists_children_after_locking):
    return explore(
        {PARENT: Workflow("PENDING", 1)},
        {
            "parent": start_child(under_row_lock=under_row_lock),
            "admin": cancel(lists_children_after_locking=lists_children_after_locking),
        },
        at_end=orphan,
    )


@pytest.mark.parametrize(
    ("under_row_lock", "lists_children_after_locking"),
    [
        pytest.param(False, False, id="no rule"),
        pytest.param(False, True, id="only a second statement"),
        pytest.param(True, False, id="only the row lock"),
    ],
)
def test_a_cascade_that_lacks_a_rule_leaves_an_orphan(
    under_row_lock, lists_children_after_locking
):
    """I2: the ordinary fence, or one statement for all, misses a child."""
    verdict = explore_cascade(
        under_row_lock=under_row_lock,
        lists_children_after_locking=lists_children_after_locking,
    )

    assert verdict.violation == ORPHAN


def test_a_cascade_reaches_every_child():
    """I2: child starts lock the parent; cancel lists in a new statement."""
    verdict = explore_cascade(under_row_lock=True, lists_children_after_locking=True)

    assert verdict.violation is None


# Lock orders. A, B, C are workflows in id order; "order" is a user's row.


def locks(*keys, gives_up_on=()):
    """Lock the rows one after the other; roll back where one is not free."""

    def program():
        yield BEGIN
        for key in keys:
            if (yield Lock(key, skip_locked=key in gives_up_on)) == BUSY:
                yield ROLLBACK
                return
        yield COMMIT

    return program


def explore_locks(**programs):
    return explore(dict.fromkeys(("A", "B", "C", "order"), 0), programs)


def test_flushes_that_lock_in_order_of_arrival_block_each_other():
    """I3: why a flush sorts its rows."""
    verdict = explore_locks(flush=locks("A", "B"), other_flush=locks("B", "A"))

    assert verdict.violation == DEADLOCK


def test_flushes_a_cascade_and_a_wake_in_id_order_never_block_each_other():
    """I2, I3 and I6: everything that locks many rows goes in id order."""
    verdict = explore_locks(
        flush=locks("A", "B"),
        other_flush=locks("A", "B", "C"),
        cascade=locks("B", "C"),
        wake=locks("A", "C"),
    )

    assert verdict.violation is None


def test_an_early_fence_blocks_a_request_that_cancels_last():
    """I2: the fence of a transaction step is taken late."""
    verdict = explore_locks(step=locks("A", "order"), request=locks("order", "A"))

    assert verdict.violation == DEADLOCK


def test_a_late_fence_never_blocks_a_request_that_cancels_last():
    """I2: user's rows first, then the workflow's, as most requests do."""
    verdict = explore_locks(step=locks("order", "A"), request=locks("order", "A"))

    assert verdict.violation is None


def test_a_late_fence_blocks_a_request_that_cancels_first():
    """I2: no order suits every request."""
    verdict = explore_locks(step=locks("order", "A"), request=locks("A", "order"))

    assert verdict.violation == DEADLOCK


def test_a_fence_that_gives_up_in_time_blocks_no_request():
    """I2: `lock_timeout` below the deadlock time-out; the step is retried."""
    verdict = explore_locks(
        step=locks("order", "A", gives_up_on=["A"]), request=locks("A", "order")
    )

    assert verdict.violation is None


def test_transaction_steps_that_cancel_each_others_workflow_block_each_other():
    """I2: not every deadlock can be avoided; a step retries after one."""
    verdict = explore_locks(step=locks("B", "A"), other_step=locks("A", "B"))

    assert verdict.violation == DEADLOCK
