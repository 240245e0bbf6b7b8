"""What a workflow did when, as rows of bars."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from django_durable import clock
from django_durable.admin import times
from django_durable.admin.detail.axis import Axis, Interval, axis
from django_durable.admin.detail.relatives import ChildGroup
from django_durable.admin.detail.tries import by_place
from django_durable.display import visible
from django_durable.models import Attempt
from django_durable.models.status import Status

MOST_ROWS = 500
MOST_ATTEMPTS = 2000
ROW_HEIGHT = 20
TOP = 26
LEFT = 230.0
WIDTH = 760.0
_LEAST_WIDTH = 1.5
_LABEL = 30
_TICK_DISTANCE = 70.0

WAITING_KINDS = frozenset(
    {"sleep", "recv", "get_event", "first_of", "result", "read_stream"}
)
CHILD_KINDS = frozenset({"child"})


@dataclass(slots=True)
class Bar:
    """A stretch of a row. ``kind`` is the class ``dd-t-KIND``."""

    start: float
    end: float
    kind: str
    title: str = ""
    x: float = 0.0
    width: float = 0.0


@dataclass(slots=True)
class Row:
    """One line: the workflow itself, a step with its tries, or children."""

    label: str
    bars: list[Bar]
    outcome: str = ""
    y: int = 0

    @property
    def title(self) -> str:
        """Say in words what the bars show."""
        parts = [bar.title for bar in self.bars if bar.title]
        return visible(": ".join([self.label, "; ".join(parts)]), limit=300)

    @property
    def text(self) -> str:
        """The label, cut to its column."""
        return visible(self.label, limit=_LABEL, lines=False)


@dataclass(slots=True)
class Timeline:
    """Everything that the drawing needs; its unit is a pixel of 1000 in a row."""

    rows: list[Row]
    axis: Axis
    total: int
    ticks: list[tuple[float, str]] = field(default_factory=list)

    @property
    def height(self) -> int:
        """How high the drawing is."""
        return TOP + ROW_HEIGHT * len(self.rows) + 6

    @property
    def left_out(self) -> int:
        """How many steps are not drawn."""
        return self.total - MOST_ROWS if self.total > MOST_ROWS else 0

    @property
    def breaks(self) -> list[dict[str, Any]]:
        """Where the axis is broken, and how much time is hidden there."""
        return [
            {
                "x": piece.left,
                "middle": (piece.left + piece.right) / 2,
                "length": times.length(piece.end - piece.start),
            }
            for piece in self.axis.breaks
        ]


def timeline(
    workflow: Any,
    steps: Sequence[Any],
    attempts: Sequence[Attempt],
    waits: Iterable[Any],
    children: Iterable[ChildGroup],
    *,
    total: int,
) -> Timeline:
    """Lay out the latest steps of a workflow, with failed tries, waits, children."""
    now = clock.now()
    end = workflow.completed_at or now
    tries = by_place(attempts)
    rows = [_workflow_row(workflow, end)]
    rows += [
        _step_row(step, tries.pop((step.branch, step.step_id), [])) for step in steps
    ]
    rows += [_open_row(place, failed) for place, failed in tries.items()]
    rows += [_wait_row(wait, workflow, end) for wait in waits]
    rows += [_children_row(group, end) for group in children]
    return _laid_out(workflow, rows, end, total)


def _workflow_row(workflow: Any, end: datetime) -> Row:
    created = workflow.created_at
    started = workflow.started_at or end
    bars = [_bar(created, started, "queue", _("queued"))]
    if workflow.started_at:
        bars.append(_bar(started, end, "whole", _("begun")))
    return Row(workflow.name, bars, workflow.status)


def _step_row(step: Any, tries: Sequence[Attempt]) -> Row:
    kind = "wait" if step.kind in WAITING_KINDS else "run"
    kind = "child" if step.kind in CHILD_KINDS else kind
    bars: list[Bar] = []
    begin = min([step.started_at, *(failed.failed_at for failed in tries[:1])])
    for failed in tries:
        bars += _try_bars(begin, failed, step.completed_at)
        begin = failed.next_at
    last = "failed" if step.has_failed else kind
    bars.append(_bar(min(begin, step.completed_at), step.completed_at, last, _("last")))
    return Row(_step_label(step.branch, step.step_id, step.name), bars, last)


def _open_row(place: tuple[str, int], tries: Sequence[Attempt]) -> Row:
    """Draw a step that is still being tried."""
    bars: list[Bar] = []
    begin = tries[0].failed_at
    for failed in tries:
        bars += _try_bars(begin, failed, failed.next_at)
        begin = failed.next_at
    return Row(_step_label(*place, _("being tried")), bars, "backoff")


def _try_bars(begin: datetime, failed: Attempt, end: datetime) -> list[Bar]:
    return [
        _bar(min(begin, failed.failed_at), failed.failed_at, "failed", _("try failed")),
        _bar(failed.failed_at, min(failed.next_at, end), "backoff", _("pause")),
    ]


def _wait_row(wait: Any, workflow: Any, end: datetime) -> Row:
    label = _step_label(wait.branch, wait.step_id, f"{wait.kind} {wait.key}".strip())
    begin = workflow.changed_at if workflow.status == Status.WAITING else end
    return Row(label, [_bar(begin, end, "open", _("waiting"))], "open")


def _children_row(group: ChildGroup, end: datetime) -> Row:
    kind = "child-failed" if group.failed else "child"
    bar = _bar(group.started_at, group.ended_at or end, kind, group.outcome)
    return Row(group.label, [bar], kind)


def _step_label(branch: str, step_id: int, name: str) -> str:
    place = f"{branch}:{step_id}" if branch else str(step_id)
    return f"{place} {name.rpartition('.')[2] or name}"


def _bar(start: datetime, end: datetime, kind: str, what: str) -> Bar:
    title = f"{what} {times.between(start, end)}"
    return Bar(start.timestamp(), end.timestamp(), kind, title)


# Where it all goes.


def _laid_out(workflow: Any, rows: list[Row], end: datetime, total: int) -> Timeline:
    start = workflow.created_at.timestamp()
    latest = max([end.timestamp(), *(bar.end for row in rows for bar in row.bars)])
    scale = axis(start, latest, _busy(workflow, rows, latest), left=LEFT, width=WIDTH)
    for number, row in enumerate(rows):
        row.y = TOP + number * ROW_HEIGHT
        for bar in row.bars:
            bar.x = scale.x(bar.start)
            bar.width = max(scale.x(bar.end) - bar.x, _LEAST_WIDTH)
    return Timeline(rows, scale, total, list(_ticks(scale, start)))


def _busy(workflow: Any, rows: Iterable[Row], end: float) -> list[Interval]:
    """Return when something happened: waits and pauses may be shortened."""
    found = [
        (bar.start, bar.end)
        for row in rows
        for bar in row.bars
        if bar.kind in ("run", "failed")
    ]
    # Where children begin and end, a gap ends: their bars keep their order.
    found += [
        (moment, moment)
        for row in rows
        for bar in row.bars
        if bar.kind in ("child", "child-failed")
        for moment in (bar.start, bar.end)
    ]
    if workflow.status == Status.PENDING:
        found.append((workflow.changed_at.timestamp(), end))
    if workflow.started_at is not None:
        begun = workflow.started_at.timestamp()
        found.append((begun, begun + 0.001))
    return found


def _ticks(scale: Axis, start: float) -> Iterable[tuple[float, str]]:
    """Label the edges of the pieces that are not too close to one another."""
    last = LEFT - _TICK_DISTANCE
    for piece in scale.pieces:
        if not piece.is_broken and piece.left - last >= _TICK_DISTANCE:
            yield piece.left, times.length(piece.start - start)
            last = piece.left
    final = scale.pieces[-1]
    if final.right - last >= _TICK_DISTANCE:
        yield final.right, times.length(final.end - start)
