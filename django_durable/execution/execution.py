"""One execution: a claimed workflow, and what its code can call."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db import connections
from django.db.transaction import TransactionManagementError

from django_durable.definitions.calls import BoundCall
from django_durable.definitions.context import (
    Frame,
    body_frame,
    current_frame,
    has_running_loop,
)
from django_durable.definitions.messages import Awaited, Message
from django_durable.definitions.options import StartOptions
from django_durable.definitions.registry import Definition
from django_durable.definitions.step import StepDefinition
from django_durable.exceptions import Unwind
from django_durable.execution import (
    children,
    patching,
    publishing,
    receiving,
    steps,
    summary,
    waiting,
)
from django_durable.execution.drivers import Algorithm, adrive, drive
from django_durable.execution.state import State


class Execution(State):
    """What one claim of a workflow does; the code inside it calls this object.

    Implements ``definitions.engine.Running``.
    """

    def frame(self) -> Frame:
        """Return the frame of the workflow's own body."""
        return Frame(self)

    def call_step(
        self, definition: StepDefinition[..., Any, Any], args: Any, kwargs: Any
    ) -> Any:
        return self._drive(
            lambda frame: steps.call(self, frame, definition, args, kwargs)
        )

    def call_child(
        self,
        definition: Definition,
        options: StartOptions,
        args: Any,
        kwargs: Any,
    ) -> Any:
        return self._drive(
            lambda frame: children.call(self, frame, definition, options, args, kwargs)
        )

    def start_child(
        self,
        name: str,
        definition: Definition | None,
        options: StartOptions,
        args: Any,
        kwargs: Any,
    ) -> Any:
        return self._drive(
            lambda frame: children.start(
                self, frame, name, definition, options, args, kwargs
            )
        )

    def sleep_until(self, moment: Callable[[], datetime]) -> Any:
        return self._drive(lambda frame: steps.sleep(self, frame, moment))

    def record_value(self, name: str, make: Callable[[], Any]) -> Any:
        return self._drive(lambda frame: steps.value(self, frame, name, make))

    def patch(self, name: str) -> Any:
        return self._drive(lambda frame: patching.patch(self, frame, name))

    def deprecate_patch(self, name: str) -> None:
        frame = body_frame()
        assert frame is not None
        patching.deprecate(self, frame, name)

    def result_of(self, workflow_id: str, timeout: float | None) -> Any:
        return self._drive(
            lambda frame: children.result(self, frame, workflow_id, timeout)
        )

    def gather(self, calls: Sequence[BoundCall[Any]]) -> Any:
        frame = body_frame()
        assert frame is not None
        return waiting.gather(self, frame, calls)

    def send(self, messages: Sequence[Message]) -> Any:
        return self._drive(lambda frame: publishing.send(self, frame, messages))

    def receive(
        self,
        topic: str | None,
        timeout: float | None,
        default: Any,
        schema: Any,
        is_human: bool,
    ) -> Any:
        return self._drive(
            lambda frame: receiving.receive(
                self, frame, topic, timeout, default, schema, is_human
            )
        )

    def first_of(self, waits: Sequence[Awaited]) -> Any:
        return self._drive(lambda frame: receiving.first_of(self, frame, waits))

    def set_event(self, key: str, value: Any, overwrite: bool) -> Any:
        return self._drive_anywhere(
            lambda frame: publishing.set_event(self, frame, key, value, overwrite)
        )

    def set_summary(self, text: str) -> Any:
        return self._drive_anywhere(
            lambda frame: summary.set_summary(self, frame, text)
        )

    def get_event(
        self, workflow_id: str, key: str, timeout: float | None, default: Any
    ) -> Any:
        return self._drive(
            lambda frame: receiving.get_event(
                self, frame, workflow_id, key, timeout, default
            )
        )

    def get_events(self, workflow_id: str) -> Any:
        return self._drive(lambda frame: receiving.get_events(self, frame, workflow_id))

    def write_stream(self, key: str, value: Any, flush: bool) -> Any:
        return self._drive_anywhere(
            lambda frame: publishing.write_stream(self, frame, key, value, flush)
        )

    def close_stream(self, key: str) -> Any:
        return self._drive_anywhere(
            lambda frame: publishing.close_stream(self, frame, key)
        )

    def read_stream(
        self, workflow_id: str, key: str, offset: int, timeout: float | None
    ) -> Any:
        return self._drive(
            lambda frame: receiving.read_stream(
                self, frame, workflow_id, key, offset, timeout
            )
        )

    def _drive_anywhere(self, algorithm: Callable[[Frame], Algorithm]) -> Any:
        """Run an algorithm in the body, or in the step that makes the call.

        A step does not wait for the others when it unwinds: it is what they
        wait for.
        """
        frame = current_frame()
        assert frame is not None
        if frame.step is None:
            return self._drive(algorithm)
        if has_running_loop():
            return adrive(algorithm(frame), self.host)
        return drive(algorithm(frame), self.host)

    def _drive(self, algorithm: Callable[[Frame], Algorithm]) -> Any:
        """Run an algorithm on the caller's branch, in the caller's manner."""
        if self.is_async and has_running_loop():
            return self._adrive(algorithm)
        self._refuse_open_transaction()
        frame = body_frame()
        assert frame is not None
        try:
            with self.busy():
                return drive(algorithm(frame), self.host)
        except Unwind as unwind:
            self.leaving.hold(frame, unwind)
            raise

    def _refuse_open_transaction(self) -> None:
        """Refuse a durable call inside a transaction of the workflow's body.

        Rolling that back would take recorded steps out of the journal.
        """
        if len(connections[self.host.using].atomic_blocks) > self.atomic_depth:
            raise TransactionManagementError(
                f"Workflow {self.workflow_id!r} makes a durable call inside an atomic()"
                " block of its own. Move the block's work into a @transaction step."
            )
        self.refuse_left_open()

    async def _adrive(self, algorithm: Callable[[Frame], Algorithm]) -> Any:
        # The frame is the awaiting task's: a coroutine may be made in one
        # branch and awaited in another.
        frame = body_frame()
        assert frame is not None
        try:
            with self.busy():
                return await adrive(algorithm(frame), self.host)
        except Unwind as unwind:
            await self.leaving.park(unwind)
            raise
