"""What PostgreSQL does for each statement of an operation, while it does it."""

import itertools
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

VERBS = {"SELECT", "WITH", "INSERT", "UPDATE", "DELETE"}
_names = itertools.count(1)


@dataclass(frozen=True)
class Plan:
    """An executed plan: made for its values, or (``is_kept``) for all."""

    text: str
    is_kept: bool
    root: dict[str, Any] = field(repr=False)

    def __str__(self) -> str:
        kind = "kept" if self.is_kept else "custom"
        return f"{kind}, {self.blocks} blocks, {self.indexes}: {self.text}"

    @property
    def nodes(self) -> Iterator[dict[str, Any]]:
        """All nodes, from the root down."""
        todo = [self.root]
        while todo:
            node = todo.pop()
            yield node
            todo += node.get("Plans", [])

    @property
    def blocks(self) -> int:
        """How many blocks it has touched, in memory or on the disk."""
        root = self.root
        return int(root["Shared Hit Blocks"] + root["Shared Read Blocks"])

    @property
    def indexes(self) -> list[str]:
        """The names of the indexes that it has read."""
        return sorted(
            {node["Index Name"] for node in self.nodes if "Index Name" in node}
        )

    @property
    def scanned(self) -> list[str]:
        """The tables that it has read as a whole."""
        return sorted(
            node["Relation Name"]
            for node in self.nodes
            if node["Node Type"] == "Seq Scan" and node["Actual Loops"]
        )

    @property
    def most_sorted(self) -> float:
        """How many rows the largest sort has got."""
        sorts = [node for node in self.nodes if "Sort" in node["Node Type"]]
        got = (child["Actual Rows"] for node in sorts for child in node["Plans"])
        return max(got, default=0)


def plans_of(work: Callable[[], Any]) -> list[Plan]:
    """Execute ``work`` in this transaction; return how its statements are planned.

    Those that are prepared on the server are planned in both ways.
    """
    found: list[Plan] = []

    def note(execute: Any, text: str, params: Any, many: bool, context: Any) -> Any:
        if text.split(maxsplit=1)[0].strip("(") in VERBS:
            is_prepared = not hasattr(context["cursor"].cursor, "mogrify")
            found.extend(_explained(text, params, is_prepared=is_prepared))
        return execute(text, params, many, context)

    with connection.execute_wrapper(note):
        work()
    assert found, "No statement was executed."
    return found


def _explained(text: str, params: Any, *, is_prepared: bool) -> Iterator[Plan]:
    yield Plan(text, False, _explain("force_custom_plan", text, params))
    if is_prepared and params:  # Without values there is but one plan.
        with connection.connection.cursor() as cursor:
            name = f"plan_{next(_names)}"
            numbered, values = _numbered(text, params)
            cursor.execute(f"PREPARE {name} AS {numbered.replace('%%', '%')}")
        call = f"EXECUTE {name}({', '.join(['%s'] * len(values))})"
        yield Plan(text, True, _explain("force_generic_plan", call, values))


def _numbered(text: str, params: Any) -> tuple[str, Sequence[Any]]:
    """Number the places for values, in order or by their names."""
    if isinstance(params, dict):
        used = dict.fromkeys(re.findall(r"%\((\w+)\)s", text))
        for number, name in enumerate(used, 1):
            text = text.replace(f"%({name})s", f"${number}")
        return text, [params[name] for name in used]
    numbers = itertools.count(1)
    return re.sub("%s", lambda _: f"${next(numbers)}", text), params


def _explain(mode: str, statement: str, params: Any) -> dict[str, Any]:
    """Execute a statement and undo what it did."""
    with connection.connection.cursor() as cursor:
        cursor.execute("SAVEPOINT explained")
        cursor.execute(f"SET LOCAL plan_cache_mode = {mode}")
        explain = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON)"
        cursor.execute(f"{explain} {statement}", params or None)
        ((tree,),) = cursor.fetchall()
        cursor.execute("ROLLBACK TO SAVEPOINT explained; RELEASE explained")
    found = tree if isinstance(tree, list) else json.loads(tree)
    return found[0]["Plan"]  # type: ignore[no-any-return]
