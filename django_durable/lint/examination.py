"""Workflow definitions, their helpers, and what is found in them."""

import functools
import inspect
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

from django_durable.definitions.registry import Definition
from django_durable.lint.body import Breach, Walk
from django_durable.lint.names import Catalogue
from django_durable.lint.resolution import Resolver
from django_durable.lint.scopes import Outside
from django_durable.lint.sources import Sources


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a workflow's body that is not the same at a replay."""

    workflow: str
    message: str
    hint: str


def findings(definitions: Iterable[Definition]) -> list[Finding]:
    """Return what the bodies of workflows do that a replay does otherwise.

    Helpers that are called from a body and stand in the same file belong to it.
    """
    examination = _Examination()
    for definition in definitions:
        # Advice must not keep manage.py from working, whatever the code is like.
        with suppress(Exception):
            examination.examine(definition)
    return examination.found


class _Examination:
    def __init__(self) -> None:
        self.found: list[Finding] = []
        self._sources = Sources()
        self._catalogue = Catalogue()
        self._seen: set[object] = set()

    def examine(self, definition: Definition) -> None:
        function = _function_of(definition.func)
        if type(function) is FunctionType:
            self._follow(function, definition.name, ())

    def _follow(
        self, function: FunctionType, workflow: str, callers: tuple[str, ...]
    ) -> None:
        place = self._sources.find(function)
        if place is None or place in self._seen:
            return
        self._seen.add(place)
        source, node = place
        file = function.__code__.co_filename
        callers = (*callers, function.__code__.co_name)
        walk = Walk(Resolver(self._catalogue, Outside(function)), node)
        for breach in walk.breaches:
            if not source.is_silent(breach.node):
                self._add(breach, file, workflow, callers)
        for call, helper in walk.helpers:
            is_here = helper.__code__.co_filename == file
            if is_here and not source.is_silent(call):
                self._follow(helper, workflow, callers)

    def _add(
        self, breach: Breach, file: str, workflow: str, callers: tuple[str, ...]
    ) -> None:
        # Calls of one chain begin at one place; the outermost is found first.
        key = (file, breach.node.lineno, breach.node.col_offset)
        if key in self._seen:
            return
        self._seen.add(key)
        through = f" ({' → '.join(callers)})" if len(callers) > 1 else ""
        place = f"{_shown(file)}:{breach.node.lineno}{through}"
        advice = breach.rule.advice(breach.is_async)
        self.found.append(
            Finding(
                workflow,
                f"{place}: {breach.what} {breach.rule.reason}.",
                f"{advice}; or end the line with `# durable: ignore`.",
            )
        )


def _function_of(function: Any) -> Any:
    function = getattr(function, "__func__", function)
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.unwrap(function)


def _shown(file: str) -> str:
    with suppress(ValueError, OSError):
        return str(Path(file).relative_to(Path.cwd()))
    return file
