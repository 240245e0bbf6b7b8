"""The checker itself: it finds the classic mistakes, and no others."""

import pytest

from .checker import DEADLOCK, explore, run_alone
from .database import (
    BEGIN,
    BUSY,
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
)

LOST_UPDATE = "an increment was lost"


def always_true(row):
    return True


def set_to(value):
    return Update("row", always_true, lambda row: value)


def increment_by_read_and_save():
    value = yield Read(lambda db: db["row"])
    yield set_to(value + 1)


def increment_in_one_update():
    yield Update("row", always_true, lambda row: row + 1)


def increment_under_the_lock():
    yield BEGIN
    value = yield Lock("row")
    yield set_to(value + 1)
    yield COMMIT


def increment_and_roll_back():
    yield BEGIN
    yield set_to(7)
    yield ROLLBACK


def insert(row):
    """Insert one row and note what the statement answered."""

    def program():
        yield BEGIN
        result = yield Insert("new", row)
        yield COMMIT
        yield Note(lambda db: {("result", row): result})

    return program


def lost_update(db):
    return LOST_UPDATE if db["row"] < 2 else None


def is_not(value):
    return lambda db: f"the row is {db['row']}" if db["row"] != value else None


def test_a_lost_update_is_found_with_a_shortest_trace():
    increment = increment_by_read_and_save

    verdict = explore({"row": 0}, {"a": increment, "b": increment}, at_end=lost_update)

    assert verdict.violation == LOST_UPDATE
    # Two reads, and two moves for each of the updates.
    assert len(verdict.trace) == 6


@pytest.mark.parametrize(
    "increment", [increment_in_one_update, increment_under_the_lock]
)
def test_increments_of_the_newest_version_are_not_lost(increment):
    verdict = explore({"row": 0}, {"a": increment, "b": increment}, at_end=lost_update)

    assert verdict.violation is None


def test_what_is_rolled_back_is_never_seen():
    verdict = explore({"row": 0}, {"a": increment_and_roll_back}, always=is_not(0))

    assert verdict.violation is None


def nothing_done(db):
    return "the row is 0" if db["row"] == 0 else None


@pytest.mark.parametrize(
    ("deaths", "violation"),
    [
        pytest.param({}, None, id="nobody dies"),
        pytest.param({"a": 1}, None, id="the other is not blocked by the dead"),
        pytest.param({"a": 2, "b": 2}, "the row is 0", id="both die"),
    ],
)
def test_a_death_rolls_back_and_frees_the_locks(deaths, violation):
    increment = increment_under_the_lock

    verdict = explore(
        {"row": 0},
        {"a": increment, "b": increment},
        at_end=nothing_done,
        deaths=deaths,
    )

    assert verdict.violation == violation


def test_of_two_inserts_with_one_key_one_waits_and_meets_a_conflict():
    def not_one_of_each(db):
        results = sorted(db["result", row] for row in "xy")
        return None if results == [CONFLICT, INSERTED] else str(results)

    verdict = explore({}, {"a": insert("x"), "b": insert("y")}, at_end=not_one_of_each)

    assert verdict.violation is None


def test_processes_that_wait_for_each_other_are_a_deadlock():
    def lock(*keys):
        def program():
            yield BEGIN
            for key in keys:
                yield Lock(key)
            yield COMMIT

        return program

    verdict = explore({"x": 0, "y": 0}, {"a": lock("x", "y"), "b": lock("y", "x")})

    assert verdict.violation == DEADLOCK


def look_unless_locked():
    yield BEGIN
    row = yield Lock("row", skip_locked=True)
    yield COMMIT
    yield Note(lambda db: {"answer": row})


def sees(programs, answer):
    """Tell whether the answer is among those that can be given."""
    verdict = explore(
        {"row": 0},
        {"look": look_unless_locked} | programs,
        always=lambda db: "seen" if db.get("answer") == answer else None,
    )
    return verdict.violation == "seen"


def test_skip_locked_answers_busy_only_while_another_holds_the_row():
    beside_another = {"other": increment_under_the_lock}

    assert not sees({}, BUSY)
    assert sees({}, 0)
    assert sees(beside_another, BUSY)
    assert sees(beside_another, 0)
    assert sees(beside_another, 1)


def test_a_guard_sees_the_snapshot_and_not_what_commits_after_it():
    def guarded_insert():
        yield Insert("new", 1, guard=lambda db: db["row"] == 0)

    def inserted_late(db):
        return "inserted late" if db["row"] == 1 and "new" in db else None

    programs = {"insert": guarded_insert, "other": increment_in_one_update}

    assert explore({"row": 0}, programs, at_end=inserted_late).violation
    assert "new" not in run_alone(guarded_insert, {"row": 1})


def test_a_program_alone_gets_the_results_of_its_statements():
    def program():
        fenced = yield Insert("a", 1, guard=lambda db: False)
        missing = yield Update("b", always_true, lambda row: 1)
        inserted = yield Insert("c", 1)
        conflict = yield Insert("c", 2)
        yield Note(lambda db: {"results": (fenced, missing, inserted, conflict)})

    db = run_alone(program, {})

    assert db["results"] == (FENCED, None, INSERTED, CONFLICT)
    assert db["c"] == 1
