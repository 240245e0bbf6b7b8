"""Writing to streams: entries on their way into the table.

The counter row of a stream is advanced in the same transaction as its entries,
which makes offsets dense and in commit order; a sequence makes neither.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db.backends.base.base import BaseDatabaseWrapper

from django_durable.models import sql
from django_durable.models.publication import Publication, Values
from django_durable.models.tables import ENTRY, STREAM
from django_durable.models.targets import stream_target

_ENTRY_COLUMNS = (
    'workflow_id, key, "offset", value, branch, step_id, attempt, claim, written_at'
)
# An end that the statement's snapshot does not know still ends the stream: null
# is refused, see publication.store().
_ADVANCE = """ON CONFLICT (workflow_id, key) DO UPDATE
    SET next_offset = CASE WHEN NOT stream.is_closed OR excluded.next_offset = 0
            THEN stream.next_offset + excluded.next_offset END,
        is_closed = stream.is_closed OR excluded.is_closed,
        closed_branch = CASE WHEN stream.closed_by IS NULL
            THEN excluded.closed_branch ELSE stream.closed_branch END,
        closed_by = coalesce(stream.closed_by, excluded.closed_by)
    RETURNING"""
_STREAM_COLUMNS = "workflow_id, key, next_offset, is_closed, closed_branch, closed_by"


@dataclass(frozen=True, slots=True)
class StreamWriting(Publication):
    """Values for one stream, in order, and perhaps its end.

    The checkpoint's error counts when the stream is closed already.
    """

    key: str = ""
    values: tuple[str, ...] = ()
    closes: bool = False
    attempt: int = 1

    columns: ClassVar[str] = "key, value, closes, attempt"
    casts: ClassVar[str] = "%s::text[], %s::text[], %s::bool[], %s::int[]"
    # Locked, so that the newest version is read, whatever the snapshot.
    locks: ClassVar[str] = f"""
        opened AS MATERIALIZED (
            SELECT workflow_id, key, is_closed FROM {STREAM}
            WHERE (workflow_id, key) IN (
                SELECT v.workflow_id, x.key FROM v JOIN x ON x.i = v.i)
            ORDER BY 1, 2 FOR NO KEY UPDATE),"""
    refusal: ClassVar[str] = """
        CASE WHEN EXISTS (
            SELECT 1 FROM x JOIN opened ON opened.key = x.key
            WHERE x.i = v.i AND x.value IS NOT NULL AND opened.is_closed
              AND opened.workflow_id = v.workflow_id)
        THEN v.error END"""
    effects: ClassVar[str] = f"""
        c AS MATERIALIZED (
            SELECT d.workflow_id, x.key, count(x.value) AS many,
                   bool_or(x.closes) AS closes,
                   coalesce(min(d.branch) FILTER (WHERE x.closes), '') AS branch,
                   min(d.step_id) FILTER (WHERE x.closes) AS step_id
            FROM d JOIN x ON x.i = d.i GROUP BY 1, 2),
        u AS (
            INSERT INTO {STREAM} AS stream ({_STREAM_COLUMNS})
            SELECT workflow_id, key, many, closes, branch, step_id FROM c ORDER BY 1, 2
            {_ADVANCE} workflow_id, key, next_offset),
        written AS (
            INSERT INTO {ENTRY} ({_ENTRY_COLUMNS})
            SELECT d.workflow_id, x.key,
                u.next_offset - c.many - 1 + row_number() OVER (
                    PARTITION BY d.workflow_id, x.key ORDER BY x.n),
                x.value, d.branch, d.step_id, x.attempt, d.claim, d.completed_at
            FROM d JOIN x ON x.i = d.i AND x.value IS NOT NULL
            JOIN c ON c.workflow_id = d.workflow_id AND c.key = x.key
            JOIN u ON u.workflow_id = d.workflow_id AND u.key = x.key)"""

    # An end shows in no offset: whoever hears of it has to look.
    reached: ClassVar[str] = """
        coalesce((SELECT u.next_offset FROM x JOIN u ON u.key = x.key
                  JOIN c ON c.workflow_id = u.workflow_id AND c.key = u.key
                  WHERE x.i = s.i AND u.workflow_id = v.workflow_id
                    AND NOT c.closes LIMIT 1), 0)"""

    @property
    def watched(self) -> str:
        return self.key

    @property
    def targets(self) -> list[str]:
        return [stream_target(self.checkpoint.workflow_id, self.key).name]

    def payload(self) -> list[Values]:
        values: Sequence[str | None] = self.values or [None]
        return [(self.key, value, self.closes, self.attempt) for value in values]

    def refuse(self, connection: BaseDatabaseWrapper) -> str | None:
        found = sql.fetch(
            connection,
            f"SELECT is_closed FROM {STREAM} WHERE workflow_id = %s AND key = %s",
            [self.checkpoint.workflow_id, self.key],
        )
        is_closed = bool(found and found[0][0])
        return self.checkpoint.error if is_closed and self.values else None

    def publish(self, connection: BaseDatabaseWrapper) -> int:
        row = self.checkpoint
        ((end,),) = sql.fetch(
            connection,
            f"INSERT INTO {STREAM} AS stream ({_STREAM_COLUMNS})"
            f" VALUES (%s, %s, %s, %s, %s, %s) {_ADVANCE} next_offset",
            [
                row.workflow_id,
                self.key,
                len(self.values),
                self.closes,
                row.branch if self.closes else "",
                row.step_id if self.closes else None,
            ],
        )
        at = sql.stamp(connection, row.completed_at)
        stream = row.workflow_id, self.key
        writer = row.branch, row.step_id, self.attempt, row.claim
        rows: list[list[Any]] = [
            [*stream, offset, value, *writer, at]
            for offset, value in enumerate(self.values, end - len(self.values))
        ]
        if rows:
            places = ", ".join(["%s"] * 9)
            with connection.cursor() as cursor:
                cursor.executemany(
                    f"INSERT INTO {ENTRY} ({_ENTRY_COLUMNS}) VALUES ({places})", rows
                )
        return 0 if self.closes else int(end)
