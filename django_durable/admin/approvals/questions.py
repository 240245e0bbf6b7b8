"""One thing that a person is asked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote

from django.utils.translation import gettext as _

from django_durable.admin.approvals.deciders import Who
from django_durable.admin.figures.ages import age
from django_durable.definitions.schemas import Schema, at_path


@dataclass(frozen=True, slots=True)
class Request:
    """A wait for a person, as the pages show it."""

    wait: Any
    now: datetime
    who: Who | None = None

    @property
    def workflow(self) -> Any:
        """Who waits."""
        return self.wait.workflow

    @property
    def topic(self) -> str:
        """On which topic; ``""`` for none."""
        return str(self.wait.key)

    @property
    def since(self) -> str:
        """For how long it has waited."""
        return age(self.workflow.changed_at, self.now)

    @property
    def left(self) -> str:
        """How much time is left; ``""`` without a deadline."""
        if self.wait.wake_at is None:
            return ""
        return age(self.now, self.wait.wake_at)

    @property
    def schema(self) -> Schema | None:
        """What the answer must look like, where this process has the code."""
        return at_path(self.wait.schema) if self.wait.schema else None

    @property
    def place(self) -> str:
        """Where it waits, as one plain text: step, branch, workflow."""
        parts = (self.wait.step_id, self.wait.branch, self.wait.workflow_id)
        return quote("/".join(map(str, parts)), safe="")

    @property
    def remaining(self) -> str:
        """How much time is left, in words."""
        return _("in %s") % self.left if self.left else ""

    @property
    def key(self) -> str:
        """Return what makes two answers to this one answer: its place."""
        return f"console:{self.wait.branch}:{self.wait.step_id}"


def workflow_at(place: str) -> str:
    """Return the id of the workflow in a place."""
    return unquote(place).partition("/")[2].partition("/")[2]
