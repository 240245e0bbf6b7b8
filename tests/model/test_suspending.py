"""Suspending: a workflow leaves memory as a whole, and records nothing more.

These models show why the unwinding of I5 is a rule of its own: neither the
fence of an ordinary step nor a branch that decides by itself can replace it.
"""

from typing import NamedTuple

import pytest

from .checker import explore
from .database import Insert, Read, Update

W = "workflow"
MESSAGE = "message"
STEP = ("step", 2)

RECORDED_WHILE_UNWINDING = "a step was recorded while the step before it waits"
SUSPENDED_IN_MID_STEP = "the workflow was suspended while a step is in flight"


class Workflow(NamedTuple):
    status: str
    claim: int
    waits_for: str | None = None


PENDING = {W: Workflow("PENDING", 1)}


def write_waiting(*, claim=1):
    return Update(
        W,
        where=lambda row: row.status == "PENDING",
        change=lambda row: Workflow("WAITING", claim, MESSAGE),
    )


# try: recv() finally: step()


def unwinding(passes_fence, *, claim_after_suspending):
    """Suspend in recv(); a `finally` block then reaches a step."""

    def program():
        yield write_waiting(claim=claim_after_suspending)
        yield Insert(STEP, "cleanup", guard=lambda db: passes_fence(db[W]))

    return program


def has_claim(row):
    return row.claim == 1


def has_claim_and_status(row):
    return row.claim == 1 and row.status == "PENDING"


def recorded_while_unwinding(db):
    if db[W].status == "WAITING" and STEP in db:
        return RECORDED_WHILE_UNWINDING
    return None


def explore_unwinding(passes_fence, *, claim_after_suspending=1):
    program = unwinding(passes_fence, claim_after_suspending=claim_after_suspending)
    return explore(PENDING, {"execution": program}, always=recorded_while_unwinding)


def test_a_fence_on_the_claim_alone_lets_a_finally_block_record_a_step():
    """I5: why each durable call of a suspending execution raises again."""
    verdict = explore_unwinding(has_claim)

    assert verdict.violation == RECORDED_WHILE_UNWINDING


@pytest.mark.parametrize(
    ("passes_fence", "claim"),
    [
        pytest.param(has_claim_and_status, 1, id="claim and status"),
        pytest.param(has_claim, 2, id="claim, and suspending raises it"),
    ],
)
def test_a_fence_that_suspending_closes_stops_a_finally_block(passes_fence, claim):
    """I5: nothing is recorded after WAITING was written."""
    verdict = explore_unwinding(passes_fence, claim_after_suspending=claim)

    assert verdict.violation is None


# wait(FIRST_COMPLETED) of recv() and a step


def waiting_branch(*, only_when_idle):
    def program():
        if only_when_idle and not (yield Read(lambda db: STEP in db)):
            return  # It stays in memory and awaits its sibling.
        yield write_waiting()
        if (yield Read(lambda db: MESSAGE in db)):
            yield Update(
                W,
                where=lambda row: row.status == "WAITING",
                change=lambda row: Workflow("ENQUEUED", row.claim),
            )

    return program


def stepping_branch():
    yield Insert(STEP, "done", guard=lambda db: has_claim(db[W]))


def suspended_in_mid_step(db):
    if db[W].status == "WAITING" and STEP not in db:
        return SUSPENDED_IN_MID_STEP
    return None


def explore_branches(*, only_when_idle):
    return explore(
        PENDING,
        {
            "waiting branch": waiting_branch(only_when_idle=only_when_idle),
            "stepping branch": stepping_branch,
        },
        always=suspended_in_mid_step,
    )


def test_a_branch_that_suspends_by_itself_does_so_while_its_sibling_works():
    """I5: the sibling's result could carry the workflow on; nobody looks."""
    verdict = explore_branches(only_when_idle=False)

    assert verdict.violation == SUSPENDED_IN_MID_STEP


def test_an_execution_that_suspends_as_a_whole_has_no_step_in_flight():
    """I5: it suspends when no step is in flight and every branch waits."""
    verdict = explore_branches(only_when_idle=True)

    assert verdict.violation is None
