"""States as an icon, a word and a class: never as a colour alone."""

from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from django_durable.display import visible
from django_durable.models.status import Status

# U+FE0E: as text, not as a picture.
ICONS = {
    "ENQUEUED": "◌",
    "PENDING": "▶\ufe0e",
    "WAITING": "◷",
    "SUCCESS": "✔\ufe0e",
    "ERROR": "✖\ufe0e",
    "CANCELLED": "⊘",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "☠\ufe0e",
    "PAUSED": "❚❚",
}
CLASSES = {
    "ENQUEUED": "queued",
    "PENDING": "running",
    "WAITING": "waiting",
    "SUCCESS": "success",
    "ERROR": "error",
    "CANCELLED": "cancelled",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "dead",
    "PAUSED": "paused",
}


def badge(kind: str, icon: str, word: object) -> SafeString:
    """Return a badge; ``kind`` becomes the class ``dd-KIND`` of console.css."""
    return format_html(
        '<span class="dd-badge dd-{}"><span aria-hidden="true">{}</span> {}</span>',
        kind,
        icon,
        visible(word, limit=64, lines=False),
    )


def status_badge(status: str) -> SafeString:
    """Return the badge of a workflow's status; one that nobody knows is shown too."""
    word = Status(status).label if status in Status else status
    return badge(CLASSES.get(status, "unknown"), ICONS.get(status, "?"), word)


def workflow_badge(workflow: Any) -> SafeString:
    """Return the badges of a workflow; a missed deadline has a word of its own.

    One that stranded.mark() has marked gets a second badge.
    """
    shown = badge(**status_parts(workflow))
    return format_html("{}{}", shown, stranded_badge(workflow))


def status_parts(workflow: Any) -> dict[str, str]:
    """Return what the badge of a workflow's status is made of."""
    return {
        "kind": CLASSES.get(workflow.status, "unknown"),
        "icon": ICONS.get(workflow.status, "?"),
        "word": status_word(workflow),
    }


def stranded_parts() -> dict[str, str]:
    """Return what the badge of a stranded workflow is made of."""
    return {"kind": "stranded", "icon": "⚑", "word": _("stranded")}


def live_badges(workflow: Any) -> SafeString:
    """Return the same where the page follows the workflow; see live.cells()."""
    return format_html(
        '<span data-dd-row="{0}" data-dd-cell="status">{1}</span>'
        '<span data-dd-row="{0}" data-dd-cell="stranded">{2}</span>',
        workflow.pk,
        badge(**status_parts(workflow)),
        stranded_badge(workflow),
    )


def stranded_badge(workflow: Any) -> SafeString | str:
    """Return the badge of a workflow that is marked as stranded; else nothing."""
    if not getattr(workflow, "is_stranded", False):
        return ""
    return format_html(" {}", badge(**stranded_parts()))


def status_word(workflow: Any) -> str:
    """Return the word for a workflow's status, also for one that nobody knows."""
    known = workflow.status in Status
    return str(workflow.get_status_display() if known else workflow.status)
