"""What operators see, and how long."""

from collections.abc import Mapping
from dataclasses import dataclass

from django_durable.conf.streams import StreamSettings
from django_durable.conf.values import (
    ages,
    or_none,
    patterns,
    setting,
    switch_or_path,
    text,
)


@dataclass(frozen=True, slots=True)
class OperatorSettings(StreamSettings):
    """The console, what displays hide, and when rows go."""

    retention: Mapping[str, float] | None = setting(
        None,
        or_none(ages),
        "Seconds that finished workflows are kept: one number for all but dead letters,"
        " or a dict by status; None: for ever.",
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
    metrics_token: str | None = setting(
        None,
        or_none(text),
        "What a scraper has to send as a bearer token to read the metrics.",
    )
