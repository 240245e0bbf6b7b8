"""States as an icon, a word and a class: never as a colour alone."""

from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

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
    """Return the badge of a workflow; a missed deadline has a word of its own."""
    return badge(
        CLASSES.get(workflow.status, "unknown"),
        ICONS.get(workflow.status, "?"),
        status_word(workflow),
    )


def status_word(workflow: Any) -> str:
    """Return the word for a workflow's status, also for one that nobody knows."""
    known = workflow.status in Status
    return str(workflow.get_status_display() if known else workflow.status)
