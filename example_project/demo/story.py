"""The story: an order, a killed worker, and the worker that takes over."""

import secrets
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.urls import reverse

import django_durable as durable
from django_durable.models import Schedule
from example_project.demo.evidence import (
    answered_call,
    check_story,
    has_ended,
    has_status,
    unanswered_call,
    was_asked_again,
)
from example_project.demo.narrator import Narrator
from example_project.demo.outsiders import Outsider
from example_project.demo.processes import ManagedProcess, free_port
from example_project.demo.shopper import Shopper
from example_project.orders.models import Order, ServiceCall
from example_project.orders.progress import RecordedStep, recorded_steps
from example_project.seed.week import CannotSeed, live_through


class StoryFailed(Exception):
    """Something went otherwise than told; the message says what."""


def tell(directory: Path, *, ignores_database: bool) -> int:
    """Tell the story, with processes of its own, and return the exit code."""
    story = Story(Narrator())
    try:
        story.prepare(directory, ignores_database=ignores_database)
        story.play()
        story.stay()
    # What goes wrong over HTTP is an OSError.
    except (StoryFailed, OSError) as failure:
        # Ended processes have said everything that they had to say.
        story.stop_processes()
        story.fail(str(failure))
        return 1
    finally:
        story.stop_processes()
    return 0


class Story:
    """The acts, in order."""

    order: Order

    def __init__(self, narrator: Narrator) -> None:
        self.narrator = narrator
        self.processes: list[ManagedProcess] = []
        self.address = f"http://127.0.0.1:{free_port()}"
        self.password = secrets.token_urlsafe(6)
        self.shopper = Shopper(self.address)

    def prepare(self, directory: Path, *, ignores_database: bool) -> None:
        """Make a database, an operator and a site."""
        self.narrator.title("An order that survives the death of its worker")
        self.narrator.say(f"A fresh SQLite database is made in {directory}.")
        if ignores_database:
            self.narrator.fact("(DATABASE_URL is set, and is left alone.)")
        call_command("migrate", verbosity=0)
        get_user_model().objects.create_superuser("admin", password=self.password)

        site = self._start("site", "runserver", "--noreload", self.address[7:])
        self._wait_for(self.shopper.can_reach_site, "the site to answer")
        self.narrator.say(f"The shop is open at {self.address} (process {site.pid}).")

    def play(self) -> None:
        """Interrupt an order's fulfilment and see it through."""
        first_worker = self._start_worker(1)
        self._place_order()
        self._approve_the_order()
        interrupted, recorded = self._kill_in_the_middle(first_worker)
        killed_at = time.monotonic()

        self._start_worker(2)
        self._see_the_takeover(interrupted, killed_at)
        self._deliver_the_parcel()
        self._see_the_end(known=len(recorded))
        self._verify(recorded, interrupted)
        self._tell_of_the_schedule()

    def stay(self) -> None:
        """Keep everything running for a person at a terminal, until Ctrl-C."""
        if not self.narrator.is_terminal:
            self.narrator.say("Nobody is watching a terminal: everything is stopped.")
            return
        self._live_through_a_week()
        self.narrator.title("The shop stays open until you press Ctrl-C")
        self.narrator.fact(f"order something   {self.address}/")
        self.narrator.fact(f"this order        {self._order_url()}")
        self.narrator.fact(f"ask for advice    {self.address}/advice/")
        self.narrator.fact(f"the console       {self.address}/admin/django_durable/")
        self.narrator.fact(f"log in as         admin, password {self.password}\n")
        with _until_interrupted():
            while all(process.is_alive for process in self.processes):
                time.sleep(0.5)
            raise StoryFailed("A process has ended.")

    def _live_through_a_week(self) -> None:
        """Fill the console, while no worker would take part in it."""
        self.narrator.title("A week of the shop, in a few seconds, for the console")
        self.processes.pop().stop()
        try:
            made = live_through()
        except CannotSeed as problem:
            raise StoryFailed(f"The week cannot begin: {problem}.") from None
        self.narrator.say(f"{made} workflows are there to be looked at:")
        self.narrator.fact("failed, cancelled, paused, stranded and waiting ones too.")
        self._start_worker(3)

    def fail(self, reason: str) -> None:
        """Say what went wrong, and what was not quoted while it happened."""
        for process in self.processes:
            if not process.is_quoted:
                for line in process.last_lines:
                    self.narrator.quote(process.name, line)
        self.narrator.complain(reason)

    def stop_processes(self) -> None:
        """End every process that was started, whatever happened."""
        # Impatience must not leave one behind.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for process in reversed(self.processes):
            process.stop()

    def _start(
        self, name: str, *arguments: str, on_line: Callable[[str], None] | None = None
    ) -> ManagedProcess:
        process = ManagedProcess(name, *arguments, on_line=on_line)
        self.processes.append(process)
        return process

    def _start_worker(self, number: int) -> ManagedProcess:
        name = f"worker {number}"
        worker = self._start(
            name,
            "run_workflows",
            on_line=lambda line: self.narrator.quote(name, line),
        )
        self.narrator.say(f"Worker {number} starts (process {worker.pid}).")
        return worker

    def _place_order(self) -> None:
        answer = self.shopper.place_order(
            customer="Ada", payment="good", kettle=1, tea=2
        )
        self.order = Order.objects.get(pk=answer["id"])
        self.narrator.say("Ada orders a kettle and two bags of tea over HTTP.")
        self.narrator.fact(
            f"{self.order} and its workflow {self.order.workflow_id}"
            " were stored in one transaction."
        )

    def _approve_the_order(self) -> None:
        self._wait_for(lambda: answered_call("fraud check"), "the fraud checker")
        self.narrator.say("The workflow waits for a message of the fraud checker.")
        path = reverse("fraud-check-webhook", args=[self.order.pk])
        checker = Outsider(self.address, "fraud_check")
        # Its network is bad: it does not know that its first notice has arrived.
        for _ in range(2):
            checker.report(path, event_id="verdict-1", approved=True, risk_score=0.1)
        self.narrator.say(
            "The fraud checker approves it over HTTP, and posts its notice twice."
        )

    def _deliver_the_parcel(self) -> None:
        self._wait_for(
            lambda: has_status(self.order, Order.Status.SHIPPED), "the parcel to leave"
        )
        self.narrator.say("The parcel is shipped, the workflow waits for the carrier.")
        events = durable.get_events(self.order.workflow_id)
        self.narrator.fact(f"It has published {events['tracking_url']}")
        path = reverse("carrier-webhook", args=[self.order.pk])
        carrier = Outsider(self.address, "carrier")
        carrier.report(path, event_id="delivery-1", delivered=True)
        self.narrator.say("The carrier reports over HTTP that Ada has her parcel.")

    def _kill_in_the_middle(
        self, worker: ManagedProcess
    ) -> tuple[ServiceCall, list[RecordedStep]]:
        self._wait_for(lambda: unanswered_call("payment"), "the bank to be asked")
        # The call has left the building, its answer has not come back.
        time.sleep(settings.ORDERS_SERVICE_DELAY / 3)
        worker.kill()
        self.processes.remove(worker)
        interrupted = unanswered_call("payment")
        if interrupted is None:
            raise StoryFailed("The bank answered before the worker could be killed.")

        recorded = recorded_steps(self.order)
        self.narrator.say("Worker 1 has asked the bank for the money: kill -9.")
        self.narrator.fact("What it had recorded until then:")
        self._list(recorded)
        self.narrator.fact(
            f"    {len(recorded) + 1}  charge_customer: in the middle, nothing recorded"
        )
        return interrupted, recorded

    def _see_the_takeover(self, interrupted: ServiceCall, killed_at: float) -> None:
        self._wait_for(
            lambda: was_asked_again(interrupted), "the second worker to take over"
        )
        seconds = time.monotonic() - killed_at
        self.narrator.say(
            f"Worker 2 has taken over, {seconds:.1f} s after the kill,"
            " and asks the bank again."
        )
        self.narrator.fact(
            f"(Nobody had heard of worker 1 for {settings.DURABLE['LEASE']:g} s:"
            " its lease had run out.)"
        )

    def _see_the_end(self, *, known: int) -> None:
        self._wait_for(lambda: has_ended(self.order.workflow_id), "the workflow to end")
        self.order.refresh_from_db()
        self.narrator.say("The workflow has ended. Worker 2 has recorded:")
        self._list(recorded_steps(self.order)[known:])

    def _verify(self, recorded: list[RecordedStep], interrupted: ServiceCall) -> None:
        self.narrator.title("What the database and the services' ledger say")
        refuted = []
        for holds, statement in check_story(self.order, recorded, interrupted):
            if holds:
                self.narrator.confirm(statement)
            else:
                self.narrator.complain(statement)
                refuted.append(statement)
        if refuted:
            raise StoryFailed(f"Not true: {'; '.join(refuted)}.")
        self.narrator.title("Nothing was lost, and nothing was done twice.")

    def _tell_of_the_schedule(self) -> None:
        report = Schedule.objects.get(name="morning-report")
        (next_at,) = report.upcoming(1)
        self.narrator.say("Worker 2 also has the sales report written on a schedule.")
        due = f"{next_at:%A, %Y-%m-%d %H:%M %Z}"
        self.narrator.fact(f"{report.in_words}, next on {due}.")

    def _list(self, steps: list[RecordedStep]) -> None:
        for step in steps:
            self.narrator.fact(f"    {step.number}  {step.name}")

    def _order_url(self) -> str:
        return f"{self.address}{self.order.get_absolute_url()}"

    def _wait_for(
        self, condition: Callable[[], object], what: str, *, seconds: float = 30
    ) -> None:
        give_up_at = time.monotonic() + seconds
        while not condition():
            for process in self.processes:
                if not process.is_alive:
                    raise StoryFailed(f"The {process.name} ended by itself.")
            if time.monotonic() > give_up_at:
                raise StoryFailed(f"Waited {seconds:g} s for {what}, in vain.")
            time.sleep(0.05)


@contextmanager
def _until_interrupted() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        print()
