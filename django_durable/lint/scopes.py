"""The names that a body binds itself: they hide those of its module."""

import ast
import builtins
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import CellType, FunctionType
from typing import Any

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(frozen=True, slots=True)
class Imported:
    """An import within a body: ``from module import name``."""

    module: str
    level: int = 0
    name: str | None = None


# What a name is bound to, as far as it can be told; None when it cannot.
Binding = ast.expr | Imported | None


@dataclass(frozen=True, slots=True)
class Scope:
    """Names bound in a function or comprehension, within those around it."""

    bindings: dict[str, Binding]
    parent: "Scope | None" = None

    def find(self, name: str) -> tuple["Scope", Binding] | None:
        """Return the innermost binding and its scope, None for names from outside."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.bindings:
                return scope, scope.bindings[name]
            scope = scope.parent
        return None


@dataclass(frozen=True, slots=True)
class Outside:
    """The names around a function: its closure, its module, the builtins."""

    function: FunctionType
    closure: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        names = self.function.__code__.co_freevars
        values = map(_content, self.function.__closure__ or ())
        object.__setattr__(self, "closure", dict(zip(names, values, strict=True)))

    def find(self, name: str) -> tuple[bool, Any]:
        """Tell whether there is such a name, and return its value."""
        for space in (self.closure, self.function.__globals__, vars(builtins)):
            if name in space:
                return True, space[name]
        return False, None

    @property
    def package(self) -> str:
        """What relative imports start from."""
        return str(self.function.__globals__.get("__package__") or "")


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None  # It is empty: the name is not bound yet, or not any more.


def bindings_of(node: ast.AST) -> dict[str, Binding]:
    """Return the names that a function or comprehension binds itself."""
    collector = _Collector()
    if isinstance(node, FUNCTIONS):
        collector.bind_all(argument.arg for argument in _arguments(node.args))
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        for statement in body:
            collector.visit(statement)
    else:
        for generator in getattr(node, "generators", []):
            collector.visit(generator.target)
    return collector.result()


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    more = [each for each in (arguments.vararg, arguments.kwarg) if each]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *more]


class _Collector(ast.NodeVisitor):
    def __init__(self) -> None:
        self.bindings: dict[str, Binding] = {}
        self.elsewhere: set[str] = set()

    def result(self) -> dict[str, Binding]:
        for name in self.elsewhere:
            self.bindings.pop(name, None)
        return self.bindings

    def bind(self, name: str, value: Binding = None) -> None:
        # Of a name that is bound twice nothing is known.
        self.bindings[name] = None if name in self.bindings else value

    def bind_all(self, names: Iterable[str | None]) -> None:
        for name in names:
            if name:
                self.bind(name)

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.bind(node.id)

    def visit_Assign(self, node: ast.Assign) -> None:
        if len(node.targets) == 1:
            self._assign(node.targets[0], node.value)
        else:
            self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._assign(node.target, node.value)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._assign(node.target, node.value)

    def _assign(self, target: ast.expr, value: ast.expr | None) -> None:
        if isinstance(target, ast.Name):
            self.bind(target.id, value)
        else:
            self.visit(target)
        if value is not None:
            self.visit(value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.bind_all([node.target.id, node.target.id])
        self.visit(node.value)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            top = alias.name.partition(".")[0]
            module = alias.name if alias.asname else top
            self.bind(alias.asname or top, Imported(module))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            found = Imported(node.module or "", node.level, alias.name)
            self.bind(alias.asname or alias.name, found)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self.bind_all([node.name])
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        self.bind_all([node.name])
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        self.bind_all([node.name])

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self.bind_all([node.rest])
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> None:
        self.elsewhere.update(node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self.elsewhere.update(node.names)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.bind(node.name)
        self._rebound_in(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.bind(node.name)
        self._rebound_in(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Skip it: what it binds is its own."""

    def _rebound_in(self, node: ast.AST) -> None:
        for each in ast.walk(node):
            if isinstance(each, ast.Nonlocal):
                self.bind_all([*each.names, *each.names])

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._assigned_in(node)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._assigned_in(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._assigned_in(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._assigned_in(node)

    def _assigned_in(self, node: ast.AST) -> None:
        # Only := reaches out of a comprehension.
        for each in ast.walk(node):
            if isinstance(each, ast.NamedExpr):
                self.bind(each.target.id)
