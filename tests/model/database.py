"""The database of the models: operations, and what each may lead to.

It behaves as PostgreSQL does at READ COMMITTED:

- A statement takes two moves. First it takes its snapshot and looks for its
  row. Then it waits for the row's lock, checks the row's newest version again
  and writes. Anything may happen between the two.
- What a transaction writes is seen by others when it commits, and locks the
  row until then. Outside a transaction each statement commits by itself.
"""

from collections.abc import Callable, Generator, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol

Key = Hashable
Row = Hashable
View = Mapping[Any, Any]  # what one process sees: rows by key
Rows = frozenset[tuple[Key, Row]]  # the same, to be hashed and compared
Program = Callable[[], Generator["Operation", Any, None]]

INSERTED, CONFLICT, FENCED = "inserted", "conflict", "fenced"
BUSY = "busy"


def rows_of(view: View, kind: str) -> dict[Any, Any]:
    """Return the rows whose key is (kind, identity), by identity."""
    pairs = ((key, row) for key, row in view.items() if isinstance(key, tuple))
    return {key[1]: row for key, row in pairs if key[0] == kind}


# How a process stands, and how it goes on.


class Position:
    """A place in a program, told apart by the results received on the way."""

    def __init__(self, program: Program, results: tuple[Any, ...] = ()) -> None:
        self._program, self._results = program, results
        self._next: dict[Any, Position] = {}

    @cached_property
    def operation(self) -> "Operation | None":
        """What the program does next; None when it is finished."""
        program = self._program()
        try:
            operation = next(program)
            for result in self._results:
                operation = program.send(result)
        except StopIteration:
            return None
        return operation

    def after(self, result: Any) -> "Position":
        """Return the place that the program reaches with this result."""
        if result not in self._next:
            self._next[result] = Position(self._program, (*self._results, result))
        return self._next[result]


class Process(NamedTuple):
    """A program on its way, with its open transaction."""

    position: Position
    has_snapshot: bool = False
    in_transaction: bool = False
    writes: Rows = frozenset()
    locks: frozenset[Key] = frozenset()
    is_dead: bool = False

    def went_on(self, result: Any = None) -> "Process":
        """Return the process after its operation gave this result."""
        return self._replace(position=self.position.after(result), has_snapshot=False)

    def left_transaction(self) -> "Process":
        return Process(self.position.after(None))

    def died(self) -> "Process":
        return Process(self.position, is_dead=True)


class Move(NamedTuple):
    """One thing that a process can do next, and the world after it."""

    label: str
    process: Process
    rows: Rows
    key: Key = None  # the row whose lock decides whether this can be done:
    when_locked: bool = False  # only while another process holds it, or not


class Turn:
    """A process before its next move: what it sees, what can come of it."""

    def __init__(self, rows: Rows, process: Process) -> None:
        self.rows, self.process = rows, process
        self.view: dict[Key, Row] = {**dict(rows), **dict(process.writes)}

    def take_snapshot(self, label: object) -> Move:
        process = self.process._replace(has_snapshot=True)
        return Move(f"{label}: takes its snapshot", process, self.rows)

    def finish(
        self,
        label: object,
        result: Any,
        *,
        writes: View | None = None,
        locks: Iterable[Key] = (),
        key: Key = None,
        when_locked: bool = False,
    ) -> Move:
        """Give the operation its result; write now, or at the commit."""
        writes, rows, process = writes or {}, self.rows, self.process.went_on(result)
        if process.in_transaction:
            process = process._replace(
                writes=_merged(process.writes, writes),
                locks=process.locks.union(locks, writes),
            )
        else:
            rows = _merged(rows, writes)
        return Move(f"{label} -> {result}", process, rows, key, when_locked)

    def commit(self) -> Move:
        rows = _merged(self.rows, dict(self.process.writes))
        return Move("commit", self.process.left_transaction(), rows)


def _merged(rows: Rows, writes: View) -> Rows:
    return frozenset((dict(rows) | dict(writes)).items()) if writes else rows


# What a program can yield.


class Operation(Protocol):
    def moves(self, turn: Turn) -> list[Move]: ...


class _Begin:
    def moves(self, turn: Turn) -> list[Move]:
        process = turn.process.went_on()._replace(in_transaction=True)
        return [Move("begin", process, turn.rows)]


class _Commit:
    def moves(self, turn: Turn) -> list[Move]:
        return [turn.commit()]


class _Rollback:
    def moves(self, turn: Turn) -> list[Move]:
        return [Move("rollback", turn.process.left_transaction(), turn.rows)]


BEGIN, COMMIT, ROLLBACK = _Begin(), _Commit(), _Rollback()


@dataclass(frozen=True, eq=False)
class Read:
    """SELECT without a lock. The result is what `query` makes of the view."""

    query: Callable[[View], Any]

    def moves(self, turn: Turn) -> list[Move]:
        return [turn.finish("read", self.query(turn.view))]


@dataclass(frozen=True, eq=False)
class Note:
    """Write down what happens outside the database: no lock, no rollback.

    For calls to other systems, and for what a check needs to know.
    """

    writes: Callable[[View], View]

    def moves(self, turn: Turn) -> list[Move]:
        writes = self.writes(turn.view)
        process = turn.process.went_on()
        return [Move(f"note {dict(writes)}", process, _merged(turn.rows, writes))]


@dataclass(frozen=True, eq=False)
class Update:
    """UPDATE … WHERE of one row. The result is the new row, or None.

    `where` is checked again on the newest version of the row; `subquery`, a
    condition on other rows, sees the snapshot only.
    """

    key: Key
    where: Callable[[Any], bool]
    change: Callable[[Any], Row]
    subquery: Callable[[View], bool] = field(default=lambda view: True)

    def __str__(self) -> str:
        return f"update {self.key}"

    def moves(self, turn: Turn) -> list[Move]:
        row = turn.view.get(self.key)
        is_match = row is not None and self.where(row)
        if turn.process.has_snapshot:
            new = self.change(row) if is_match else None
            writes = {self.key: new} if is_match else {}
            return [turn.finish(self, new, writes=writes, key=self.key)]
        if is_match and self.subquery(turn.view):
            return [turn.take_snapshot(self)]
        return [turn.finish(self, None)]


@dataclass(frozen=True, eq=False)
class Lock:
    """SELECT … FOR NO KEY UPDATE. The result is the newest row, or BUSY."""

    key: Key
    skip_locked: bool = False

    def __str__(self) -> str:
        return f"lock {self.key}"

    def moves(self, turn: Turn) -> list[Move]:
        if not turn.process.has_snapshot:
            return [turn.take_snapshot(self)]
        row = turn.view.get(self.key)
        moves = [turn.finish(self, row, locks=[self.key], key=self.key)]
        if self.skip_locked:
            moves.append(turn.finish(self, BUSY, key=self.key, when_locked=True))
        return moves


@dataclass(frozen=True, eq=False)
class Insert:
    """INSERT … SELECT … WHERE guard ON CONFLICT DO NOTHING.

    The result is INSERTED, CONFLICT or, where the guard refused, FENCED. The
    guard sees the snapshot only.
    """

    key: Key
    row: Row
    guard: Callable[[View], bool] = field(default=lambda view: True)

    def __str__(self) -> str:
        return f"insert {self.key}"

    def moves(self, turn: Turn) -> list[Move]:
        if not turn.process.has_snapshot:
            if self.guard(turn.view):
                return [turn.take_snapshot(self)]
            return [turn.finish(self, FENCED)]
        if self.key in turn.view:
            return [turn.finish(self, CONFLICT, key=self.key)]
        writes = {self.key: self.row}
        return [turn.finish(self, INSERTED, writes=writes, key=self.key)]
