"""The suite can fail: each planted bug makes a test of it fail."""

import inspect
import re
import sys

import pytest

from tests.docs.pages import DOCS
from tests.planted import (
    cases_of_execution,
    cases_of_limits,
    cases_of_models,
    cases_of_operations,
    cases_of_recovery,
    cases_of_schedules,
    cases_of_talk,
)
from tests.planted.planting import Case, all_bugs

CASES = [
    *cases_of_models.CASES,
    *cases_of_recovery.CASES,
    *cases_of_execution.CASES,
    *cases_of_talk.CASES,
    *cases_of_operations.CASES,
    *cases_of_schedules.CASES,
    *cases_of_limits.CASES,
]


@pytest.fixture(autouse=True)
def nothing_imported(monkeypatch: pytest.MonkeyPatch):
    """Forget afterwards the module whose absence a test relies on."""
    monkeypatch.setitem(sys.modules, "tabnanny", None)
    del sys.modules["tabnanny"]


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=case.marks, id=str(case)) for case in CASES]
)
def test_a_planted_bug_is_caught(case: Case, request: pytest.FixtureRequest):
    with pytest.raises(case.error, match=case.says):
        case.run(request)


def test_each_planted_bug_is_explained_and_caught_by_a_test():
    caught = [case.bug for case in CASES]

    assert [str(bug) for bug in all_bugs if bug not in caught] == []
    assert [str(bug) for bug in all_bugs if not inspect.getdoc(bug.make)] == []


@pytest.mark.once
def test_the_page_about_trust_tells_how_many_bugs_are_planted():
    page = (DOCS / "explanation/trust.md").read_text()

    (told,) = re.findall(r"^There are (\d+) of them", page, re.MULTILINE)

    assert int(told) == len(all_bugs)


def test_the_suite_runs_each_test_that_catches_a_bug():
    for case in CASES:
        marks = getattr(case.test, "pytestmark", [])
        given = dict(mark.args for mark in marks if mark.name == "parametrize")

        assert case.test.__name__.startswith("test_")
        assert set(case.given) == set(given)
        assert all(value in given[name] for name, value in case.given.items())
