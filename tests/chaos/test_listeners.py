"""T-40: waits end although nobody can listen to the database any more."""

import time
from collections import Counter

import pytest
from django.db import connection

import django_durable as durable
from tests.chaos import waits
from tests.chaos.checker import Ended
from tests.chaos.fleet import Fleet
from tests.journeys.ledger import lines
from tests.journeys.processes import APPLICATION, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

# Nobody suspends: it is the hub that each wait relies on.
HOT = {"HOT_WAIT": 60.0, "ASYNC_HOT_WAIT": 60.0, "LEASE": 20.0}
SLOTS = "--concurrency=16", "--async-concurrency=16"
# Of the workflows, so many are waited for by threads; by tasks, all of them.
THREADED = 8
# Far beyond a slow look, for a busy machine; without any look nothing would end.
PATIENCE_SECONDS = 20.0


@pytest.mark.chaos("T-40 cut listeners", share=2, server=True)
def test_a_hundred_waits_end_although_their_listeners_are_cut(
    dose, fleet, checker, tmp_path
):
    fleet.start(*SLOTS, **HOT)
    expected, ended = {}, set()

    for number in dose.rounds():
        wanted = Answers(f"round-{number}", 22)
        wanted.await_all(fleet, tmp_path)
        for part in range(3):
            ended |= wait_until(lambda: two_listeners(ended), "two who listen")  # noqa: B023
            cut(ended)
            wanted.send_words(part, 3)
        wanted.arrive(dose, tmp_path)
        expected |= wanted.expected

    dose.count("listeners cut", len(ended))
    checker.verify(expected)


@pytest.fixture
def distant_fleet(proxy, tmp_path):
    """Fork processes that reach the database over a network of the test."""
    with Fleet(tmp_path) as fleet:
        yield fleet


@pytest.mark.chaos("T-41 no LISTEN", share=1, server=True)
def test_waits_end_where_nobody_can_listen(
    dose, proxy, distant_fleet, checker, tmp_path
):
    expected = {}

    for number in dose.rounds(2):
        proxy.is_deaf, proxy.is_silent = number % 2 == 0, number % 2 == 1
        worker = distant_fleet.start(*SLOTS, **HOT)
        wanted = Answers(f"round-{number}", 6)
        wanted.await_all(distant_fleet, tmp_path)
        wanted.send_words(0, 1)
        wanted.arrive(dose, tmp_path)
        worker.kill()
        expected |= wanted.expected

    checker.verify(expected)


class Answers:
    """Workflows that wait for a word inside, and a process that waits for them."""

    def __init__(self, name, count):
        self.expected = {
            f"{name} answerer {number}": Ended(f"word {number}, {name}")
            for number in range(count)
        }
        self._process = None
        self._sent_at = {}

    def await_all(self, fleet, directory):
        """Start workflows and the process; return when all of them wait."""
        for number, pk in enumerate(self.expected):
            definition = (waits.answerer, waits.aanswerer)[number % 2]
            definition.using(workflow_id=pk).start(number)
        for pk in self.expected:
            assert durable.get_event(pk, "ready", timeout=30)
        ids = list(self.expected)
        path = "tests.chaos.waits.wait_for_all"
        self._process = fleet.call(path, ids[:THREADED], ids)
        wait_until(lambda: self._are_open(directory), "open waits", timeout=30)

    def send_words(self, part, parts):
        """Send a part of the words for which the workflows wait."""
        for pk, ended in list(self.expected.items())[part::parts]:
            self._sent_at[pk] = time.time()
            durable.send(pk, ended.result, "word")

    def arrive(self, dose, directory):
        """All answers are right, and came in time."""
        assert self._process.ended(timeout=45) == 0
        late, heard = [], Counter()
        for way, pk, value, moment in lines(directory / "answers"):
            if pk in self.expected:
                assert value == self.expected[pk].result
                late.append(moment - self._sent_at[pk])
                heard[way] += 1
        count = len(self.expected)
        threaded = dict.fromkeys(("event", "result", "stream"), min(THREADED, count))
        assert heard == threaded | dict.fromkeys(
            ("aevent", "aresult", "astream"), count
        )
        dose.count("waits", sum(heard.values()) + count)
        dose.spread("lateness", late)
        assert max(late) < PATIENCE_SECONDS

    def _are_open(self, directory):
        pids = [pid for pid, _ in lines(directory / "open")]
        return self._process.pid in pids


def two_listeners(ended):
    """Return the backends that listen for two processes, None while there are fewer."""
    found = listeners() - ended
    return found if len(found) >= 2 else None


def listeners():
    """Return the backends that listen, of the processes of this experiment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%%'"
            " AND application_name = %s AND datname = current_database()",
            [APPLICATION],
        )
        return {pid for (pid,) in cursor.fetchall()}


def cut(pids):
    """End backends, those that still run."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid = ANY(%s)",
            [list(pids)],
        )
