"""Limits of queues: a claim counts in a snapshot, and takes only if it is the newest.

Each claim is one statement: all that it counts is of one moment. Then it locks the
queue, whose number every claim raises that takes something.
"""

import pytest

from .checker import explore
from .database import BEGIN, BUSY, COMMIT, ROLLBACK, Lock, Read, Update

QUEUE, LIMIT = "queue", 2
WORKFLOWS = "abcd"
TOO_MANY = "more are executed than may be"
NONE = "nobody has taken anything"


def running(db):
    return [pk for pk in WORKFLOWS if db[pk] == "PENDING"]


def counted(db):
    ready = tuple(pk for pk in WORKFLOWS if db[pk] == "ENQUEUED")
    return db[QUEUE], len(running(db)), ready


def claim(*, locks=True, compares=True, raises=True, ends=False):
    def program():
        number, busy, ready = yield Read(counted)
        yield BEGIN
        if locks:
            newest = yield Lock(QUEUE, skip_locked=True)
            if newest == BUSY or (compares and newest != number):
                yield ROLLBACK
                return
        taken = []
        for pk in ready:
            if len(taken) == LIMIT - busy or (yield Lock(pk, skip_locked=True)) == BUSY:
                continue
            if (yield Update(pk, is_queued, to_pending)) is not None:
                taken.append(pk)
        if raises and taken:
            yield Update(QUEUE, lambda number: True, lambda number: number + 1)
        yield COMMIT
        for pk in taken if ends else ():
            yield Update(pk, lambda status: True, lambda status: "SUCCESS")

    return program


def is_queued(status):
    return status == "ENQUEUED"


def to_pending(status):
    return "PENDING"


def too_many(db):
    return TOO_MANY if len(running(db)) > LIMIT else None


def explore_claims(*, claims, at_end=too_many, deaths=0, **rules):
    programs = {f"worker {number}": claim(**rules) for number in range(claims)}
    programs["worker 0"] = claim(**rules, ends=True)
    return explore(
        {QUEUE: 0, **dict.fromkeys(WORKFLOWS, "ENQUEUED")},
        programs,
        always=too_many,
        at_end=at_end,
        deaths={"worker 0": deaths},
    )


@pytest.mark.parametrize("missing", ["locks", "compares", "raises"])
def test_a_claim_that_lacks_a_rule_exceeds_the_limit(missing):
    verdict = explore_claims(claims=2, **{missing: False})

    assert verdict.violation == TOO_MANY


def test_claims_do_not_exceed_the_limit_also_when_one_dies():
    assert explore_claims(claims=3, deaths=1).violation is None


def test_of_claims_that_meet_one_takes_something():
    def nobody_took(db):
        return NONE if counted(db)[2] == (*WORKFLOWS,) else None

    assert explore_claims(claims=3, at_end=nobody_took).violation is None
