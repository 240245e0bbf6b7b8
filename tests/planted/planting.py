"""Switches for bugs, and a way to call a test as the suite does."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest
from django.db import connections

from tests import interleaving, running

Test = Callable[..., object]
Fixture: type = type(pytest.fixture(lambda: None))
FAILURES = (AssertionError, pytest.fail.Exception)

# Where a database does without these features, some races cannot happen.
LOCKS = "has_select_for_update"
SKIPS = "has_select_for_update_skip_locked"

all_bugs: list[Bug] = []


@dataclass(frozen=True)
class Bug:
    """One thing of the package that can be replaced by a wrong one."""

    owner: Any
    name: str
    make: Callable[[Any], Any]

    def __str__(self) -> str:
        return self.make.__name__.replace("_", " ")

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Have the bug for a block."""
        real = inspect.getattr_static(self.owner, self.name)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.owner, self.name, self.make(real))
            yield


def bug(owner: Any, name: str) -> Callable[[Callable[[Any], Any]], Bug]:
    """Make a bug of a function that gets the real thing and returns a wrong one."""

    def register(make: Callable[[Any], Any]) -> Bug:
        all_bugs.append(Bug(owner, name, make))
        return all_bugs[-1]

    return register


@dataclass(frozen=True)
class Case:
    """A bug, and a test of the suite that fails because of it.

    ``given`` are the test's own parameters, ``says`` is what its failure tells.
    With ``patience`` it waits no longer than that: what it waits for never comes.
    On a database without the feature ``needs``, or with the feature ``lacks``, the
    bug does not show there.
    """

    bug: Bug
    test: Test
    given: dict[str, Any]
    says: str
    error: type[BaseException] | tuple[type[BaseException], ...] = FAILURES
    patience: float | None = None
    needs: str | None = None
    lacks: str | None = None

    def __str__(self) -> str:
        return str(self.bug)

    @property
    def marks(self) -> list[Any]:
        """The marks of the test, and where to skip it."""
        marks = _marks(self.test) + _marks(sys.modules[self.test.__module__])
        own = [mark for mark in marks if mark.name not in ("parametrize", "once")]
        if "laboratory" in inspect.signature(self.test).parameters:
            own.append(pytest.mark.django_db(transaction=True))
        features = connections["default"].features
        if self.needs is not None:
            reason = f"Harmless on a database without {self.needs}."
            is_missing = not getattr(features, self.needs)
            own.append(pytest.mark.skipif(is_missing, reason=reason))
        else:
            own.append(pytest.mark.once)
        if self.lacks is not None:
            reason = f"Harmless on a database with {self.lacks}."
            own.append(pytest.mark.skipif(getattr(features, self.lacks), reason=reason))
        return own

    def run(self, request: pytest.FixtureRequest) -> None:
        """Call the test while the bug is there."""
        with ExitStack() as stack:
            surroundings = _Surroundings(self.test, request, stack)
            arguments = surroundings.arguments(self.test, self.given)
            stack.enter_context(self.bug.planted())
            stack.enter_context(self._impatient())
            self.test(**arguments)

    @contextmanager
    def _impatient(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            if self.patience is not None:
                patch.setattr(running, "PATIENCE", self.patience)
                patch.setattr(interleaving, "SECONDS", self.patience)
            yield


def case(bug: Bug, test: Test, says: str, /, **options: Any) -> Case:
    """Write a case shortly: other keywords are the test's parameters."""
    own = options.keys() & {"error", "patience", "needs", "lacks"}
    about = {name: options.pop(name) for name in own}
    return Case(bug, test, options, says, **about)


class _Surroundings:
    """The fixtures of one test: those of its module, and those that all share."""

    def __init__(
        self, test: Test, request: pytest.FixtureRequest, stack: ExitStack
    ) -> None:
        self._request = request
        self._stack = stack
        self._own = _fixtures(sys.modules[test.__module__])
        self._made: dict[str, Any] = {}
        for name, fixture in self._own.items():
            if fixture._fixture_function_marker.autouse:
                self._give(name)

    def arguments(self, function: Test, given: dict[str, Any]) -> dict[str, Any]:
        """Return what to call a function with."""
        wanted = inspect.signature(function).parameters
        return given | {name: self._give(name) for name in wanted if name not in given}

    def _give(self, name: str) -> Any:
        if name not in self._own:
            return self._request.getfixturevalue(name)
        if name not in self._made:
            self._made[name] = self._make(inspect.unwrap(self._own[name]))
        return self._made[name]

    def _make(self, function: Test) -> Any:
        made: Any = function(**self.arguments(function, {}))
        if not inspect.isgenerator(made):
            return made
        self._stack.callback(next, made, None)
        return next(made)


def _marks(thing: Any) -> list[Any]:
    marks = getattr(thing, "pytestmark", [])
    return list(marks) if isinstance(marks, list) else [marks]


def _fixtures(module: ModuleType) -> dict[str, Any]:
    return {
        name: value for name, value in vars(module).items() if type(value) is Fixture
    }
