"""The fence: only the execution that holds a workflow decides what happened.

A workflow can have several executions: a zombie whose lease expired goes on
beside its successor. The fence (I2) decides what each may still record. An
ordinary step needs the claim only; a transaction step needs claim and status
under the row lock, in the transaction of its own writes (I4).
"""

from dataclasses import dataclass
from typing import NamedTuple

import pytest

from .checker import explore
from .database import (
    BEGIN,
    COMMIT,
    CONFLICT,
    FENCED,
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

OTHER_OUTCOME = "an execution went on with another outcome than the recorded one"
DOUBLE_EFFECT = "a transaction step took effect twice"
EFFECT_AFTER_CANCEL = "an effect was committed after cancel() had returned"


class Workflow(NamedTuple):
    status: str
    claim: int


@dataclass(frozen=True)
class Rules:
    """The design that is tried; the defaults are the one to build."""

    on_conflict: str = "adopt with the claim"  # "adopt always", "keep own"
    transaction_fence: str = "late"  # "early", "not locked"
    ordinary_fence: bool = True
    reads_status: bool = True  # each insert brings back the status
    hands_over_at: int | None = None  # SIGTERM reached at this step


def is_held(claim):
    return lambda row: row == Workflow("PENDING", claim)


def claim_next():
    return Update(
        W,
        where=lambda row: row.status == "ENQUEUED",
        change=lambda row: row._replace(status="PENDING", claim=row.claim + 1),
    )


def put_back(claim):
    return Update(W, is_held(claim), lambda row: Workflow("ENQUEUED", claim))


def execution(kinds, rules):
    """Run the steps of these kinds from the journal on, then finish."""

    def program():
        held = yield claim_next()
        if not held:
            return
        journal = yield Read(lambda db: tuple(sorted(rows_of(db, "step").items())))
        journal = dict(journal)
        for number, kind in enumerate(kinds, 1):
            if number in journal:
                outcome = journal[number]
            elif number == rules.hands_over_at:
                yield put_back(held.claim)
                return
            else:
                outcome = yield from kind(number, held.claim, rules)
                if outcome is None:
                    return
            yield note_use(number, held.claim, outcome)
        yield Update(W, is_held(held.claim), lambda row: Workflow("SUCCESS", row.claim))

    return program


def note_use(number, claim, outcome):
    return Note(lambda db: {("used", (number, claim)): outcome})


def ordinary(number, claim, rules):
    """Call the function, then record its outcome with a lock-free insert."""
    # Executions differ in what they get, as calls to other systems do.
    outcome = (claim, number)
    yield Note(lambda db: count_call(db, number))
    result = yield Insert(
        ("step", number),
        outcome,
        guard=lambda db: not rules.ordinary_fence or db[W].claim == claim,
    )
    if result == FENCED:
        return None
    if result == CONFLICT:
        return (yield from resolve_conflict(number, claim, outcome, rules))
    if rules.reads_status and (yield Read(lambda db: db[W])) != ("PENDING", claim):
        return None
    return outcome


def count_call(db, number):
    return {("call", number): db.get(("call", number), 0) + 1}


def transaction(number, claim, rules):
    """Write to the user's row and record the outcome in one transaction."""
    outcome = (claim, number)
    yield BEGIN
    if rules.transaction_fence == "early" and not (yield from holds(claim)):
        return None
    if rules.transaction_fence == "not locked":
        row = yield Read(lambda db: db[W])
        if row != ("PENDING", claim):
            yield ROLLBACK
            return None
    yield Update(("effect", number), lambda row: True, lambda row: row + 1)
    if rules.transaction_fence == "late" and not (yield from holds(claim)):
        return None
    result = yield Insert(("step", number), outcome)
    if result == INSERTED:
        yield COMMIT
        return outcome
    yield ROLLBACK
    return (yield from resolve_conflict(number, claim, outcome, rules))


def holds(claim):
    row = yield Lock(W)
    if row == ("PENDING", claim):
        return True
    yield ROLLBACK
    return False


def resolve_conflict(number, claim, outcome, rules):
    """Adopt what another execution recorded, if the claim is still mine."""
    if rules.on_conflict == "keep own":
        return outcome
    # A new statement: the row is not in the snapshot of the one that met it.
    row, recorded = yield Read(lambda db: (db[W], db.get(("step", number))))
    if row.claim != claim and rules.on_conflict == "adopt with the claim":
        return None
    return recorded


def lease_expires():
    yield Update(
        W,
        where=lambda row: row.status == "PENDING",
        change=lambda row: Workflow("ENQUEUED", row.claim),
    )


def cancel_and_resume():
    cancelled = yield Update(
        W,
        where=lambda row: row.status in ("PENDING", "ENQUEUED", "WAITING"),
        change=lambda row: Workflow("CANCELLED", row.claim),
    )
    if cancelled:
        # From here to the resume no effect may be committed.
        yield Note(lambda db: {"frozen": tuple(sorted(rows_of(db, "effect").items()))})
        yield Note(lambda db: {"frozen": None})
        yield Update(
            W,
            where=lambda row: row.status == "CANCELLED",
            change=lambda row: Workflow("ENQUEUED", row.claim),
        )


def wrong_decision(db):
    for (number, _claim), outcome in rows_of(db, "used").items():
        if db.get(("step", number)) != outcome:
            return OTHER_OUTCOME
    effects = rows_of(db, "effect")
    if any(times > 1 for times in effects.values()):
        return DOUBLE_EFFECT
    if db.get("frozen") is not None and dict(db["frozen"]) != effects:
        return EFFECT_AFTER_CANCEL
    return None


EXPIRY = {"expiry": lease_expires}
TWO_EXPIRIES = {"expiry 1": lease_expires, "expiry 2": lease_expires}
ADMIN = {"admin": cancel_and_resume}


def explore_executions(*kinds, rules=None, executions=2, others=None, deaths=None):
    rows = {W: Workflow("ENQUEUED", 0)}
    for number, kind in enumerate(kinds, 1):
        if kind is transaction:
            rows["effect", number] = 0
    programs = {
        f"execution {number}": execution(kinds, rules or Rules())
        for number in range(1, executions + 1)
    }
    return explore(
        rows, programs | (others or {}), always=wrong_decision, deaths=deaths
    )


@pytest.mark.parametrize(
    ("kinds", "setting"),
    [
        pytest.param((ordinary, ordinary), {"others": EXPIRY}, id="a zombie"),
        pytest.param(
            (ordinary, ordinary),
            {"others": TWO_EXPIRIES, "executions": 3},
            id="two zombies",
        ),
        pytest.param(
            (ordinary, transaction),
            {"others": EXPIRY | ADMIN},
            id="a zombie, cancel and resume",
        ),
        pytest.param(
            (transaction, ordinary),
            {
                "others": EXPIRY | ADMIN,
                "deaths": {"execution 1": 1, "execution 2": 1},
            },
            id="a zombie, cancel and resume, a death",
        ),
        pytest.param(
            (transaction, ordinary),
            {
                "others": EXPIRY,
                "executions": 3,
                "deaths": {"execution 1": 2, "execution 2": 2},
            },
            id="a zombie, two deaths",
        ),
        pytest.param(
            (ordinary, transaction),
            {"others": EXPIRY | ADMIN, "executions": 3},
            id="three executions, a zombie, cancel and resume",
        ),
    ],
)
def test_every_execution_decides_on_what_is_recorded(kinds, setting):
    """I2 and I4, with all rules as designed."""
    assert explore_executions(*kinds, **setting).violation is None


def test_an_execution_that_does_not_look_at_the_status_still_decides_right():
    """I2: the status that an insert brings back only saves work."""
    verdict = explore_executions(
        ordinary, ordinary, rules=Rules(reads_status=False), others=EXPIRY | ADMIN
    )

    assert verdict.violation is None


def test_an_execution_that_keeps_its_own_outcome_decides_on_an_unrecorded_one():
    """I2: an outcome that another execution recorded first is adopted."""
    verdict = explore_executions(
        ordinary, ordinary, rules=Rules(on_conflict="keep own"), others=EXPIRY
    )

    assert verdict.violation == OTHER_OUTCOME


def test_a_zombie_may_adopt_what_its_successor_recorded():
    """I2: losing the claim ends an execution early; safety needs no end."""
    verdict = explore_executions(
        ordinary, ordinary, rules=Rules(on_conflict="adopt always"), others=EXPIRY
    )

    assert verdict.violation is None


def test_adopting_keeps_ordinary_steps_right_even_without_a_fence():
    """I2: the unique key decides; the fence makes the zombie learn of it."""
    verdict = explore_executions(
        ordinary, ordinary, rules=Rules(ordinary_fence=False), others=EXPIRY
    )

    assert verdict.violation is None


def test_a_fence_read_without_a_lock_lets_an_effect_commit_after_cancel():
    """I2, the strong fence: the status is read under the row lock."""
    verdict = explore_executions(
        transaction,
        rules=Rules(transaction_fence="not locked"),
        executions=1,
        others=ADMIN,
    )

    assert verdict.violation == EFFECT_AFTER_CANCEL


@pytest.mark.parametrize("fence", ["early", "late"])
def test_a_fence_under_the_row_lock_stops_every_effect_after_cancel(fence):
    """I2, the strong fence: early or late is a matter of deadlocks only."""
    verdict = explore_executions(
        transaction,
        transaction,
        rules=Rules(transaction_fence=fence),
        others=EXPIRY | ADMIN,
    )

    assert verdict.violation is None


def test_a_workflow_handed_over_between_two_steps_goes_on_from_its_journal():
    """I2 and worker life: hand-over is one UPDATE guarded by the claim."""
    verdict = explore_executions(ordinary, ordinary, rules=Rules(hands_over_at=2))

    assert verdict.violation is None
