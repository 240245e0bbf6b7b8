"""What the races are about: small workflows, and what is asked of them."""

from datetime import UTC, datetime

from django.db import connections

import django_durable as durable
from django_durable.models import Attempt, Step, Wait, Worker, Workflow
from django_durable.models.claims import Claimed
from tests.crash.crasher import USING
from tests.crash.driver import Driver
from tests.emptying import empty
from tests.models import Entry

CODE = __name__
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
calls: list[str] = []


@durable.step
def note(text: str) -> str:
    calls.append(text)
    return text


@durable.transaction
def write(key: str) -> str:
    calls.append(key)
    Entry.objects.create(key=key)
    return key


@durable.workflow
def writing() -> str:
    return note("a") + write("b") + note("c") + write("d")


@durable.workflow
def noting() -> str:
    return note("a") + note("b")


@durable.workflow
def napping() -> str:
    durable.sleep(3600)
    return write("slept")


@durable.workflow
def child() -> str:
    return write("child")


@durable.workflow
def starting() -> str:
    return child.start().get_result()


@durable.workflow
def calling() -> str:
    return child()


def name_of(definition) -> str:
    return definition.__name__


def clean() -> None:
    empty(connections[USING], (Attempt, Step, Wait, Workflow, Entry))
    calls.clear()


def queue(definition, pk="w") -> None:
    clean()
    definition.using(workflow_id=pk).start()


def claim(driver: Driver) -> Claimed:
    """Take the one workflow that is ready."""
    (claimed,) = driver.claim()
    return claimed


def cancel() -> list[str] | None:
    """Cancel; return the business rows that stood when that had returned."""
    took = Workflow.objects.cancel_one("w")
    return sorted(Entry.objects.values_list("key", flat=True)) if took else None


def entries() -> list[str]:
    return sorted(Entry.objects.values_list("key", flat=True))


def row(pk: str = "w") -> Workflow:
    return Workflow.objects.get(pk=pk)


def let_die(driver: Driver) -> None:
    Worker.objects.filter(pk=driver.worker_id).update(heartbeat_at=LONG_AGO)


def take_over(old: Driver, new: Driver) -> list[Claimed]:
    """Declare one worker dead and give its workflows to another."""
    let_die(old)
    Worker.objects.declare_dead()
    Workflow.objects.requeue_abandoned()
    return new.claim()
