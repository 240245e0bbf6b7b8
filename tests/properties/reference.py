"""What a program comes to where nothing ever goes wrong: no database, no engine."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.properties import nodes as n
from tests.properties.definitions import aperform, perform
from tests.properties.lines import Line
from tests.properties.plays import Boom, Trail
from tests.properties.talk_reference import Talk

ANY = object()  # A recorded random value.


class Reference:
    """Outcomes by workflow, steps and their calls by key, business rows.

    ``seen`` is what the code has in hand at each place of each workflow, ``talk`` what
    workflows have told each other.
    """

    def __init__(self, root: str, program: n.Program) -> None:
        self.outcomes: dict[str, Trail | Boom] = {}
        self.steps: dict[str, tuple[str, str, Any]] = {}
        self.calls: Counter[str] = Counter()
        self.entries: set[str] = set()
        self.seen: dict[tuple[str, str], str] = {}
        self.talk = Talk(self._record, self.calls, self.entries)
        self.talk.order(program, root)
        self._run(root, program, [])

    def _run(self, workflow: str, program: n.Program, trail: Trail) -> Trail | Boom:
        line = Line(workflow, program.is_async)
        try:
            self.outcomes[workflow] = self._play(line, program.nodes, trail, "")
        except Boom as error:
            self.outcomes[workflow] = error
        return self.outcomes[workflow]

    def _play(self, line: Line, nodes: Any, trail: Trail, path: str) -> Trail:
        for number, node in enumerate(nodes):
            here = f"{path}/{number}"
            trail = self._node(line, node, trail, here)
            self.seen[line.workflow, here] = repr(trail)
        return trail

    def _node(self, line: Line, node: n.Node, trail: Trail, path: str) -> Trail:
        match node:
            case n.Call():
                value = self._call(line, node, trail)
                return [*trail, "got", len(trail), value]
            case n.Sleep():
                self._record(line.step(), "sleep", "sleep", None)
                return [*trail, "slept"]
            case n.Draw():
                self._record(line.step(), "random", "value", ANY)
                self._record(key := line.step(), "show", "step", [ANY, trail])
                self.calls[key] = 1
                return [*trail, True]
            case n.Guard():
                try:
                    return self._play(line, node.body, trail, path)
                except Boom as error:
                    return [*trail, "caught", error.args[0]]
            case n.Ensure():
                try:
                    trail = self._play(line, node.body, trail, f"{path}+")
                finally:
                    trail = self._play(line, node.last, trail, f"{path}-")
                return trail
            case n.Branch():
                is_true = bool(trail and trail[-1])
                way = node.then if is_true else node.otherwise
                return self._play(line, way, trail, path + "-+"[is_true])
            case n.Child():
                return self._child(line, node, trail, path)
            case n.Side():
                return [*trail, *self._side(line, node, trail, path)]
            case n.Fail():
                raise Boom("body")
        return self.talk.play(line, node, trail, path)

    def _record(self, key: str, name: str, kind: str, outcome: Any) -> None:
        self.steps[key] = name, kind, outcome
        if isinstance(outcome, Exception):
            raise outcome

    def _call(self, line: Line, node: n.Call, trail: Trail) -> Any:
        key, value = line.step(), n.VALUES[node.value]
        is_lost = node.fails >= node.tries
        self.calls[key] = node.tries if is_lost else node.fails + 1
        if node.kind == "transaction" and not is_lost:
            self.entries |= {f"{key}#{number}" for number in range(node.rows)}
        kind, name = node.kind.removeprefix("a"), f"{node.kind}{node.tries}"
        self._record(key, name, kind, Boom(node.value) if is_lost else [value, trail])
        return value

    def _child(self, line: Line, node: n.Child, trail: Trail, path: str) -> Trail:
        child = line.step()
        name = (aperform if node.program.is_async else perform).name
        self.talk.order(node.program, child)
        found = self._run(child, node.program, trail)
        if node.how == "call":
            self._record(child, name, "child", found)
            return [*trail, "called", last(found)]
        self._record(child, name, "start", True)
        trail = [*trail, child, True]
        if node.how == "forget":
            self.talk.record_orders(line, node.program)
            return trail
        try:
            trail = self._play(line, node.between, trail, path)
        except Boom:
            self.talk.record_orders(line, node.program)
            raise
        return [*trail, *self._await(line, node, child, found)]

    def _await(self, line: Line, node: n.Child, child: str, found: Any) -> Trail:
        heard = self.talk.follow(line, node, child)
        self.talk.record_orders(line, node.program)
        if node.is_raced:
            won = found if isinstance(found, Boom) else (1, found)
            self._record(line.step(), "first_of", "first_of", won)
        else:
            self._record(line.step(), "get_result", "result", found)
        events = self.talk.all_events(line, child) if node.asks else []
        return [*heard, *events, "started", last(found)]

    def _side(self, line: Line, node: n.Side, trail: Trail, path: str) -> Trail:
        found, errors = [], []
        for number, nodes in enumerate(node.lines):
            try:
                ended = self._play(line.fork(), nodes, trail, f"{path}.{number}")
                found.append(last(ended))
            except Boom as error:
                errors.append(error)
                found.append(("boom", error.args[0]))
        if errors and not line.is_async:
            raise errors[0]
        return found


def last(trail: Any) -> Any:
    """Return what a workflow or a line hands over."""
    return trail[-1] if trail else "nothing"
