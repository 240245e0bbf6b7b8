"""What holds a queue up, and how much of it may be taken, in words."""

from datetime import datetime
from typing import Any

from django.utils.timezone import localtime
from django.utils.translation import gettext as _, gettext_lazy

from django_durable import clock
from django_durable.admin import times
from django_durable.admin.figures.queues import Queue, holds
from django_durable.display import visible
from django_durable.limits import Limits
from django_durable.models.status import Status
from django_durable.models.usage import Usage

NO_LIMIT = "—"
_PERIODS = {
    1.0: gettext_lazy("second"),
    60.0: gettext_lazy("minute"),
    3_600.0: gettext_lazy("hour"),
    86_400.0: gettext_lazy("day"),
}


def limits_text(limits: Limits) -> str:
    """Return e.g. ``2 at once, 100 per minute``, or ``no limit``."""
    parts = []
    if limits.concurrency is not None:
        parts.append(_("%d at once") % limits.concurrency)
    if limits.rate is not None:
        parts.append(_rate(f"{limits.rate}", limits))
    return ", ".join(parts) or _("no limit")


def short_usage(usage: Usage | None) -> str:
    """Return e.g. ``2, 37/100 per minute``; a dash without a limit."""
    if usage is None:
        return NO_LIMIT
    parts = []
    if usage.limits.concurrency is not None:
        parts.append(f"{usage.limits.concurrency}")
    if usage.limits.rate is not None:
        parts.append(_rate(f"{usage.started}/{usage.limits.rate}", usage.limits))
    return ", ".join(parts)


def usage_text(usage: Usage | None) -> str:
    """Return e.g. ``2 of 2 running, 37 of 100 per minute``; a dash without a limit."""
    if usage is None:
        return NO_LIMIT
    parts = []
    if usage.limits.concurrency is not None:
        parts.append(_running(usage))
    if usage.limits.rate is not None:
        parts.append(_started(usage))
    return ", ".join(parts)


def queue_state(queue: Queue, now: datetime) -> str:
    """Return e.g. ``PAUSED by ana 09:12: the disk is full``, or ``running``.

    One with something in it that its limits hold back is ``LIMITED``.
    """
    if text := pause_text(queue):
        return text
    held = _limit_reached(queue, now) if queue.depth else ""
    return _("LIMITED: %s") % held if held else _("running")


def pause_text(row: Any) -> str:
    """Return the state of a queue or schedule that is paused; nothing of others."""
    if row is None or row.paused_at is None:
        return ""
    since = _since(row.paused_at)
    text = _("PAUSED %s") % since
    if row.paused_by:
        text = _("PAUSED by %(who)s %(since)s") % {"who": _who(row), "since": since}
    return _with_reason(text, row)


def held_up(workflow: Any) -> str:
    """Say what holds up the queue in which a workflow is ready; else nothing."""
    if workflow.status != Status.ENQUEUED:
        return ""
    now = clock.now()
    found = holds(workflow._state.db, [workflow.queue_name], now)
    return hold_text(workflow, found.get(workflow.queue_name), now)


def hold_text(workflow: Any, queue: Queue | None, now: datetime) -> str:
    """Say that the queue of a workflow is paused, or at its limit; else nothing."""
    if queue is None:
        return ""
    shown = visible(queue.name, limit=200, lines=False)
    if queue.paused_at is not None:
        since = _since(queue.paused_at)
        given = {"queue": shown, "who": _who(queue), "since": since}
        text = _("Its queue %(queue)s is paused since %(since)s") % given
        if queue.paused_by:
            text = _("Its queue %(queue)s is paused by %(who)s since %(since)s") % given
        return _with_reason(text, queue)
    held = _limit_reached(queue, now, is_new=workflow.started_at is None)
    given = {"queue": shown, "held": held}
    return _("Its queue %(queue)s is at its limit: %(held)s") % given if held else ""


def _limit_reached(queue: Queue, now: datetime, *, is_new: bool = True) -> str:
    """Return which limit holds back what is ready; nothing while there is room.

    What has begun before goes on whatever the rate is.
    """
    usage = queue.usage
    if usage is None:
        return ""
    if usage.holds_all:
        return _running(usage)
    if not (is_new and usage.holds_new):
        return ""
    given = {"started": _started(usage), "at": _clock_time(usage.free_at(now) or now)}
    return _("%(started)s, more from %(at)s") % given


def _running(usage: Usage) -> str:
    given = {"number": usage.running, "most": usage.limits.concurrency}
    return _("%(number)s of %(most)s running") % given


def _started(usage: Usage) -> str:
    given = {"number": usage.started, "rate": usage.limits.rate}
    return _rate(_("%(number)s of %(rate)s") % given, usage.limits)


def _rate(number: str, limits: Limits) -> str:
    period = limits.period or 0
    words = _PERIODS.get(period) or times.length(period)
    return _("%(number)s per %(period)s") % {"number": number, "period": words}


def _with_reason(text: str, queue: Any) -> str:
    reason = visible(queue.pause_reason, limit=200, lines=False)
    return f"{text}: {reason}" if reason else text


def _who(queue: Any) -> str:
    return visible(queue.paused_by, limit=40, lines=False)


def _since(moment: datetime) -> str:
    """Return a time of today, or with the day."""
    return _of_day(moment, "%H:%M")


def _clock_time(moment: datetime) -> str:
    return _of_day(moment, "%H:%M:%S")


def _of_day(moment: datetime, form: str) -> str:
    then = localtime(moment)
    is_today = then.date() == localtime(clock.now()).date()
    return f"{then:{form}}" if is_today else f"{then:%Y-%m-%d {form}}"
