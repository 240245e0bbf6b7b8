"""From an expression in a body to what it stands for."""

import ast
import sys
from importlib.util import resolve_name

from django_durable.lint.methods import MANAGER, QUERYSETS
from django_durable.lint.names import Catalogue, Meaning
from django_durable.lint.scopes import Imported, Outside, Scope

# ``a = b; b = a`` must come to an end.
_DEPTH = 30


class Resolver:
    """Looks up expressions as a function sees them, without running any code."""

    def __init__(self, catalogue: Catalogue, outside: Outside) -> None:
        self._catalogue = catalogue
        self._outside = outside

    def meaning(
        self, node: ast.expr, scope: Scope | None, depth: int = _DEPTH
    ) -> Meaning | None:
        """Return what an expression stands for, None when that cannot be told."""
        if depth == 0:
            return None
        if isinstance(node, ast.Name):
            return self._name(node, scope, depth - 1)
        if isinstance(node, ast.Attribute):
            owner = self.meaning(node.value, scope, depth - 1)
            return self._catalogue.attribute(owner, node.attr) if owner else None
        if isinstance(node, ast.Call):
            function = self.meaning(node.func, scope, depth - 1)
            return _result(function) if function else None
        if isinstance(node, ast.NamedExpr):
            return self.meaning(node.value, scope, depth - 1)
        return None

    def origin(
        self, node: ast.expr, scope: Scope | None
    ) -> tuple[ast.expr, Scope | None]:
        """Follow a name that is bound once to the expression it is bound to."""
        for _ in range(_DEPTH):
            if scope is None or not isinstance(node, ast.Name):
                break
            found = scope.find(node.id)
            if found is None or not isinstance(found[1], ast.expr):
                break
            scope, node = found[0], found[1]
        return node, scope

    def _name(self, node: ast.Name, scope: Scope | None, depth: int) -> Meaning | None:
        found = scope.find(node.id) if scope else None
        if found is None:
            is_known, value = self._outside.find(node.id)
            return self._catalogue.meaning_of(value) if is_known else None
        where, binding = found
        if isinstance(binding, Imported):
            return self._imported(binding)
        return self.meaning(binding, where, depth) if binding is not None else None

    def _imported(self, imported: Imported) -> Meaning | None:
        name = "." * imported.level + imported.module
        try:
            path = resolve_name(name, self._outside.package)
        except ImportError:
            return None
        module = sys.modules.get(path)
        found = Meaning(path)
        if module is not None:
            found = self._catalogue.meaning_of(module, path)
        if imported.name is None:
            return found
        return self._catalogue.attribute(found, imported.name)


def _result(function: Meaning) -> Meaning | None:
    owner, _, method = function.path.rpartition(".")
    if owner == MANAGER:
        is_queryset = method in QUERYSETS
        return Meaning(MANAGER, function.value) if is_queryset else None
    if function.is_class:
        return Meaning(function.path, function.value, is_instance=True)
    return None
