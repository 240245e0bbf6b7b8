"""What operators see, and how long."""

from dataclasses import dataclass

from django_durable.conf.streams import StreamSettings
from django_durable.conf.values import (
    duration,
    or_none,
    patterns,
    setting,
    switch_or_path,
    text,
)


@dataclass(frozen=True, slots=True)
class OperatorSettings(StreamSettings):
    """The console, what displays hide, and when rows go."""

    retention: float | None = setting(
        None,
        or_none(duration),
        "Seconds that finished workflows are kept; None: for ever.",
    )
    env_label: str | None = setting(
        None,
        or_none(text),
        "Name of this installation, such as 'production', in the head of the console.",
    )
    admin: bool | str = setting(
        True,
        switch_or_path,
        "Whether the console is in the admin; or the dotted path of a class that is"
        " mixed into its pages, such as 'unfold.admin.ModelAdmin'.",
    )
    redact: tuple[str, ...] = setting(
        (),
        patterns,
        "Patterns of the values that displays hide, for all workflows.",
    )
