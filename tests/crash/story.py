"""What the database tells after an experiment."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django_durable import failures, serialization
from django_durable.models import Step, Workflow
from django_durable.models.status import ACTIVE
from tests.crash.said import Said, rows
from tests.models import Entry

Place = tuple[str, str, int]


@dataclass(frozen=True)
class Story:
    """Outcomes by workflow, names of steps by place, business rows by key.

    ``said`` is what workflows have told each other.
    """

    outcomes: dict[str, tuple[str, Any]]
    steps: dict[Place, tuple[str, str]]
    entries: Counter[str]
    said: Said

    @classmethod
    def read(cls) -> Story:
        """Read it on the connection at hand."""
        said = Said.read()
        return cls(
            {
                pk: (status, _result(output, error))
                for pk, status, output, error in rows(
                    Workflow, "id, status, output, error"
                )
            },
            {place: (step.name, step.kind) for place, step in said.steps.items()},
            Counter(key for (key,) in rows(Entry, "key")),
            said,
        )

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing was ever committed."""
        return not (self.outcomes or self.steps or self.entries)

    @property
    def active(self) -> list[str]:
        """The workflows that have not ended."""
        return [pk for pk, (status, _) in self.outcomes.items() if status in ACTIVE]

    @property
    def strict_steps(self) -> set[Place]:
        """The steps that nobody may record once a cancellation has returned."""
        return {place for place, (_, kind) in self.steps.items() if kind in _STRICT}

    def gaps(self) -> list[str]:
        """Say which branches have steps missing between the first and the last."""
        numbers: dict[tuple[str, str], list[int]] = {}
        for workflow_id, branch, number in self.steps:
            numbers.setdefault((workflow_id, branch), []).append(number)
        return [
            f"the steps of {place} are numbered {found}"
            for place, found in numbers.items()
            if found != list(range(1, len(found) + 1))
        ]


_STRICT = (
    Step.Kind.TRANSACTION,
    Step.Kind.START,
    Step.Kind.SEND,
    Step.Kind.SET_EVENT,
    Step.Kind.WRITE_STREAM,
    Step.Kind.CLOSE_STREAM,
)


def _result(output: str | None, error: str | None) -> Any:
    if error is not None:
        return "{}: {}".format(*failures.describe(error))
    return None if output is None else serialization.loads(output)
