"""How far a long piece of work has come, for whoever sits at a terminal."""

from types import TracebackType

from django.core.management.base import OutputWrapper

from django_durable import clock
from django_durable.management.workflows.output import duration

_WIDTH = 24
_SECONDS_BETWEEN = 0.2
# Back to the beginning of the line, and clear it.
_ANEW = "\r\x1b[K"


class Progress:
    """A bar that grows in one line of a terminal, and leaves no trace elsewhere."""

    def __init__(self, stream: OutputWrapper, total: int) -> None:
        self._stream = stream
        self._total = max(total, 1)
        self._done = 0
        self._began = clock.monotonic()
        self._shown_at = -_SECONDS_BETWEEN
        self._is_shown = stream.isatty()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._write(_ANEW)

    def advance(self, count: int) -> None:
        """Tell that so many more are done."""
        self._done += count
        now = clock.monotonic()
        if now - self._shown_at >= _SECONDS_BETWEEN:
            self._shown_at = now
            self._write(_ANEW + self._text(now - self._began))

    def _text(self, seconds: float) -> str:
        part = min(self._done / self._total, 1.0)
        full = int(part * _WIDTH)
        bar = "█" * full + "░" * (_WIDTH - full)
        text = f"{bar} {part:4.0%}  {self._done} of {self._total}"
        if not self._done or seconds < 1:
            return text
        left = seconds / self._done * (self._total - self._done)
        return f"{text}, {self._done / seconds:.0f}/s, {duration(max(left, 0))} left"

    def _write(self, text: str) -> None:
        if self._is_shown:
            self._stream.write(text, str, ending="")
            self._stream.flush()
