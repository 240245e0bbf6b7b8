"""The author's one line about a workflow."""

from typing import Any

from django.db import models
from django.db.models import Q

from django_durable import display
from django_durable.models import compiled
from django_durable.models.compiled import Change
from django_durable.models.status import Status

LONGEST = 200


class SummaryQuerySet(models.QuerySet[Any]):
    """What workflows say of themselves."""

    def summarize(self, workflow_id: str, claim: int, text: str) -> None:
        """Store the summary of a held workflow; nothing when it is not held now."""
        _SUMMARIZE(self, pk=workflow_id, claim=claim, summary=one_line(text))


def one_line(text: str) -> str:
    """Return a text as a summary: short, on one line, with nothing hidden in it."""
    line = display.visible(" ".join(text.split()), lines=False)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


# A row that says so already is left as it is.
_SUMMARIZE = Change(
    lambda rows: rows.filter(
        ~Q(summary=compiled.text("summary")),
        pk=compiled.text("pk"),
        claim=compiled.number("claim"),
        status=Status.PENDING,
    ),
    summary=compiled.text("summary"),
)
