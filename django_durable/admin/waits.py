"""What a workflow waits for, in words."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.timezone import localtime
from django.utils.translation import gettext as _


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
