"""Limits of queues that users give: how many at once, how many in which time."""

from dataclasses import dataclass

from django_durable import durations
from django_durable.durations import Seconds

# What the columns hold.
MOST = 2**31 - 1
HUGE = 10**100
SHORTEST_PERIOD = 0.001


@dataclass(frozen=True, slots=True)
class Limits:
    """How many workflows of a queue are executed at once, and started in a period.

    None: as many as there are workers for. ``period`` is in seconds.
    """

    concurrency: int | None = None
    rate: int | None = None
    period: float | None = None


def checked(
    concurrency: object = None, rate: object = None, period: Seconds | None = None
) -> Limits:
    """Return limits, or raise ValueError."""
    if (rate is None) != (period is None):
        raise ValueError(
            f"rate and period go together, not rate={rate!r} and period={period!r}:"
            " rate=100, period=60 starts at most 100 in any minute."
        )
    return Limits(
        None if concurrency is None else _whole(concurrency, "concurrency", least=0),
        None if rate is None else _whole(rate, "rate", least=1),
        None if period is None else _length(period),
    )


def _whole(value: object, what: str, *, least: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        if least <= value <= MOST:
            return int(value)
        # Python refuses to write very large ones down.
        shown = f"{value}" if abs(value) < HUGE else "that"
    else:
        shown = repr(value)
    hint = "" if least == 0 else " To hold the whole queue, pause it."
    raise ValueError(
        f"{what} must be a whole number from {least} to {MOST}, or None for no limit,"
        f" not {shown}.{hint}"
    )


def _length(period: Seconds) -> float:
    try:
        found = durations.seconds(period, "period")
    except TypeError as error:
        raise ValueError(f"{error}") from None
    if found < SHORTEST_PERIOD:
        raise ValueError(
            f"period must be at least {SHORTEST_PERIOD} seconds, not {period!r}."
        )
    return found
