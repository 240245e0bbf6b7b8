"""The latest entries of a stream, kept for those who follow it."""

from collections.abc import Sequence

from django_durable.streaming.entries import Entry

MOST_ENTRIES = 1024
MOST_BYTES = 1024 * 1024


class Ring:
    """Dense entries from ``first`` up to, and without, ``next``."""

    def __init__(self, start: int) -> None:
        self.first = start
        self.next = start
        self._entries: list[Entry] = []
        self._size = 0

    def add(self, entries: Sequence[Entry]) -> None:
        """Append entries; after a hole, only what comes behind it is kept."""
        for entry in entries:
            if entry.offset != self.next:
                self.clear(entry.offset)
            self._entries.append(entry)
            self._size += entry.size
            self.next = entry.offset + 1
        self._trim()

    def clear(self, start: int) -> None:
        """Forget everything; the next entry has the offset ``start``."""
        self._entries.clear()
        self._size = 0
        self.first = self.next = start

    def read(self, offset: int, limit: int) -> list[Entry]:
        """Return entries from an offset on, which must not be before ``first``."""
        start = offset - self.first
        return self._entries[start : start + limit]

    def _trim(self) -> None:
        spare = max(0, len(self._entries) - MOST_ENTRIES)
        size = self._size - sum(entry.size for entry in self._entries[:spare])
        while size > MOST_BYTES:
            size -= self._entries[spare].size
            spare += 1
        if spare:
            del self._entries[:spare]
            self.first += spare
            self._size = size
