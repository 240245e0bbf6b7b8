"""How workflows are stored and executed."""

from dataclasses import dataclass
from typing import Literal

from django_durable.conf.values import (
    count,
    dotted_path,
    duration,
    format_names,
    or_none,
    patience,
    setting,
    text,
    version_policy,
)


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Storage, values, versions, and the life of workers."""

    database: str = setting(
        "default",
        text,
        "Alias of the database that stores the workflows.",
    )
    serializer: str = setting(
        "django_durable.serialization.JSONSerializer",
        dotted_path,
        "Dotted path of the class that writes values.",
    )
    read_serializers: tuple[str, ...] = setting(
        ("json",),
        format_names,
        "Formats that may be read: short names, or dotted paths of classes.",
    )
    app_version: str | None = setting(
        None,
        or_none(text),
        "Version of every definition without its own; None: a hash of its source.",
    )
    on_version_change: Literal["pin", "continue"] = setting(
        "pin",
        version_policy,
        "'pin': only the version that started a workflow executes it; 'continue': "
        "the present code takes over.",
    )
    heartbeat: float = setting(
        2.0,
        duration,
        "Seconds between two signs of life of a worker.",
    )
    lease: float = setting(
        15.0,
        duration,
        "Seconds without a sign of life after which a worker's workflows are taken "
        "over; more than twice HEARTBEAT.",
    )
    sweep: float = setting(
        10.0,
        duration,
        "Seconds between two looks at the database for work that no wake-up told of.",
    )
    hot_wait: float = setting(
        2.0,
        patience,
        "Seconds that a waiting workflow keeps its thread before it is suspended.",
    )
    async_hot_wait: float = setting(
        60.0,
        patience,
        "Seconds that a waiting async workflow stays in memory before it is suspended.",
    )
    drain: float = setting(
        5.0,
        patience,
        "Seconds that a stopping worker gives to running steps.",
    )
    concurrency: int = setting(
        16,
        count,
        "Workflows that one worker executes in threads at the same time.",
    )
    async_concurrency: int = setting(
        200,
        count,
        "Async workflows that one worker executes at the same time.",
    )
    max_value_bytes: int = setting(
        2 * 1024 * 1024,
        count,
        "Largest value that is stored, in bytes of its UTF-8 text.",
    )
