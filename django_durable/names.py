"""Names that users give: topics and keys of what they say, queues, schedules."""

import unicodedata

LONGEST_NAME = 255


def check_name(value: object, what: str) -> str:
    """Return a topic or key, or raise TypeError or ValueError.

    1 to 255 characters, none of them a control character.
    """
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a string, not {value!r}.")
    if not value:
        raise ValueError(f"{what} must not be empty.")
    if len(value) > LONGEST_NAME:
        raise ValueError(
            f"{what} must have at most {LONGEST_NAME} characters, not {len(value)}:"
            f" {value[:40]!r}…"
        )
    for character in value:
        if unicodedata.category(character) in ("Cc", "Cs"):
            raise ValueError(f"{what} must not hold {character!r}: {value!r}.")
    return value


def check_topic(value: object) -> str:
    """Return a topic as it is stored, ``""`` for None, or raise as check_name()."""
    return "" if value is None else check_name(value, "topic")


def check_queue_name(name: object) -> str:
    """Return the name of a queue, or raise TypeError or ValueError."""
    if not isinstance(name, str):
        raise TypeError(f"queue_name must be a string, not {name!r}.")
    if not name.strip() or len(name) > 64 or not name.isprintable() or "," in name:
        raise ValueError(
            f"queue_name must be 1 to 64 printable characters without a comma,"
            f" not {name!r}."
        )
    return name


# With the moment behind it, it has to make an id of a workflow.
LONGEST_SCHEDULE = 200


def check_schedule_name(name: object) -> str:
    """Return the name of a schedule, or raise TypeError or ValueError."""
    if not isinstance(name, str):
        raise TypeError(f"The name of a schedule must be a string, not {name!r}.")
    fits = name.strip() and len(name) <= LONGEST_SCHEDULE and name.isprintable()
    if not fits or "/" in name:
        shown = name if len(name) <= LONGEST_SCHEDULE else f"{name[:40]}…"
        raise ValueError(
            f"The name of a schedule must be 1 to {LONGEST_SCHEDULE} printable"
            f" characters without '/', not {shown!r}: give another name=."
        )
    return name
