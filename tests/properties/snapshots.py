"""What is committed at one moment, and what must never be."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django_durable.models import Attempt, Step, Wait, Workflow
from django_durable.models.status import ACTIVE, TERMINAL
from tests.crash.said import Said
from tests.models import Entry
from tests.properties.book import book
from tests.properties.tables import key_of, rows
from tests.properties.talk_snapshots import changes, nothing_said, read_said, said_by

STRICT = (
    *("transaction", "start", "send", "recv"),
    *("set_event", "write_stream", "close_stream"),
)
_PLACE = ("workflow_id", "branch", "step_id")


@dataclass(frozen=True)
class Snapshot:
    """Rows of workflows and steps by key, failed tries, business rows by key, what is
    waited for, with its deadline, and what workflows have told each other.
    """

    workflows: dict[str, dict[str, Any]]
    steps: dict[str, dict[str, Any]]
    retries: Counter[str]
    entries: Counter[str]
    waits: dict[tuple[str, ...], Any]
    said: Said

    @classmethod
    def read(cls, *, has_talk: bool) -> Snapshot:
        """Read it on the connection at hand, while nobody writes."""
        steps = rows(
            Step,
            *(*_PLACE, "claim", "worker_id", "name", "kind"),
            *("output", "error", "child_id"),
        )
        tries = rows(Attempt, *_PLACE)
        workflows = rows(
            Workflow, "id", "status", "claim", "output", "error", "parent_id"
        )
        return cls(
            {row["id"]: row for row in workflows},
            {key_of(row): row for row in steps},
            Counter(map(key_of, tries)),
            Counter(row["key"] for row in rows(Entry, "key")),
            {
                (key_of(row), row["target"]): row["wake_at"]
                for row in rows(Wait, *_PLACE, "target", "wake_at")
            },
            read_said(steps) if has_talk else nothing_said(),
        )

    def having(self, *statuses: str) -> set[str]:
        """Return the workflows with one of these statuses."""
        return {pk for pk, row in self.workflows.items() if row["status"] in statuses}

    def without_traces(self) -> Any:
        """Return all but who executed last, and along which lines of code."""
        outcomes = {
            pk: {**row, "claim": None, "error": _without_traceback(row["error"])}
            for pk, row in self.workflows.items()
        }
        return outcomes, self.steps, self.retries, self.entries, self.said

    @property
    def active(self) -> set[str]:
        """Return the workflows that have not ended."""
        return self.having(*ACTIVE)

    def faults(self) -> Iterator[str]:
        """Say what must never be committed, at any moment."""
        numbers: dict[tuple[str, str], list[int]] = {}
        for key, row in self.steps.items():
            line = numbers.setdefault((row["workflow_id"], row["branch"]), [])
            line.append(row["step_id"])
            claim = row["workflow_id"], row["claim"]
            if UUID(str(row["worker_id"])) != book.holders.get(claim):
                yield f"{key} was recorded by a worker that did not hold {claim}"
        for place, found in numbers.items():
            if sorted(found) != list(range(1, len(found) + 1)):
                yield f"the steps of {place} are numbered {found}"
        yield from self._business_faults()
        yield from self.said.faults()
        cancelled = self.having("CANCELLED")
        for pk in self.active:
            if self.workflows[pk]["parent_id"] in cancelled:
                yield f"{pk} outlives its cancelled parent"

    def _business_faults(self) -> Iterator[str]:
        committed = {
            key
            for key, row in self.steps.items()
            if row["kind"] == "transaction" and row["error"] is None
        }
        if committed != (found := {key.partition("#")[0] for key in self.entries}):
            yield f"recorded transactions {committed}, with rows {found}"
        yield from (f"{key}: {n} rows" for key, n in self.entries.items() if n > 1)

    def faults_since(self, then: Snapshot, resumed: bool) -> Iterator[str]:
        """Say what must not have changed; ``resumed`` from a cancellation."""
        for key, row in then.steps.items():
            if self.steps.get(key) != row:
                yield f"the step {key} was {row}, and is {self.steps.get(key)}"
        for wait, wake_at in then.waits.items():
            if self.waits.get(wait, wake_at) != wake_at:
                yield f"{wait} had another deadline, {wake_at}"
        yield from changes(then.said, self.said)
        yield from self._of_zombies(then)
        for pk, row in then.workflows.items():
            now = self.workflows[pk]
            was, is_now = row["status"], now["status"]
            if now["claim"] < row["claim"]:
                yield f"the claim of {pk} fell to {now['claim']}"
            if was in TERMINAL and now != row and not (resumed and was == "CANCELLED"):
                yield f"{pk} had ended as {row}, and is {now}"
            if was == is_now == "CANCELLED":
                yield from self._late_commits(then, pk)

    def _of_zombies(self, then: Snapshot) -> Iterator[str]:
        """Say what was recorded by those whose workflow had a newer claim before."""
        for key in self.steps.keys() - then.steps.keys():
            row = self.steps[key]
            claim, newest = row["claim"], then.workflows.get(row["workflow_id"], row)
            if row["kind"] in STRICT and not row["error"] and claim < newest["claim"]:
                yield f"{key} was recorded under claim {claim}, after {newest['claim']}"

    def _late_commits(self, then: Snapshot, pk: str) -> Iterator[str]:
        if then._strict(pk) != self._strict(pk):
            yield f"{pk}: committed after its cancellation: {self._strict(pk)}"

    def _strict(self, pk: str) -> set[str]:
        steps = {
            key
            for key, row in self.steps.items()
            if row["workflow_id"] == pk and row["kind"] in STRICT and not row["error"]
        }
        children = {
            each for each, row in self.workflows.items() if row["parent_id"] == pk
        }
        return steps | children | said_by(self.said, pk)


def _without_traceback(error: str | None) -> Any:
    if error is None:
        return None
    return {**json.loads(error.removeprefix("json:")), "traceback": ""}
