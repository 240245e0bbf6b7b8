"""What is said where nothing ever goes wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django_durable import EventAlreadySet, StreamClosed, WorkflowNotFound
from tests.properties import nodes as n, sayings, talk_nodes as t
from tests.properties.lines import Line

Key = tuple[str, str]
Place = tuple[str, str, int]
Do = Callable[[Place], Exception | None]
Deed = tuple[str, str, Do]  # Name and kind of a step, and what it does.


@dataclass
class Letter:
    """A message, and who has received it."""

    message: Any
    by: Place | None = None


class Speech:
    """Messages by (destination, topic), events and streams by (workflow, key).

    ``record`` keeps or raises the outcome of a step; ``calls`` are those of steps,
    ``rows`` what transactions write.
    """

    def __init__(
        self,
        record: Callable[[str, str, str, Any], None],
        calls: Counter[str],
        rows: set[str],
    ) -> None:
        self.letters: dict[Key, list[Letter]] = {}
        self.events: dict[Key, Any] = {}
        self.past_events: dict[tuple[Key, Place], Any] = {}
        self.streams: dict[Key, list[tuple[Any, Place]]] = {}
        self.closed: set[Key] = set()
        self._record = record
        self._calls = calls
        self._rows = rows

    def send(self, to: str, topic: str | None, message: Any) -> None:
        """Put a message into a box."""
        self.letters.setdefault((to, topic or ""), []).append(Letter(message))

    def receive(self, box: Key, place: Place) -> Any:
        """Take the first unread message, None if there is none."""
        letters = self.letters.get(box, [])
        letter = next((each for each in letters if each.by is None), None)
        if letter is None:
            return None
        letter.by = place
        return letter.message

    def order(self, program: n.Program, workflow: str) -> None:
        """Send what a program is told from above: early does no harm."""
        for topic, message in sayings.orders(program):
            self.send(workflow, topic, message)

    def record_orders(self, line: Line, program: n.Program) -> None:
        """Record that it was told."""
        found = sayings.orders(program)
        if found:
            name = "send_many" if len(found) > 1 else f"send({found[0][0]})"
            self._record(line.step(), name, "send", None)

    def say(self, line: Line, node: t.Saying, path: str) -> None:
        deeds = list(self._deeds(line.workflow, node, path))
        if node.how == "many":
            name = "send_many" if len(deeds) > 1 else deeds[0][0]
            self._do_all(line, name, "send", deeds)
        elif node.how == "body":
            for deed in deeds:
                self._do_all(line, *deed[:2], [deed])
        else:
            is_late = node.how == "transaction" and isinstance(node, t.Write)
            kind = node.how.removeprefix("a")
            self._do_all(line, f"say in {node.how}", kind, deeds, node.fails, is_late)

    def _do_all(
        self,
        line: Line,
        name: str,
        kind: str,
        deeds: list[Deed],
        fails: int | None = None,
        is_refused_late: bool = False,
    ) -> None:
        """Do it as one step; a refusal ends the first try, or the last one."""
        key = line.step()
        found = (do(line.place) for _, _, do in deeds)
        refusal = next(filter(None, found), None)
        if fails is not None:
            self._calls[key] = 1 if refusal and not is_refused_late else fails + 1
        if kind == "transaction" and not refusal:
            self._rows.add(f"{key}#0")
        self._record(key, name, kind, refusal)

    def _deeds(self, workflow: str, node: t.Saying, path: str) -> Iterator[Deed]:
        for value in sayings.things(node, path):
            match node:
                case t.Tell():
                    to, topic = sayings.address(node, workflow, path)
                    name = f"send({topic})" if topic else "send"
                    yield name, "send", self._letter(to, topic, value)
                case t.Announce():
                    key = workflow, sayings.event(node.key, path)
                    do = self._setting(key, value, overwrite=node.overwrite)
                    yield f"set_event({key[1]})", "set_event", do
                case t.Write():
                    key = workflow, sayings.stream(node.stream, path)
                    yield (
                        f"write_stream({key[1]})",
                        "write_stream",
                        self._entry(key, value),
                    )
        if isinstance(node, t.Write) and node.closes:
            key = workflow, sayings.stream(node.stream, path)
            yield f"close_stream({key[1]})", "close_stream", self._end(key)

    def _letter(self, to: str, topic: str | None, value: Any) -> Do:
        def do(place: Place) -> Exception | None:
            return (
                WorkflowNotFound(to) if to == "nobody" else self.send(to, topic, value)
            )

        return do

    def _setting(self, key: Key, value: Any, *, overwrite: bool) -> Do:
        def do(place: Place) -> Exception | None:
            if key in self.events and not overwrite:
                return EventAlreadySet(*key)
            self.events[key] = self.past_events[key, place] = value
            return None

        return do

    def _entry(self, key: Key, value: Any) -> Do:
        def do(place: Place) -> Exception | None:
            if key in self.closed:
                return StreamClosed(*key)
            self.streams.setdefault(key, []).append((value, place))
            return None

        return do

    def _end(self, key: Key) -> Do:
        return lambda place: self.closed.add(key)
