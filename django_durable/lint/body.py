"""A walk through one function: what breaks a rule, and which helpers it calls."""

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FunctionType

from django_durable.lint.functions import CALLERS, OBJECTS, function_rule
from django_durable.lint.methods import (
    MANAGER,
    attribute_rule,
    method_rule,
    query_rule,
)
from django_durable.lint.names import STEP_MAKERS, Meaning
from django_durable.lint.resolution import Resolver
from django_durable.lint.rules import SET_ORDER, Rule
from django_durable.lint.scopes import Comprehension, Scope, bindings_of
from django_durable.lint.sources import Function

_ROOT = "django_durable"
_MAKE_STEPS = {f"{_ROOT}.{function.__name__}" for function in STEP_MAKERS}
_NESTED = (ast.FunctionDef, ast.AsyncFunctionDef)
_SETS = ("builtins.set", "builtins.frozenset")
_MAKE_DURABLE = {*_MAKE_STEPS, f"{_ROOT}.workflow"}


@dataclass(frozen=True, slots=True)
class Breach:
    """An expression that breaks a rule. ``what`` is how the message names it."""

    node: ast.expr
    what: str
    rule: Rule
    is_async: bool


class Walk(ast.NodeVisitor):
    """Nested functions, lambdas and comprehensions belong to the body.

    What is made a step does not.
    """

    def __init__(self, resolver: Resolver, node: Function) -> None:
        self.breaches: list[Breach] = []
        self.helpers: list[tuple[ast.expr, FunctionType]] = []
        self._resolver = resolver
        self._scope: Scope | None = None
        self._is_async = False
        self._steps = set(self._names_given_to_steps(node))
        self._visit_inside(node)

    # Functions and scopes

    def _visit_inside(self, node: Function) -> None:
        around = self._is_async
        if not isinstance(node, ast.Lambda):
            self._is_async = isinstance(node, ast.AsyncFunctionDef)
        with self._inner_scope(node):
            for part in [node.body] if isinstance(node, ast.Lambda) else node.body:
                self.visit(part)
        self._is_async = around

    @contextmanager
    def _inner_scope(self, node: ast.AST) -> Iterator[None]:
        around = self._scope
        self._scope = Scope(bindings_of(node), around)
        yield
        self._scope = around

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._visit_all([*node.decorator_list, *_defaults(node)])
        makers = [_called(decorator) for decorator in node.decorator_list]
        is_durable = any(self._path(maker) in _MAKE_DURABLE for maker in makers)
        if not is_durable and node.name not in self._steps:
            self._visit_inside(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._visit_all(_defaults(node))
        self._visit_inside(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._visit_all([node.target, node.value])

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._visit_comprehension(node, [node.elt])

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._visit_comprehension(node, [node.elt])

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._visit_comprehension(node, [node.elt])

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._visit_comprehension(node, [node.key, node.value])

    def _visit_comprehension(
        self, node: Comprehension, results: list[ast.expr]
    ) -> None:
        self.visit(node.generators[0].iter)
        for generator in node.generators:
            self._check_order(generator.iter, results)
        with self._inner_scope(node):
            for generator in node.generators:
                self._visit_all([generator.iter, *generator.ifs])
            self._visit_all(results)

    def _visit_all(self, nodes: Sequence[ast.expr | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    # What is looked at

    def visit_Call(self, node: ast.Call) -> None:
        meaning = self._meaning(node.func)
        self._check_call(node.func, node, meaning)
        path = meaning.path if meaning is not None else ""
        if path in CALLERS and node.args:
            self._check_call(node.args[0], None, self._meaning(node.args[0]))
        if isinstance(node.func, ast.Call):  # As in step(max_attempts=3)(function).
            path = self._path(node.func.func)
        given = node.args[1:] if path in _MAKE_STEPS else node.args
        self._visit_all([node.func, *given, *(each.value for each in node.keywords)])

    def visit_Name(self, node: ast.Name) -> None:
        self._check_object(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._check_object(node)
        self.visit(node.value)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self._check_order(node.iter, node.body)
        self.generic_visit(node)

    visit_AsyncFor = visit_For

    # What breaks a rule

    def _check_call(
        self, function: ast.expr, call: ast.Call | None, meaning: Meaning | None
    ) -> None:
        if meaning is None:
            self._check_method(function, call)
        elif meaning.is_durable:
            return
        elif rule := _rule(meaning.path, call):
            what = _named(function, meaning.path, "()")
            self._report(call or function, what, rule)
        elif type(meaning.value) is FunctionType:
            self.helpers.append((call or function, meaning.value))

    def _check_method(self, function: ast.expr, call: ast.Call | None) -> None:
        if not isinstance(function, ast.Attribute):
            return
        rule = method_rule(function.attr, call)
        if isinstance(function.value, ast.Attribute):
            rule = rule or attribute_rule(function.value.attr, function.attr)
        if rule is not None:
            self._report(call or function, f"{_shown(function)}()", rule)

    def _check_object(self, node: ast.expr) -> None:
        path = self._path(node)
        if path in OBJECTS:
            self._report(node, _named(node, path), OBJECTS[path])

    def _check_order(
        self, looped: ast.expr, parts: Sequence[ast.expr] | Sequence[ast.stmt]
    ) -> None:
        inside = (each for part in parts for each in ast.walk(part))
        if self._is_set(looped) and any(map(self._is_durable_call, inside)):
            self._report(looped, "Looping over a set", SET_ORDER)

    def _is_set(self, node: ast.expr) -> bool:
        origin, scope = self._resolver.origin(node, self._scope)
        if isinstance(origin, ast.Call):
            return self._path(origin.func, scope) in _SETS
        return isinstance(origin, (ast.Set, ast.SetComp))

    def _is_durable_call(self, node: ast.AST) -> bool:
        if not isinstance(node, ast.Call):
            return False
        meaning = self._meaning(node.func)
        if meaning is None:
            return False
        return meaning.is_durable or meaning.path.startswith(f"{_ROOT}.")

    def _report(self, node: ast.expr, what: str, rule: Rule) -> None:
        self.breaches.append(Breach(node, what, rule, self._is_async))

    # What names mean

    def _meaning(self, node: ast.expr) -> Meaning | None:
        return self._resolver.meaning(node, self._scope)

    def _path(self, node: ast.expr, scope: Scope | None = None) -> str:
        meaning = self._resolver.meaning(node, scope or self._scope)
        return meaning.path if meaning is not None else ""

    def _names_given_to_steps(self, node: Function) -> Iterator[str]:
        inside = list(ast.walk(node))
        if not any(isinstance(each, _NESTED) for each in inside if each is not node):
            return
        scope = Scope(bindings_of(node))
        for call in inside:
            if isinstance(call, ast.Call) and call.args:
                maker = self._path(_called(call.func), scope)
                first = call.args[0]
                while isinstance(first, ast.Call) and first.args:  # A partial.
                    first = first.args[0]
                if maker in _MAKE_STEPS and isinstance(first, ast.Name):
                    yield first.id


def _rule(path: str, call: ast.Call | None) -> Rule | None:
    owner, _, method = path.rpartition(".")
    return query_rule(method) if owner == MANAGER else function_rule(path, call)


def _called(node: ast.expr) -> ast.expr:
    """Return the function under a call: ``step`` of ``step(max_attempts=3)``."""
    return node.func if isinstance(node, ast.Call) else node


def _defaults(node: Function) -> list[ast.expr | None]:
    return [*node.args.defaults, *node.args.kw_defaults]


def _shown(node: ast.expr) -> str:
    """Return the names of an expression, without what stands between brackets."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_shown(node.value)}.{node.attr}"
    if isinstance(node, ast.Call):
        return f"{_shown(node.func)}(…)"
    if isinstance(node, ast.Subscript):
        return f"{_shown(node.value)}[…]"
    return "…"


def _named(node: ast.expr, path: str, brackets: str = "") -> str:
    """Return an expression as it is written, and what it stands for."""
    shown = _shown(node)
    if path.startswith("django.db.models.") or f".{path}".endswith(f".{shown}"):
        return f"{shown}{brackets}"
    return f"{shown}{brackets} ({path.removeprefix('builtins.')})"
