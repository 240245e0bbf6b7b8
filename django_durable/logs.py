"""Log records that say which workflow they are about.

Every record of the loggers ``django_durable`` and ``django_durable.workflow`` has
the attributes of ``FIELDS``; what does not apply is an empty string.
"""

import logging
from textwrap import indent
from typing import Any

from django_durable import display
from django_durable.definitions.context import current_frame

FIELDS = ("workflow_id", "workflow_name", "step", "attempt", "worker_id", "queue")
LONGEST = 200


def fields() -> dict[str, Any]:
    """Return what the code that runs now belongs to; empty outside workflows."""
    frame = current_frame()
    if frame is None:
        return {}
    found = dict(frame.execution.facts)
    if frame.step is not None:
        found |= {"step": frame.step_name, "attempt": frame.step.step_attempt}
    return found


class DurableFilter(logging.Filter):
    """Adds to each record which workflow and step made it.

    For the handlers of a project: whatever logger a step uses, its records then
    have the attributes of ``FIELDS``.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, with its attributes."""
        here = fields()
        for name in FIELDS:
            value = getattr(record, name, here.get(name, ""))
            if isinstance(value, str):
                value = display.visible(value, lines=False)
            setattr(record, name, value)
        return True


class _OwnRecords(DurableFilter):
    """Keeps a record on its line, whatever names, reasons and errors hold."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(map(_shown, record.args))
        if record.exc_info and not record.exc_text:
            lines = logging.Formatter().formatException(record.exc_info)
            record.exc_text = display.visible(indent(lines, "    "))
        return super().filter(record)


class _Shown:
    """An error as it may stand in a line."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __str__(self) -> str:
        return _line(str(self._error))

    def __repr__(self) -> str:
        return _line(repr(self._error))


def _shown(value: object) -> Any:
    if isinstance(value, str):
        return _line(value)
    return _Shown(value) if isinstance(value, BaseException) else value


def _line(text: str) -> str:
    return display.visible(text, limit=LONGEST, lines=False)


def install() -> None:
    """Prepare the loggers of this package; twice does no harm."""
    own, users = (logging.getLogger(f"django_durable{s}") for s in ("", ".workflow"))
    for logger, wanted in ((own, _OwnRecords()), (users, DurableFilter())):
        if not any(isinstance(each, DurableFilter) for each in logger.filters):
            logger.addFilter(wanted)
