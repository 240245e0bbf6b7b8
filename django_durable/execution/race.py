"""Waiting for whichever comes first: each wait is asked in its order."""

from collections.abc import Sequence
from typing import Any

from django_durable import failures, serialization
from django_durable.definitions.messages import (
    Awaited,
    OnEvent,
    OnMessage,
    OnResult,
    OnTimer,
)
from django_durable.exceptions import WaitTimeout, WorkflowNotFound
from django_durable.execution import looks, records
from django_durable.execution.state import State
from django_durable.models import Notification
from django_durable.models.checkpoint import Checkpoint, Recorded
from django_durable.models.targets import (
    TIMER,
    Target,
    event_target,
    message_target,
    result_target,
)


class Race:
    """The waits of one first_of(), asked in their order."""

    def __init__(
        self, execution: State, row: Checkpoint, waits: Sequence[Awaited]
    ) -> None:
        self._execution = execution
        self._using = execution.host.using
        self._row = row
        self._waits = dict(enumerate(waits))
        # What would end the race, each once; changed in place.
        self.targets = self._targets()

    def look(self) -> Any:
        """Return the checkpoint of the first wait that is over, None if none is.

        Or what a message was recorded as: it is consumed with its checkpoint.
        """
        for number, wait in list(self._waits.items()):
            found = self._ask(number, wait)
            if isinstance(found, looks.Never):
                del self._waits[number]  # Its workflow's end would ring for ever.
                self.targets[:] = self._targets()
            elif found is not None:
                return found
        if not self._waits:
            error = WaitTimeout("what first_of() waits for: it cannot come", 0.0)
            return records.failed(self._row, failures.dump_exception(error))
        return None

    def won_by_timer(self, seconds: float) -> Checkpoint:
        """Return the checkpoint for the shortest timer."""
        number = next(
            number
            for number, wait in self._waits.items()
            if isinstance(wait, OnTimer) and wait.seconds == seconds
        )
        return self._won(number, None)

    def _targets(self) -> list[Target]:
        found: dict[str, Target] = {}
        for wait in self._waits.values():
            for target in self._targets_of(wait):
                found.setdefault(target.name, target)
        return list(found.values())

    def _targets_of(self, wait: Awaited) -> list[Target]:
        if isinstance(wait, OnMessage):
            mine, topic = self._execution.workflow_id, wait.topic or ""
            return [message_target(mine, topic, is_human=wait.human)]
        if isinstance(wait, OnEvent):
            event = event_target(wait.workflow_id, wait.key)
            return [event, result_target(wait.workflow_id)]
        if isinstance(wait, OnResult):
            return [result_target(wait.workflow_id)]
        return [TIMER]

    def _ask(self, number: int, wait: Awaited) -> Any:
        if isinstance(wait, OnMessage):
            return self._take(number, wait.topic or "")
        if isinstance(wait, OnEvent):
            found = looks.event(self._using, wait.workflow_id, wait.key)
            if isinstance(found, looks.Found):
                return self._won(number, serialization.loads(found.text))
            return found
        if isinstance(wait, OnResult):
            return self._result(number, wait.workflow_id)
        return None

    def _take(self, number: int, topic: str) -> Recorded | None:
        rows = Notification.objects.using(self._using)
        if not rows.unread(self._row.workflow_id, topic).exists():
            return None
        return rows.receive_as(
            records.completed(self._row, None),
            topic,
            lambda message: won_text(number, serialization.loads(message)),
        )

    def _result(self, number: int, workflow_id: str) -> Any:
        found = looks.result(self._using, workflow_id)
        if found is None or isinstance(found, WorkflowNotFound):
            return found
        if (error := found.error_text()) is not None:
            return records.failed(self._row, error)
        value = serialization.loads(found.output) if found.output is not None else None
        return self._won(number, value)

    def _won(self, number: int, value: Any) -> Checkpoint:
        return records.completed(self._row, won_text(number, value))


def won_text(number: int, value: Any) -> str:
    """Return the winner as it is stored: its number, and its value."""
    return serialization.dumps((number, value), "first_of()")
