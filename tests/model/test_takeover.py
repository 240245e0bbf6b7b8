"""Hand-over and recovery: a workflow changes its worker, and loses nothing.

These are the rules of a worker's life: an execution is handed over as a whole
(I5), a sweep looks for PENDING workflows without a live worker, and each
change of a row names the state it expects (I2).
"""

from typing import NamedTuple

from .checker import explore, run_alone
from .database import Insert, Note, Read, Update

W = "workflow"
WORKER = "worker A"
STEP = ("step", 1)

TWICE_AT_ONCE = "a step runs twice at once although nobody died"
ABANDONED = "a sweep leaves a workflow PENDING under a dead worker"
COUNTED_TWICE = "one death is counted twice"
STOLEN = "the workflow is taken from a worker that lives"


class Workflow(NamedTuple):
    status: str
    claim: int
    worker: str | None = None
    recoveries: int = 0


def claim_for(worker):
    return Update(
        W,
        where=lambda row: row.status == "ENQUEUED",
        change=lambda row: row._replace(
            status="PENDING", claim=row.claim + 1, worker=worker
        ),
    )


def put_back(row):
    return row._replace(status="ENQUEUED", worker=None)


# SIGTERM while a sibling branch is in the middle of a step.


def call_step(outcome, claim):
    """Run a long step of the outside world, then record it."""
    yield Note(lambda db: {"running": db["running"] + 1})
    yield Note(lambda db: {"running": db["running"] - 1})
    yield Insert(STEP, outcome, guard=lambda db: db[W].claim == claim)


def sibling():
    yield from call_step("old", claim=1)


def hand_over(*, waits_for_sibling):
    def program():
        if waits_for_sibling and not (yield Read(lambda db: STEP in db)):
            return  # The lease does the rest.
        yield Update(W, lambda row: row[:2] == ("PENDING", 1), put_back)

    return program


def successor():
    held = yield claim_for("B")
    if held and not (yield Read(lambda db: STEP in db)):
        yield from call_step("new", held.claim)


def step_runs_twice_at_once(db):
    return TWICE_AT_ONCE if db["running"] > 1 else None


def explore_hand_over(*, waits_for_sibling):
    return explore(
        {W: Workflow("PENDING", 1, "A"), "running": 0},
        {
            "sibling": sibling,
            "main branch": hand_over(waits_for_sibling=waits_for_sibling),
            "successor": successor,
        },
        always=step_runs_twice_at_once,
    )


def test_a_hand_over_beside_a_running_step_runs_the_step_twice_at_once():
    """I5: one branch alone must not give the workflow away."""
    verdict = explore_hand_over(waits_for_sibling=False)

    assert verdict.violation == TWICE_AT_ONCE


def test_a_hand_over_that_waits_for_running_steps_runs_none_twice_at_once():
    """I5: an execution hands over as a whole, when no step is in flight."""
    verdict = explore_hand_over(waits_for_sibling=True)

    assert verdict.violation is None


# A worker that was declared dead may just have claimed.


def claim_and_die():
    yield claim_for("A")


def sweep_workers_that_just_expired():
    expired = yield Update(WORKER, lambda row: row == "alive", lambda row: "dead")
    if expired:
        yield Update(
            W, lambda row: row.status == "PENDING" and row.worker == "A", put_back
        )


def sweep_workflows_without_a_live_worker():
    yield Update(WORKER, lambda row: row == "alive", lambda row: "dead")
    yield Update(
        W,
        where=lambda row: row.status == "PENDING" and row.worker == "A",
        change=put_back,
        subquery=lambda db: db[WORKER] != "alive",
    )


def explore_claim_beside(sweep):
    def abandoned(db):
        db = run_alone(sweep, db)
        if db[W].status == "PENDING" and db[WORKER] == "dead":
            return ABANDONED
        return None

    return explore(
        {W: Workflow("ENQUEUED", 0), WORKER: "alive"},
        {"worker": claim_and_die, "sweep": sweep},
        at_end=abandoned,
    )


def test_a_sweep_of_workers_that_just_expired_abandons_a_late_claim():
    """Worker life: not the rows joined to an expired worker."""
    verdict = explore_claim_beside(sweep_workers_that_just_expired)

    assert verdict.violation == ABANDONED


def test_a_sweep_of_workflows_without_a_live_worker_finds_a_late_claim():
    """Worker life: PENDING rows without a live worker, at each sweep."""
    verdict = explore_claim_beside(sweep_workflows_without_a_live_worker)

    assert verdict.violation is None


# Two workers find the same dead one.


def belongs_to_dead_worker(row):
    return row.status == "PENDING" and row.worker == "A"


def recovered(row):
    return put_back(row)._replace(recoveries=row.recoveries + 1)


def recover_by_read_and_save():
    row = yield Read(lambda db: db[W])
    if belongs_to_dead_worker(row):
        yield Update(W, lambda row: True, recovered)


def recover_by_conditional_update():
    yield Update(W, belongs_to_dead_worker, recovered)


def claim_by_live_worker():
    yield claim_for("B")


def wrong_recovery(db):
    if db[W].recoveries > 1:
        return COUNTED_TWICE
    if db[W].claim == 2 and db[W].worker != "B":
        return STOLEN
    return None


def explore_two_sweeps(recover):
    return explore(
        {W: Workflow("PENDING", 1, "A")},
        {"sweep 1": recover, "sweep 2": recover, "worker B": claim_by_live_worker},
        always=wrong_recovery,
    )


def test_two_sweeps_that_read_and_save_count_one_death_twice():
    """I2: what a SELECT saw may have changed when the UPDATE arrives."""
    verdict = explore_two_sweeps(recover_by_read_and_save)

    assert verdict.violation == COUNTED_TWICE


def test_two_sweeps_that_repeat_their_condition_count_one_death_once():
    """I2: `status = 'PENDING' AND worker = …` stands in the UPDATE itself."""
    verdict = explore_two_sweeps(recover_by_conditional_update)

    assert verdict.violation is None
