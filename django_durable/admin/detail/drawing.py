"""The timeline as SVG. Presentation attributes and classes only: a strict
Content-Security-Policy refuses styles in attributes.
"""

from collections.abc import Iterator

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from django_durable.admin.detail.timeline import (
    TOP,
    Bar,
    Row,
    Timeline,
)

_WIDTH = 1000
_BAR = 12
_ROOM_OF_A_TICK = 60


def draw(timeline: Timeline) -> SafeString:
    """Return the drawing; the table of steps is its alternative in words."""
    parts = [*_ticks(timeline), *_rows(timeline), *_breaks(timeline)]
    return format_html(
        '<svg class="dd-timeline" role="img" viewBox="0 0 {} {}" width="{}"'
        ' height="{}" xmlns="http://www.w3.org/2000/svg"><title>{}</title>{}</svg>',
        _WIDTH,
        timeline.height,
        _WIDTH,
        timeline.height,
        _("What happened when; the table of steps says the same in words."),
        mark_safe("".join(parts)),  # Each part is escaped.
    )


def _ticks(timeline: Timeline) -> Iterator[str]:
    for x, text in timeline.ticks:
        anchor = "end" if x > _WIDTH - _ROOM_OF_A_TICK else "start"
        yield format_html(
            '<text class="dd-t-tick" x="{}" y="14" text-anchor="{}">{}</text>'
            '<line class="dd-t-line" x1="{}" x2="{}" y1="18" y2="{}"/>',
            *(_number(x), anchor, text, _number(x), _number(x), timeline.height),
        )


def _breaks(timeline: Timeline) -> Iterator[str]:
    """Shade what is not to scale; the mark stands on the workflow's own bar."""
    for each in timeline.breaks:
        middle = _number(each["middle"])
        yield format_html(
            '<g class="dd-t-break"><title>{}</title>'
            '<rect x="{}" y="{}" width="28" height="{}"/>'
            '<text x="{}" y="{}" text-anchor="middle">⁄⁄</text></g>',
            _("%s left out") % each["length"],
            *(_number(each["x"]), TOP - 6, timeline.height - TOP + 6),
            *(middle, TOP + 14),
        )


def _rows(timeline: Timeline) -> Iterator[str]:
    for row in timeline.rows:
        yield format_html(
            '<g><title>{}</title><text class="dd-t-label" x="4" y="{}">{}</text>{}</g>',
            row.title,
            row.y + 14,
            row.text,
            mark_safe("".join(_bars(row))),
        )


def _bars(row: Row) -> Iterator[str]:
    for bar in row.bars:
        yield format_html(
            '<rect class="dd-t-{}" x="{}" y="{}" width="{}" height="{}" rx="1.5"/>',
            *(bar.kind, _number(bar.x), row.y + 4, _number(bar.width), _BAR),
        )
        if bar.kind in ("failed", "child-failed"):
            yield _cross(bar, row)


def _cross(bar: Bar, row: Row) -> str:
    """Mark a failure by a sign as well as by its colour."""
    x = _number(min(bar.x + bar.width, _WIDTH - 8))
    return format_html('<text class="dd-t-mark" x="{}" y="{}">✖</text>', x, row.y + 14)


def _number(value: float) -> str:
    return f"{value:.1f}"
