"""What a workflow waits for, and what holds a queue up, in words."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from django_durable import clock
from django_durable.display import visible
from django_durable.models import Queue
from django_durable.models.status import Status


def wait_text(wait: Mapping[str, Any] | None, wake_at: datetime | None) -> str:
    """Return e.g. ``message “approval” until 11:03``."""
    until = f"{localtime(wake_at):%Y-%m-%d %H:%M:%S}" if wake_at else ""
    if wait is None:
        return _("until %s") % until if until else ""
    kind, key, awaited = wait["kind"], wait["key"], wait["awaited_id"]
    if kind == "timer":
        return _("sleeps until %s") % until if until else _("sleeps")
    what = {
        "message": _("message “%s”") % key if key else _("a message"),
        "workflow": _("workflow %s") % awaited,
        "event": _("event “%(key)s” of %(id)s") % {"key": key, "id": awaited},
        "stream": _("stream “%(key)s” of %(id)s") % {"key": key, "id": awaited},
    }.get(kind, kind)
    if not until:
        return str(what)
    return _("%(what)s until %(until)s") % {"what": what, "until": until}


def queue_state(queue: Any) -> str:
    """Return e.g. ``PAUSED by ana 09:12: the disk is full``, or ``running``."""
    if queue.paused_at is None:
        return _("running")
    since = _since(queue.paused_at)
    text = _("PAUSED %s") % since
    if queue.paused_by:
        text = _("PAUSED by %(who)s %(since)s") % {"who": _who(queue), "since": since}
    return _with_reason(text, queue)


def held_up(workflow: Any) -> str:
    """Say that the queue is paused in which a workflow is ready; else nothing."""
    if workflow.status != Status.ENQUEUED:
        return ""
    paused = Queue.objects.using(workflow._state.db).paused()
    queue = paused.filter(pk=workflow.queue_name).first()
    if queue is None:
        return ""
    given = {"queue": queue, "who": _who(queue), "since": _since(queue.paused_at)}
    text = _("Its queue %(queue)s is paused since %(since)s") % given
    if queue.paused_by:
        text = _("Its queue %(queue)s is paused by %(who)s since %(since)s") % given
    return _with_reason(text, queue)


def _with_reason(text: str, queue: Any) -> str:
    reason = visible(queue.pause_reason, limit=200, lines=False)
    return f"{text}: {reason}" if reason else text


def _who(queue: Any) -> str:
    return visible(queue.paused_by, limit=40, lines=False)


def _since(moment: Any) -> str:
    """Return a time of today, or with the day."""
    then = localtime(moment)
    is_today = then.date() == localtime(clock.now()).date()
    return f"{then:%H:%M}" if is_today else f"{then:%Y-%m-%d %H:%M}"
