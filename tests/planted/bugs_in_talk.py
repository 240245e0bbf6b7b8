"""Bugs in messages, events and streams."""

from collections.abc import Callable
from typing import Any

from django.db import transaction

from django_durable.execution import receiving
from django_durable.execution.outbox import Outbox
from django_durable.execution.state import State
from django_durable.models import Step, Stream, publication, sql, step
from django_durable.models.checkpoint import Recorded, Verdict
from django_durable.models.entries import StreamWriting
from django_durable.models.hints import NO_HINT
from django_durable.models.notification import NotificationQuerySet
from django_durable.models.tables import ENTRY
from django_durable.models.wait import WaitQuerySet
from tests.crash.ledger import ledger
from tests.planted.planting import bug


def rewriting(real: Callable[..., str], *texts: str) -> Callable[..., str]:
    """Return PostgreSQL's statements for publications with pieces replaced."""

    def statement_of(kind: Any, **options: Any) -> str:
        statement = real(kind, **options)
        for old, new in zip(texts[::2], texts[1::2], strict=True):
            statement = statement.replace(old, new)
        return statement

    return statement_of


# Messages.


@bug(NotificationQuerySet, "receive")
def message_recorded_and_consumed_in_two_transactions(real):
    """Record a message, commit, and consume it then."""

    def receive(self, checkpoint, topic):
        found = self.unread(checkpoint.workflow_id, topic).first()
        if found is None:
            return None
        full = checkpoint._replace(output=found.message)
        recorded = Step.objects.record_held(full)
        self.filter(pk=found.pk).update(consumed_by=full.step_id)
        return recorded._replace(checkpoint=full)

    return receive


@bug(NotificationQuerySet, "receive")
def message_consumed_before_its_checkpoint(real):
    """Consume a message, commit, and record it then."""

    def receive(self, checkpoint, topic):
        found = self.unread(checkpoint.workflow_id, topic).first()
        if found is None:
            return None
        self.filter(pk=found.pk).update(consumed_by=checkpoint.step_id)
        full = checkpoint._replace(output=found.message)
        recorded = Step.objects.record_held(full)
        return recorded._replace(checkpoint=full)

    return receive


@bug(receiving._Look, "_read_back")
def message_received_that_is_not_looked_for(real):
    """Receive again when the answer got lost."""
    return lambda self: None


@bug(State, "replay")
def message_given_undecoded(real):
    """Give the code what is stored, where it should get the value."""

    def replay(self, recorded):
        is_message = recorded.kind == Step.Kind.RECV and recorded.error is None
        return recorded.output if is_message else real(self, recorded)

    return replay


# Wake-ups.


@bug(WaitQuerySet, "wake")
def message_that_wakes_nobody(real):
    """Forget, on sending, those who wait for a message."""

    def wake(self, targets, **options):
        others = [each for each in targets if not each.startswith("message:")]
        return real(self, others, **options)

    return wake


@bug(WaitQuerySet, "wake_if_met")
def no_look_after_the_suspension(real):
    """Believe that nothing has come between the look and the suspension."""
    return lambda self, workflow_id, claim, rows: None


# The fence of what is published.


@bug(publication, "statement_of")
def publications_of_zombies(real):
    """Publish for whoever asks."""
    return rewriting(real, "AND l.claim = v.claim", "")


@bug(publication, "statement_of")
def publications_of_what_is_cancelled(real):
    """Publish for the newest claim, whatever the status."""
    return rewriting(real, "AND l.status = 'PENDING'", "")


@bug(publication, "_lock")
def snapshot_older_than_the_lock(real):
    """Wait for the lock in the statement that has to see what the other one did."""
    return lambda connection, rows: None


# Events.


@bug(publication, "statement_of")
def event_that_anybody_sets_again(real):
    """Overwrite what must not be overwritten."""
    return rewriting(real, "NOT x.overwrite", "false")


# Streams.


@bug(step.publication, "store")
def offset_read_outside_of_the_lock(real):
    """Read the highest offset first, and write behind it then."""

    def store(connection, rows, *, waits=False, hint=NO_HINT):
        (row,) = rows
        if not isinstance(row, StreamWriting):
            return real(connection, rows, waits=waits, hint=hint)
        pk = row.checkpoint.workflow_id
        ((first,),) = sql.fetch(
            connection,
            f'SELECT coalesce(max("offset"), -1) + 1 FROM {ENTRY}'
            " WHERE workflow_id = %s AND key = %s",
            [pk, row.key],
        )
        with transaction.atomic():
            for offset, value in enumerate(row.values, first):
                sql.fetch(
                    connection,
                    f'INSERT INTO {ENTRY} (workflow_id, key, "offset", value, branch,'
                    " step_id, attempt, written_at)"
                    " VALUES (%s, %s, %s, %s, '', 1, 1, CURRENT_TIMESTAMP)"
                    " RETURNING key",
                    [pk, row.key, offset, value],
                )
            Stream.objects.update_or_create(
                workflow_id=pk,
                key=row.key,
                defaults={"next_offset": first + len(row.values)},
            )
        written = row.checkpoint._replace(error=None)
        return [Recorded(Verdict.RECORDED, None, written)]

    return store


@bug(step.publication, "store")
def offset_from_a_sequence(real):
    """Number entries as a sequence does: what it gave, no rollback takes back."""

    def store(connection, rows, *, waits=False, hint=NO_HINT):
        (row,) = rows
        if not isinstance(row, StreamWriting) or not row.values:
            return real(connection, rows, waits=waits, hint=hint)
        mine = {"workflow_id": row.checkpoint.workflow_id, "key": row.key}
        first = ledger.facts.get(f"sequence {mine}", 0)
        ledger.facts[f"sequence {mine}"] = first + len(row.values)
        with transaction.atomic():
            Stream.objects.update_or_create(**mine, defaults={"next_offset": first})
            return real(connection, rows, waits=waits, hint=hint)

    return store


@bug(Outbox, "_rows")
def stream_closed_before_its_last_entry(real):
    """Close first, and write what was written before then."""

    def rows(self, values, closing):
        return sorted(real(self, values, closing), key=lambda row: not row.closes)

    return rows


@bug(Outbox, "_note")
def step_that_meets_its_own_end(real):
    """Take a stream that this step has closed before a crash for another's."""
    return lambda self, written, key: real(
        self, written and written._replace(step_id=0), key
    )
