"""The checker: what may be seen at any moment, and what must be there at the end."""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import astuple
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from django.db import DatabaseError, InterfaceError, connection

from django_durable import serialization
from django_durable.models import Step, Worker, Workflow
from django_durable.models.status import TERMINAL, Status
from tests.chaos import limits, resources
from tests.chaos.beside import beside
from tests.chaos.dose import Dose
from tests.journeys.ledger import Call, Ledger

LEASE, HEARTBEAT, SWEEP = 1.0, 0.3, 1.0
LOOK_SECONDS = 1.0
# What a look may cost: so many times as long as it took is the pause after it.
CALM = 20
STRICT = (Step.Kind.TRANSACTION, Step.Kind.START)


class Ended(NamedTuple):
    """How a workflow is to end."""

    result: Any = None
    status: str = Status.SUCCESS


class Violation(NamedTuple):
    """What was seen that must not be."""

    invariant: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.where} {self.what}"


class Query(NamedTuple):
    """One section of invariants.sql."""

    invariant: str
    is_always: bool
    promise: str
    statement: str


def _read_queries() -> list[Query]:
    text = Path(__file__).with_name("invariants.sql").read_text()
    _, prelude, *rest = re.split(
        r"^-- (prelude|I\d+ (?:always|at rest): .+)\n", text, flags=re.MULTILINE
    )
    assert prelude == "prelude"
    start, *sections = rest
    queries = []
    for heading, body in zip(sections[::2], sections[1::2], strict=True):
        number, when, promise = re.fullmatch(
            r"(I\d+) (always|at rest): (.+)", heading
        ).groups()
        queries.append(Query(number, when == "always", promise, start + body))
    return queries


QUERIES = _read_queries()
_COMPARED = {
    "I4": "an outcome never changes",
    "I8": "after a cancellation no transaction of the workflow commits",
    "I11": "nobody holds a workflow long after the end of the lease",
}
# Of the queries for one invariant, the first says it best.
PROMISES = dict(
    sorted(
        [
            *((q.invariant, q.promise) for q in reversed(QUERIES)),
            *_COMPARED.items(),
            *limits.PROMISES.items(),
            *resources.PROMISES.items(),
        ],
        key=lambda item: int(item[0][1:]),
    )
)


class Standing(NamedTuple):
    """What must stay as it is once a workflow has ended."""

    status: str
    claim: int
    changed_at: datetime


class Checker:
    """Watches one experiment, and judges it at the end.

    Each step of the workflows has to note its call in the ledger, and each
    transaction step writes an Entry under its idempotency key with its claim as
    the note: see workflows.py. A call may be repeated only when ``excuses`` says
    that the one before came to nothing: by default, when ``excuse()`` has named
    its process as killed, frozen or sent away.
    """

    def __init__(self, ledger: Ledger, dose: Dose) -> None:
        self.dose = dose
        self.excuses: Callable[[Call], bool] = self._is_excused
        # A busy machine must not fail a test: only a full run looks at the time.
        self.patience_seconds = 2 * SWEEP if dose.is_full else 30.0
        self.resources: resources.Resources | None = None
        self.limits: limits.QueueLimits | None = None
        self._ledger = ledger
        self._excused: set[int] = set()
        self._excused_workflows: set[str] = set()
        self._found: dict[Violation, None] = {}
        self._ended: dict[str, Standing] = {}
        self._newest: datetime | None = None
        self._strict: dict[str, list[tuple[str, int]]] = {}
        self._abandoned: dict[tuple[str, int], float] = {}
        self._looked_at = 0.0

    def excuse(self, pid: int) -> None:
        """Name a process whose calls may come to nothing."""
        self._excused.add(pid)

    def excuse_workflow(self, workflow_id: str) -> None:
        """Name a workflow two executions of which may be in the same step."""
        self._excused_workflows.add(workflow_id)

    def forgive(self, workflow_id: str) -> None:
        """Name a workflow that was resumed or deleted: it has no outcome any more."""
        self._ended.pop(workflow_id, None)
        self._strict.pop(workflow_id, None)

    def note_cancelled(self, workflow_id: str) -> None:
        """Keep what is committed of a workflow whose cancellation has returned."""
        if workflow_id not in self._strict:
            self._strict[workflow_id] = _strict_steps(workflow_id)

    def watching(self) -> AbstractContextManager[None]:
        """Look about every second, in a thread, until the block ends."""
        return beside(self._look_despite_faults)

    def look(self) -> None:
        """Check what holds at every moment."""
        self._look_at_outcomes()
        self._look_at_cancelled()
        self._look_at_abandoned()
        self._ask(query for query in QUERIES if query.is_always)
        self.look_at_resources()

    def look_at_resources(self) -> None:
        """I12, I16, I17, in experiments that say what to look at."""
        for watch in self._watches:
            for excess in watch.look():
                self._find(*excess)

    @property
    def _watches(self) -> list[limits.QueueLimits | resources.Resources]:
        return [each for each in (self.limits, self.resources) if each is not None]

    def verify(self, expected: Mapping[str, Ended]) -> None:
        """Judge the end; fail with all that was found, and the seed."""
        self._fill(expected)
        self._look_at_outcomes()
        self._ask(QUERIES)
        self._compare_outcomes()
        self._compare_cancelled()
        self.look_at_resources()
        for invariant in self._checked():
            self.dose.report.violations[invariant] += 0
        for violation in self._found:
            self.dose.report.violations[violation.invariant] += 1
        assert not self._found, "\n".join(
            [*map(str, self._found), f"CHAOS_SEED={self.dose.seed} repeats it."]
        )

    def _checked(self) -> set[str]:
        """Return the promises that this experiment looks at."""
        watched = {promise for each in self._watches for promise in each.promises}
        return {*PROMISES} - {*limits.PROMISES, *resources.PROMISES} | watched

    def _is_excused(self, call: Call) -> bool:
        is_resumed = call.workflow_id in self._excused_workflows
        return call.pid in self._excused or is_resumed

    def _find(self, invariant: str, where: str, what: str) -> None:
        self._found[Violation(invariant, where, what)] = None

    def _look_despite_faults(self) -> float:
        began_at = time.monotonic()
        try:
            self.look()
        except (DatabaseError, InterfaceError):
            self._abandoned.clear()
            self.dose.count("looks in vain")
            connection.close()
        return max(LOOK_SECONDS, CALM * (time.monotonic() - began_at))

    def _ask(self, queries: Iterable[Query]) -> None:
        with connection.cursor() as cursor:
            for query in queries:
                cursor.execute(query.statement)
                for where, what in cursor.fetchall():
                    self._find(query.invariant, where, f"{what} ({query.promise})")

    def _look_at_outcomes(self) -> None:
        """I4: keep new outcomes; a change of one that is known is a violation."""
        rows = Workflow.objects.filter(status__in=TERMINAL)
        if self._newest is not None:
            rows = rows.filter(changed_at__gte=self._newest - timedelta(seconds=10))
        for pk, *fields in rows.values_list("pk", *Standing._fields):
            self._keep_outcome(pk, Standing(*fields))

    def _keep_outcome(self, pk: str, found: Standing) -> None:
        known = self._ended.setdefault(pk, found)
        if known != found:
            self._find("I4", pk, f"was {known}, and became {found}")
        self._newest = max(self._newest or found.changed_at, found.changed_at)

    def _compare_outcomes(self) -> None:
        rows = Workflow.objects.values_list("pk", *Standing._fields)
        found = {pk: Standing(*fields) for pk, *fields in rows.iterator()}
        for pk, known in self._ended.items():
            if found.get(pk) != known:
                self._find("I4", pk, f"was {known}, and became {found.get(pk)}")

    def _look_at_cancelled(self) -> None:
        """I8: keep what is committed of cancelled workflows."""
        for pk, standing in list(self._ended.items()):
            if standing.status == Status.CANCELLED:
                self.note_cancelled(pk)

    def _compare_cancelled(self) -> None:
        for pk, known in self._strict.items():
            found = _strict_steps(pk)
            if found != known:
                self._find("I8", pk, f"had {known} when cancelled, and now {found}")

    def _look_at_abandoned(self) -> None:
        """I11: a workflow that a dead worker holds is soon taken over."""
        now = time.monotonic()
        limit = Worker.objects.database_now() - timedelta(seconds=LEASE)
        live = Worker.objects.filter(
            state__in=Worker.LIVE_STATES, heartbeat_at__gte=limit
        )
        workers = set(live.values_list("pk", flat=True))
        rows = Workflow.objects.filter(status=Status.PENDING)
        held = rows.values_list("pk", "claim", "worker_id")
        left = {(pk, claim) for pk, claim, holder in held if holder not in workers}
        is_continuous = bool(workers) and now - self._looked_at < 3 * LOOK_SECONDS
        before = self._abandoned if is_continuous else {}
        self._abandoned = {key: before.get(key, now) for key in left}
        self._looked_at = now
        for (pk, claim), since in self._abandoned.items():
            if now - since > self.patience_seconds:
                self._find("I11", pk, f"is still held under claim {claim}")

    def _fill(self, expected: Mapping[str, Ended]) -> None:
        """Put the ledger and what is expected where SQL can compare them."""
        calls = self._ledger.calls()
        self._excuse_who_lost_a_lease({call.pid for call in calls})
        is_database_well = self.excuses == self._is_excused
        rows = [
            (*astuple(call)[:4], self.excuses(call), is_database_well) for call in calls
        ]
        ends = [
            (pk, ended.status, serialization.dumps(ended.result, where="result"))
            for pk, ended in expected.items()
        ]
        self.dose.count("workflows", Workflow.objects.count())
        self.dose.count("calls", len(calls))
        columns = (
            "place text, workflow_id text, claim bigint, attempt int,"
            " is_excused boolean, is_database_well boolean"
        )
        _make_table("chaos_call", columns, rows)
        columns = "workflow_id text, status text, output text"
        _make_table("chaos_expected", columns, ends)

    def _excuse_who_lost_a_lease(self, pids: set[int]) -> None:
        """A worker that was too slow for its lease has lost its work as well."""
        dead = Worker.objects.filter(state=Worker.State.DEAD, pid__in=pids)
        late = set(dead.values_list("pid", flat=True)) - self._excused
        self.dose.count("other lost leases", len(late))
        self._excused |= late


def _strict_steps(workflow_id: str) -> list[tuple[str, int]]:
    steps = Step.objects.filter(workflow_id=workflow_id, kind__in=STRICT)
    return sorted(steps.values_list("branch", "step_id"))


def _make_table(name: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {name}")
        cursor.execute(f"CREATE TEMPORARY TABLE {name} ({columns})")
        marks = ", ".join(["%s"] * len(columns.split(",")))
        for start in range(0, len(rows), 1000):
            cursor.executemany(
                f"INSERT INTO {name} VALUES ({marks})", rows[start : start + 1000]
            )
        first = columns.partition(" ")[0]
        cursor.execute(f"CREATE INDEX {name}_{first} ON {name} ({first})")
        if connection.vendor == "postgresql":
            cursor.execute(f"ANALYZE {name}")
