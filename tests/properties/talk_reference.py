"""What is heard where nothing ever goes wrong."""

from __future__ import annotations

from typing import Any

from django_durable import WaitTimeout
from tests.properties import nodes as n, sayings, talk_nodes as t
from tests.properties.lines import Line
from tests.properties.plays import Trail
from tests.properties.speech_reference import Speech
from tests.properties.talk_definitions import REFUSALS


class Answer(dict[str, Any]):
    """Events, in no order."""


class Talk(Speech):
    """What is said, and who hears it."""

    def play(self, line: Line, node: n.Node, trail: Trail, path: str) -> Trail:
        """Say or hear something."""
        match node:
            case t.Hear():
                return [*trail, *self._hear(line, node, path)]
            case t.Race():
                return [*trail, "won", *self._race(line, node, path)]
            case t.Read():
                return [*trail, *self._read(line, node, path)]
        try:
            self.say(line, node, path)
        except REFUSALS as error:
            return [*trail, type(error).__name__, False]
        return [*trail, "said", True]

    def follow(self, line: Line, node: n.Child, child: str) -> Trail:
        """Hear what a child has said first."""
        return [
            self._news(line, first, child)
            for first in node.program.nodes[: node.follows]
        ]

    def _news(self, line: Line, first: n.Node, child: str) -> Any:
        key = line.step()
        match first:
            case t.Tell():
                found = self.receive((line.workflow, child), line.place)
                self._record(key, f"recv({child})", "recv", found)
            case t.Announce():
                name = sayings.event(sayings.GREETING)
                found = self.events[child, name]
                self._record(key, f"get_event({name})", "get_event", found)
            case _:
                name = sayings.stream(sayings.GREETING)
                found = self.streams[child, name][0][0]
                entries = [found], False, False
                self._record(key, f"read_stream({name})", "read_stream", entries)
        return found

    def all_events(self, line: Line, workflow: str) -> Trail:
        """Read all events of a workflow."""
        found = Answer(
            (key, value) for (pk, key), value in self.events.items() if pk == workflow
        )
        self._record(line.step(), "get_events", "get_event", found)
        return ["events", sorted(found.items())]

    def _hear(self, line: Line, node: t.Hear, path: str) -> Trail:
        is_order = node.minutes is None
        topic = sayings.order_topic(path)
        if not is_order:
            topic = sayings.topic(node.topic, path)
        key, name = line.step(), f"recv({topic})" if topic else "recv"
        message = self.receive((line.workflow, topic or ""), line.place)
        what = f"a message on topic {topic!r}" if topic else "a message without a topic"
        try:
            self._tell(key, name, "recv", message, what, node.minutes)
        except WaitTimeout:
            return ["heard", sayings.DEFAULT] if node.has_default else ["heard nothing"]
        return ["heard", message]

    def _race(self, line: Line, node: t.Race, path: str) -> Trail:
        key, topic = line.step(), sayings.topic(node.topic, path)
        event = line.workflow, sayings.event(node.key, path)
        message = self.receive((line.workflow, topic or ""), line.place)
        won = (2, None) if event not in self.events else (1, self.events[event])
        won = won if message is None else (0, message)
        self._record(key, "first_of", "first_of", won)
        return [*won]

    def _read(self, line: Line, node: t.Read, path: str) -> Trail:
        if node.what == "events":
            return self.all_events(line, line.workflow)
        step, pk = line.step(), line.workflow
        try:
            if node.what == "event":
                key = pk, sayings.event(node.number, path)
                value = self.events.get(key)
                what = f"event {key[1]!r} of workflow {pk!r}"
                name = f"get_event({key[1]})"
                self._tell(step, name, "get_event", value, what, node.minutes)
            else:
                value = self._first_entry(step, pk, node, path)
        except WaitTimeout:
            return [f"no {node.what}", False]
        return [node.what, value]

    def _first_entry(self, step: str, pk: str, node: t.Read, path: str) -> Any:
        key = pk, sayings.stream(node.number, path)
        entries = self.streams.get(key)
        found = ([entries[0][0]], False, False) if entries else None
        if not entries and key in self.closed:
            found = [], True, True
        what = f"value 0 of stream {key[1]!r} of workflow {pk!r}"
        name = f"read_stream({key[1]})"
        self._tell(step, name, "read_stream", found, what, node.minutes)
        return found[0][0] if found[0] else False

    def _tell(
        self, key: str, name: str, kind: str, found: Any, what: str, minutes: int
    ) -> None:
        """Record what was waited for, or that it did not come."""
        lost = WaitTimeout(what, 60.0 * (minutes or 0)) if found is None else found
        self._record(key, name, kind, lost)
