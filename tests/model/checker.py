"""Try every order in which small programs can use one database.

A program is a generator function: it yields operations (`Update`, `Insert`,
`BEGIN`, …) and receives their results. It stands for a worker, a sender, a
person in the admin. Its next operation must depend on nothing but the results
received so far, because the checker runs it again for each of its histories.

A process can die before any of its moves. Its transaction is rolled back.

The search is breadth first, so the first trace to a violation is a shortest.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from .database import Key, Move, Position, Process, Program, Row, Rows, Turn, View

Check = Callable[[View], str | None]  # the violation that it sees, if any

DEADLOCK = "deadlock"


@dataclass(frozen=True)
class Verdict:
    """What was found: the violation with a shortest trace to it, or None."""

    states: int
    violation: str | None = None
    trace: tuple[str, ...] = ()

    def __str__(self) -> str:
        headline = f"{self.violation or 'no violation'} ({self.states} states)"
        return "\n  ".join((headline, *self.trace))


class State(NamedTuple):
    rows: Rows
    processes: tuple[Process, ...]
    deaths: int = 0

    def after(self, place: int, process: Process, rows: Rows, deaths: int) -> "State":
        others = self.processes
        return State(rows, (*others[:place], process, *others[place + 1 :]), deaths)

    def allows(self, move: Move, place: int) -> bool:
        """Tell whether the locks of the other processes allow this move."""
        if move.key is None:
            return True
        is_locked = any(
            move.key in process.locks
            for other_place, process in enumerate(self.processes)
            if other_place != place
        )
        return is_locked == move.when_locked


def accept(view: View) -> None:
    """Find nothing wrong."""


def explore(
    rows: View,
    programs: Mapping[str, Program],
    *,
    always: Check = accept,
    at_end: Check = accept,
    deaths: Mapping[str, int] | None = None,
) -> Verdict:
    """Look for a violation in everything the programs can do together.

    `always` is asked about each committed state of the rows, `at_end` about
    those that no process changes any more. A state in which processes wait
    for each other is a DEADLOCK. A program named in `deaths` can die while
    fewer than that many deaths have happened.
    """
    verdict = _Search(programs, always, at_end, deaths or {}).run(rows)
    print(verdict)  # pytest shows it when the test fails
    return verdict


def run_alone(program: Program, rows: View) -> dict[Key, Row]:
    """Return the rows after a program that nobody disturbs."""
    stored, process = frozenset(rows.items()), Process(Position(program))
    while moves := _moves(stored, process):
        process, stored = moves[0].process, moves[0].rows
    return dict(stored)


def _moves(rows: Rows, process: Process) -> list[Move]:
    operation = process.position.operation
    if operation is None or process.is_dead:
        return []
    return operation.moves(Turn(rows, process))


class _Search:
    def __init__(
        self,
        programs: Mapping[str, Program],
        always: Check,
        at_end: Check,
        deaths: Mapping[str, int],
    ) -> None:
        self.names = list(programs)
        self.programs = list(programs.values())
        self.deaths = [deaths.get(name, 0) for name in programs]
        self.always = cache(lambda rows: always(dict(rows)))
        self.at_end = cache(lambda rows: at_end(dict(rows)))
        # A move depends on the rows and on its own process. Others only decide
        # whether its lock is free. Remembering moves saves most of the work.
        self.moves = cache(self._shared_moves)
        self.known_rows: dict[Rows, Rows] = {}
        self.came_from: dict[State, tuple[State, int, str] | None] = {}
        self.queue: deque[State] = deque()

    def run(self, rows: View) -> Verdict:
        processes = tuple(Process(Position(program)) for program in self.programs)
        start = State(frozenset(rows.items()), processes)
        self.came_from[start] = None
        self.queue.append(start)
        while self.queue:
            state = self.queue.popleft()
            violation = self.always(state.rows) or self._follow(state)
            if violation:
                trace = tuple(self._trace(state))
                return Verdict(len(self.came_from), violation, trace)
        return Verdict(len(self.came_from))

    def _follow(self, state: State) -> str | None:
        """Queue the states after this one; where there is none, judge it."""
        can_move = must_wait = False
        for place, process in enumerate(state.processes):
            moves = self.moves(state.rows, process)
            if moves and state.deaths < self.deaths[place]:
                can_move = True
                self._kill(state, place)
            for move in moves:
                if not state.allows(move, place):
                    must_wait = True
                    continue
                can_move = True
                after = state.after(place, move.process, move.rows, state.deaths)
                self._visit(after, (state, place, move.label))
        if can_move:
            return None
        return DEADLOCK if must_wait else self.at_end(state.rows)

    def _kill(self, state: State, place: int) -> None:
        corpse = state.processes[place].died()
        after = state.after(place, corpse, state.rows, state.deaths + 1)
        self._visit(after, (state, place, "dies"))

    def _visit(self, state: State, origin: tuple[State, int, str]) -> None:
        if state not in self.came_from:
            self.came_from[state] = origin
            self.queue.append(state)

    def _shared_moves(self, rows: Rows, process: Process) -> list[Move]:
        # Equal rows become one object: they are compared millions of times.
        share = self.known_rows.setdefault
        return [
            move._replace(rows=share(move.rows, move.rows))
            for move in _moves(rows, process)
        ]

    def _trace(self, state: State) -> list[str]:
        steps = []
        while origin := self.came_from[state]:
            state, place, label = origin
            steps.append(f"{self.names[place]}: {label}")
        return steps[::-1]
