"""Writes what workflows publish, with the statements that executions use."""

from django_durable import clock, failures, serialization
from django_durable.exceptions import StreamClosed
from django_durable.models import Step, StreamEntry, Workflow, ids
from django_durable.models.checkpoint import Checkpoint
from django_durable.models.entries import StreamWriting
from django_durable.models.event import EventSetting
from django_durable.models.outcome import Outcome

Status = Workflow.Status


class Scribe:
    """A running workflow whose steps are what a test says."""

    def __init__(self, workflow_id=None):
        self.workflow_id = workflow_id or ids.new_workflow_id()
        self._steps = 0
        now = clock.now()
        Workflow.objects.create(
            pk=self.workflow_id,
            name="tests.scribe",
            version="1",
            status=Status.PENDING,
            claim=1,
            inputs="json:[[],{}]",
            run_after=now,
            created_at=now,
            started_at=now,
            changed_at=now,
        )

    def write(self, key, *values, attempt=1):
        """Append values to a stream, in one commit."""
        texts = tuple(serialization.dumps(value, "value") for value in values)
        self.write_stored(key, *texts, attempt=attempt)

    def write_stored(self, key, *texts, attempt=1):
        self._publish(StreamWriting(self._row(), False, key, texts, attempt=attempt))

    def close(self, key):
        """End a stream."""
        self._publish(StreamWriting(self._row(), False, key, closes=True))

    def step(self, name, *, failed=False):
        """Record a step."""
        self._steps += 1
        error = "json:{}" if failed else None
        Step.objects.record([self._row(name, error)])

    def set_event(self, key, value):
        """Publish an event."""
        text = serialization.dumps(value, "event")
        self._publish(EventSetting(self._row(), False, key, text, True))

    def end(self, status=Status.SUCCESS):
        """End the workflow."""
        now = clock.now()
        Workflow.objects.finish([Outcome(self.workflow_id, 1, status, None, None, now)])

    def forget(self, key, before):
        """Delete old entries, as retention would."""
        old = StreamEntry.objects.filter(workflow_id=self.workflow_id, key=key)
        old.filter(offset__lt=before).delete()

    def delete(self):
        """Delete the workflow and everything of it."""
        Workflow._base_manager.filter(pk=self.workflow_id).delete()

    def _row(self, name="", error=None):
        now = clock.now()
        if error is None and not name:
            error = failures.dump_refusal(StreamClosed, self.workflow_id, "")
        return Checkpoint(
            workflow_id=self.workflow_id,
            branch="",
            step_id=self._steps or 1,
            claim=1,
            name=name,
            kind=Step.Kind.STEP,
            output=None,
            error=error,
            child_id=None,
            worker_id=None,
            started_at=now,
            completed_at=now,
        )

    def _publish(self, row):
        (recorded,) = Step.objects.publish([row])
        assert recorded.checkpoint is not None, recorded
        assert recorded.checkpoint.error is None
