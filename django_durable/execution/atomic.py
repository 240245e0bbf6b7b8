"""Transaction steps: the user's writes and the checkpoint in one commit (I4)."""

import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, InterfaceError, connections, transaction

from django_durable.execution import records
from django_durable.execution.journal import dump_result
from django_durable.execution.requests import Invoke
from django_durable.execution.state import State
from django_durable.models import Step, faults, sql
from django_durable.models.checkpoint import Checkpoint, Recorded, Verdict
from django_durable.models.faults import Fault

logger = logging.getLogger("django_durable")


class _RolledBack(Exception):
    """The checkpoint was refused: nothing of the transaction may stay."""

    def __init__(self, recorded: Recorded) -> None:
        super().__init__(recorded.verdict)
        self.recorded = recorded


@dataclass(slots=True)
class Unit:
    """One attempt of a transaction step, with the retries that are ours."""

    execution: State
    invoke: Invoke
    checkpoint: Checkpoint

    def run(self) -> tuple[Any, Checkpoint | None]:
        """Return the value, or the row of whoever recorded this step first."""
        using = self.execution.host.using
        is_ours = not connections[using].in_atomic_block
        for tries in range(faults.MAX_CONFLICTS + 1):
            try:
                return self._commit()
            except _RolledBack as refused:
                return None, self.execution.settle(refused.recorded)
            except (DatabaseError, InterfaceError) as error:
                if not is_ours or tries == faults.MAX_CONFLICTS:
                    raise
                adopted = self._after(error, tries)
                if adopted is not None:
                    return None, adopted
        raise AssertionError("unreachable")

    def _commit(self) -> tuple[Any, None]:
        using = self.execution.host.using
        with transaction.atomic(using=using), _other_databases_watched(using):
            sql.limit_idle_time(connections[using])
            frame = self.invoke.frame
            frame.outbox = None  # Of an earlier try, that was rolled back.
            result = self.invoke.call()
            name = self.invoke.definition.name
            text, value = dump_result(result, f"{name}() result")
            # Late: the row stays locked only from here to the commit.
            sql.limit_lock_wait(connections[using])
            if frame.outbox is not None:
                frame.outbox.commit()
            recorded = Step.objects.using(using).record_held(
                records.completed(self.checkpoint, text)
            )
            if recorded.verdict is not Verdict.RECORDED:
                raise _RolledBack(recorded)
        assert recorded.standing is not None
        self.execution.learn(recorded.standing)
        return value, None

    def _after(self, error: Exception, tries: int) -> Checkpoint | None:
        """Prepare another try; return the row when the lost commit had happened."""
        fault = faults.classify(error)
        using = self.execution.host.using
        if fault is Fault.REFUSED or fault is Fault.UNAVAILABLE:
            raise error
        if fault is Fault.CONNECTION:
            faults.drop_broken(using)
            return self.execution.host.query(self._read_back)
        time.sleep(faults.pause_seconds(tries))
        return None

    def _read_back(self) -> Checkpoint | None:
        using = self.execution.host.using
        row = self.checkpoint
        found = Step.objects.using(using).filter(
            workflow_id=row.workflow_id, branch=row.branch, step_id=row.step_id
        )
        stored = found.first()
        return stored.checkpoint() if stored is not None else None


@contextmanager
def _other_databases_watched(using: str) -> Iterator[None]:
    """Warn about transactions on another alias: they commit by themselves."""
    others = [alias for alias in connections if alias != using]
    if not others:
        yield
        return
    warned: set[str] = set()

    def watch(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        alias = context["connection"].alias
        if context["connection"].in_atomic_block and alias not in warned:
            warned.add(alias)
            logger.warning(
                "A transaction step opened atomic() on %r; only %r commits together"
                " with its checkpoint.",
                alias,
                using,
            )
        return execute(sql, params, many, context)

    with ExitStack() as stack:
        for alias in others:
            stack.enter_context(connections[alias].execute_wrapper(watch))
        yield
