"""The version of a definition: a hash of its own source, unless one is given."""

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ImproperlyConfigured

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def source_hash(function: Callable[..., Any], name: str) -> str:
    """Return 12 hex digits that change when the function's code does.

    Comments, layout, docstrings and decorators do not count. Raises
    ImproperlyConfigured where there is no source.
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError) as error:
        raise ImproperlyConfigured(
            f"The source of workflow {name!r} cannot be read, so it has no version:"
            " give one with @workflow(version=…) or DURABLE['APP_VERSION']."
        ) from error
    for node in ast.walk(tree):
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            _strip_docstring(node)
    if tree.body and isinstance(tree.body[0], _FUNCTIONS):
        tree.body[0].decorator_list = []
    text = ast.unparse(tree).encode()
    return hashlib.blake2b(text, digest_size=6).hexdigest()


def _strip_docstring(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
) -> None:
    first = node.body[0]
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        node.body = node.body[1:] or [ast.Pass()]
