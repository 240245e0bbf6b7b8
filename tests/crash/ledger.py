"""What happened outside of the database, and what must not have happened there."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.db.backends.base.base import BaseDatabaseWrapper

import django_durable as durable
from django_durable.execution.execution import Execution
from django_durable.models import Step, sql
from tests.crash.crasher import Machine


class Ledger:
    """Counts the calls of each step, and watches that no recorded step is called.

    ``hooks`` are things that happen once, while a step with that label runs;
    ``facts`` is what the world outside has been told; ``executions`` are those of
    the process that lives.
    """

    def __init__(self) -> None:
        self.machine: Machine | None = None
        self.clear()

    def clear(self) -> None:
        """Forget an experiment."""
        self.calls: Counter[str] = Counter()
        self.problems: list[str] = []
        self.hooks: dict[str, Callable[[], object]] = {}
        self.facts: dict[str, Any] = {}
        self.executions: list[Execution] = []

    def effect(self, label: str) -> None:
        """Have an effect outside, from inside a step."""
        current = durable.current()
        assert current is not None
        key = current.idempotency_key
        assert self.machine is not None
        if key is not None and _is_recorded(self.machine.observer, key):
            self.problems.append(f"{label} was called although {key} is recorded")
        self.machine.effect(label, lambda: self._count(key or label))
        if hook := self.hooks.pop(label, None):
            hook()

    async def aeffect(self, label: str) -> None:
        """See effect()."""
        await sync_to_async(self.effect, thread_sensitive=True)(label)

    def _count(self, key: str) -> None:
        self.calls[key] += 1


def _is_recorded(observer: BaseDatabaseWrapper, key: str) -> bool:
    workflow_id, _, label = key.rpartition("/")
    branch, _, number = label.rpartition(":")
    found = sql.fetch(
        observer,
        f"SELECT 1 FROM {sql.table(Step)}"
        " WHERE workflow_id = %s AND branch = %s AND step_id = %s",
        [workflow_id, branch, int(number)],
    )
    return bool(found)


ledger = Ledger()
