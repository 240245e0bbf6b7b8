"""When a failed step is tried again. The tries are counted in the database."""

import math
import random
from dataclasses import dataclass

from django_durable import durations
from django_durable.durations import Seconds

MOST_ATTEMPTS = 1000


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff: ``interval × backoff**(n - 1)``, at most
    ``max_interval`` seconds, after the n-th failure; with ``jitter`` a random
    part, at least half, of that.
    """

    max_attempts: int = 1
    retry_on: tuple[type[BaseException], ...] = (Exception,)
    interval: Seconds = 1.0
    backoff: float = 2.0
    max_interval: Seconds = 3600
    jitter: bool = True

    def __post_init__(self) -> None:
        _check_attempts(self.max_attempts)
        _check_backoff(self.backoff)
        for name in ("interval", "max_interval"):
            value = durations.seconds(getattr(self, name), name)
            object.__setattr__(self, name, value)
        object.__setattr__(self, "retry_on", _exception_classes(self.retry_on))

    def allows(self, error: BaseException, attempt: int) -> bool:
        """Tell whether another try follows the failed ``attempt`` (from 1)."""
        return attempt < self.max_attempts and isinstance(error, self.retry_on)

    def delay_seconds(self, attempt: int) -> float:
        """Return how long to wait after the failed ``attempt`` (from 1)."""
        limit = durations.seconds(self.max_interval, "max_interval")
        interval = durations.seconds(self.interval, "interval")
        try:
            delay = interval * self.backoff ** (attempt - 1)
        except OverflowError:
            delay = limit
        delay = min(delay, limit)
        return delay * random.uniform(0.5, 1.0) if self.jitter else delay


def _check_attempts(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"max_attempts must be an int, not {value!r}.")
    if not 1 <= value <= MOST_ATTEMPTS:
        raise ValueError(f"max_attempts must be 1 to {MOST_ATTEMPTS}, not {value}.")


def _check_backoff(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"backoff must be a number, not {value!r}.")
    if not math.isfinite(value) or value < 1:
        raise ValueError(f"backoff must be a finite number from 1 up, not {value!r}.")


def _exception_classes(value: object) -> tuple[type[BaseException], ...]:
    classes = value if isinstance(value, tuple | list) else (value,)
    for item in classes:
        if not (isinstance(item, type) and issubclass(item, BaseException)):
            raise TypeError(
                f"retry_on must hold exception classes, not {item!r}:"
                " for instance retry_on=(TimeoutError,)."
            )
    return tuple(classes)
