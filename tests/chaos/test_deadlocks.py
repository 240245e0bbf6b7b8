"""T-26: everybody wants the same rows, some of them in a bad order."""

import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from random import Random
from threading import Thread

import pytest
from django.db import OperationalError, connection, connections, transaction

import django_durable as durable
from django_durable.models import Wait, Worker, Workflow, faults
from django_durable.models.status import ACTIVE
from tests.chaos.checker import Ended
from tests.chaos.fleet import Fleet
from tests.chaos.server import leading_to
from tests.chaos.troubles import family, paying
from tests.journeys.processes import wait_until
from tests.models import Account

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 16
# Of each kind, at a time.
MANY = 6
# A deadlock is found by whoever has waited so long; so soon, that all find some.
HASTE = "-c deadlock_timeout=20ms"


@pytest.fixture
def hasty(dose, transactional_db):
    """Let every connection look for deadlocks early."""
    options = connection.settings_dict["OPTIONS"]
    with leading_to({"OPTIONS": {**options, "options": HASTE}}):
        yield


@pytest.fixture
def fleet(hasty, tmp_path):
    """Fork workers that look for deadlocks early."""
    with Fleet(tmp_path) as fleet:
        yield fleet


@pytest.mark.chaos("T-26 deadlock bait", share=1, server=True)
def test_nobody_is_the_victim_of_a_deadlock_for_good(dose, fleet, checker):
    crowd, before = Crowd(dose), deadlocks()
    checker.excuses = lambda call: True
    workers = [fleet.start("--concurrency=8", is_ready=True) for _ in range(2)]

    crowd.act()
    crowd.let_all_end()

    assert [worker.is_running for worker in workers] == [True, True]
    assert crowd.errors == []
    fleet.close()
    dose.count("deadlocks", deadlocks() - before)
    checker.verify(crowd.expected)
    crowd.assert_all_was_paid()


class Crowd:
    """Threads that do to the same few workflows whatever can be done to them."""

    def __init__(self, dose):
        self.expected = {}
        self.errors = []
        self._dose = dose
        self._chances = [Random(dose.chance.random()) for _ in range(THREADS)]
        self._targets = []
        self._is_over = threading.Event()
        self._accounts = [Account.objects.create().pk for _ in range(4)]
        self._payments = Counter()
        self._lock = threading.Lock()

    def act(self):
        """Act for the length of the dose."""
        threads = [Thread(target=self._run, args=[chance]) for chance in self._chances]
        self._feed()
        for thread in threads:
            thread.start()
        for _ in self._dose.beats(0.1, tiny=1.2):
            self._feed()
        self._is_over.set()
        for thread in threads:
            thread.join()

    def let_all_end(self):
        """Resume whatever was cancelled, until nothing is left to do."""
        wait_until(self._has_all_ended, "everything ends", timeout=60)

    def assert_all_was_paid(self):
        """Each transfer has happened once."""
        balances = dict(Account.objects.values_list("pk", "balance"))
        assert balances == {pk: self._payments[pk] for pk in self._accounts}

    def _feed(self):
        """Keep some families and payments under way."""
        roots = Workflow.objects.filter(parent=None, status__in=ACTIVE)
        for _ in range(max(0, MANY - roots.count())):
            number = len(self.expected)
            giver, taker = self._dose.chance.sample(self._accounts, 2)
            results = [number + n for n in (1, 2, 3, 4)]
            self._start(family, f"family-{number}", [number], results)
            self._start(paying, f"payment-{number}", [giver, taker], None)
            self._payments.update({giver: -2, taker: 2})
        latest = list(self.expected)[-3:]  # Should fewer than three be under way.
        ids = list(dict.fromkeys([*roots.values_list("pk", flat=True), *latest]))
        families = [pk for pk in ids if pk.startswith("family")]
        self._targets = [*ids, *(f"{pk}/{n}" for pk in families for n in (1, 2, 3))]

    def _start(self, definition, workflow_id, arguments, result):
        definition.using(workflow_id=workflow_id).start(*arguments)
        self.expected[workflow_id] = Ended(result)

    def _run(self, chance):
        try:
            while not self._is_over.is_set():
                self._act_once(chance)
        except Exception as error:
            self.errors.append(error)
        finally:
            connections.close_all()

    def _act_once(self, chance):
        act = chance.choice(ACTS)
        ids = [pk for pk in self._targets if "/" not in pk or act is lock_rows]
        with suppress(durable.InvalidTransition):
            act(chance.sample(ids, 3), chance)
            with self._lock:
                self._dose.count(act.__name__)

    def _has_all_ended(self):
        cancelled = Workflow.objects.filter(parent=None, status="CANCELLED")
        for pk in cancelled.values_list("pk", flat=True):
            durable.resume_workflow(pk)
        return not Workflow.objects.filter(status__in=(*ACTIVE, "CANCELLED")).exists()


def cancel(ids, chance):
    """Cancel one; what a cancellation has to wait for may wait for another."""
    durable.cancel_workflow(ids[0])


def resume(ids, chance):
    """Let one go on."""
    durable.resume_workflow(ids[0])


def recover(ids, chance):
    """Do what every worker does behind its heartbeats."""
    Worker.objects.declare_dead()
    Workflow.objects.requeue_abandoned()
    Wait.objects.wake_met()
    Workflow.objects.wake_due()


def lock_rows(ids, chance):
    """Be a user's transaction: lock rows in any order, cancel, and retry nothing."""
    roots = [pk for pk in ids if "/" not in pk]
    with expecting_conflicts(), transaction.atomic():
        for pk in ids:
            Workflow.objects.select_for_update().filter(pk=pk).first()
            time.sleep(0.01)
        if roots and chance.random() < 0.3:
            durable.cancel_workflow(roots[0])


@contextmanager
def expecting_conflicts():
    """Let a block be a victim."""
    try:
        yield
    except OperationalError as error:
        if faults.classify(error) is not faults.Fault.CONFLICT:
            raise


ACTS = (cancel, resume, resume, recover, lock_rows, lock_rows)


def deadlocks():
    """Return how many deadlocks the server has ended."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
        return cursor.fetchone()[0]
