"""Source files: parsed once, with the comments that silence a line."""

import ast
import io
import linecache
import re
import tokenize
import warnings
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import FunctionType

from django_durable.lint.scopes import FUNCTIONS

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

_SILENCE = re.compile(r"#\s*durable:\s*ignore\b")
_OTHERS = {"site-packages", "dist-packages"}


class Source:
    """A parsed file."""

    def __init__(self, text: str) -> None:
        self.text = text
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._tree = ast.parse(text)

    def function(self, name: str, line: int) -> Function | None:
        """Return the function that begins on this line, its decorators included."""
        found = [
            node
            for node in _functions_around(self._tree, line)
            if _name(node) == name and _first_line(node) == line
        ]
        # Two lambdas on a line cannot be told apart.
        return found[0] if len(found) == 1 else None

    def is_silent(self, node: ast.expr) -> bool:
        """Tell whether a comment silences what is said of an expression."""
        return not self._silent.isdisjoint((node.lineno, node.end_lineno))

    @cached_property
    def _silent(self) -> set[int | None]:
        return _silent_lines(self.text) if _SILENCE.search(self.text) else set()


class Sources:
    """The files of the project, each read at most once."""

    def __init__(self) -> None:
        self._by_file: dict[str, Source | None] = {}

    def find(self, function: FunctionType) -> tuple[Source, Function] | None:
        """Return where a function stands, None when its source is not at hand."""
        file = function.__code__.co_filename
        if file not in self._by_file:
            self._by_file[file] = _read(file, function)
        source = self._by_file[file]
        if source is None:
            return None
        code = function.__code__
        node = source.function(code.co_name, code.co_firstlineno)
        return (source, node) if node is not None else None


def _read(file: str, function: FunctionType) -> Source | None:
    if not _OTHERS.isdisjoint(Path(file).parts):
        return None  # Installed: not for this project to change.
    linecache.checkcache(file)
    lines = linecache.getlines(file, function.__globals__)
    try:
        return Source("".join(lines)) if lines else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # Generated, or for another Python.


def _functions_around(node: ast.AST, line: int) -> Iterator[Function]:
    for child in ast.iter_child_nodes(node):
        if _first_line(child) <= line <= (getattr(child, "end_lineno", None) or line):
            if isinstance(child, FUNCTIONS):
                yield child
            yield from _functions_around(child, line)


def _name(node: Function) -> str:
    return "<lambda>" if isinstance(node, ast.Lambda) else node.name


def _first_line(node: ast.AST) -> int:
    # That of its first decorator, as in code objects.
    nodes = [node, *getattr(node, "decorator_list", [])]
    return min(getattr(each, "lineno", 0) for each in nodes)


def _silent_lines(text: str) -> set[int | None]:
    """Return the lines with a comment, and all of a statement that ends with one."""
    silent: set[int | None] = set()
    start = None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and _SILENCE.search(token.string):
            silent.add(token.start[0])
        elif token.type == tokenize.NEWLINE:
            if token.start[0] in silent:
                silent.update(range(start or token.start[0], token.start[0]))
            start = None
        elif start is None:
            start = token.start[0]
    return silent
