"""T-38: nobody is left waiting for a message that is there."""

import time
from collections import Counter
from datetime import UTC, datetime

import pytest
from django.db import connection

from django_durable import serialization
from django_durable.models import Notification, Step, Wait, Workflow
from tests.chaos import letters
from tests.chaos.checker import Ended
from tests.journeys.ledger import lines
from tests.journeys.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

# The default. The workers' own sweep never comes: what it would repair, shows.
SWEEP_SECONDS = 10.0
COLD = {"HOT_WAIT": 0, "ASYNC_HOT_WAIT": 0, "SWEEP": 3600.0, "LEASE": 20.0}
# Two processes of two threads send, beside workflows; two more processes receive.
SENDERS = ("a", "b"), ("c", "d")
LETTERS = 12
# With fifty boxes a round has 60 messages, all rounds have 5,040.
ROUNDS = 84


@pytest.mark.chaos("T-38 wake-ups", share=15)
def test_every_message_wakes_its_receiver_without_a_sweep(
    dose, fleet, checker, ledger, tmp_path
):
    rounds = dose.amount(4, ROUNDS, fits=int(dose.slice))
    post = Post(dose.seed, dose.pick(6, 50), rounds)
    for _ in SENDERS:
        fleet.start("--concurrency=4", "--async-concurrency=4", **COLD)
    post.open_boxes()
    for names in SENDERS:
        fleet.call("tests.chaos.letters.post", post.seed, names, *post.size)

    swept = 0
    for number in range(post.rounds):
        wait_until(are_asleep, "all receivers asleep", timeout=60)
        ledger.open(f"round-{number}")
        post.send_from_workflow(number)
        wait_until(lambda: have_sent(tmp_path, number), "all sent", timeout=60)  # noqa: B023
        swept += arrive()

    wait_until(lambda: not Workflow.objects.active().exists(), "the end", timeout=30)
    waited, meanwhile = waits(tmp_path), received_meanwhile(tmp_path)
    dose.count("messages", Notification.objects.count())
    dose.count("left to the sweep", swept)
    dose.count("received beside long transactions", sum(meanwhile))
    dose.note("longest wait", f"{max(waited):.2f} s")
    dose.spread("waits", waited)
    checker.verify(post.expected)
    assert swept == 0
    assert max(waited) < SWEEP_SECONDS
    if connection.features.has_select_for_update:  # Else writers wait for each other.
        assert any(meanwhile)


class Post:
    """Who writes to whom, and what is to arrive."""

    def __init__(self, seed, boxes, rounds):
        self.seed = seed
        self.rounds = rounds
        self.size = rounds, boxes, LETTERS
        self.expected = {}
        self._arrivals = Counter()
        self._workflows = [
            letters.Plan(seed, f"workflow-{number}", boxes, LETTERS).round()
            for number in range(rounds)
        ]
        for number, plan in enumerate(self._workflows):
            self._count(f"workflow-{number}", plan)
        for name in [*SENDERS[0], *SENDERS[1]]:
            plan = letters.Plan(seed, name, boxes, LETTERS)
            for _ in range(rounds):
                self._count(name, plan.round())
        for number in range(boxes):
            self.expected[f"inbox-{number}"] = Ended(self._heard(number))

    def open_boxes(self):
        """Start the receivers."""
        for number, (box, ended) in enumerate(self.expected.items()):
            definition = letters.BOXES[number % len(letters.BOXES)]
            totals = [sum(len(each) for _, each in said) for said in ended.result]
            pairs = list(zip(letters.topics_of(number), totals, strict=True))
            definition.using(workflow_id=box).start(pairs)

    def send_from_workflow(self, number):
        """Start a workflow that is one more sender of a round."""
        name = f"workflow-{number}"
        definition = (letters.outbox, letters.aoutbox)[number % 2]
        definition.using(workflow_id=name).start(name, self._workflows[number])
        self.expected[name] = Ended(None)

    def _count(self, name, plan):
        for destination, topic, _ in plan:
            self._arrivals[destination, topic, name] += 1

    def _heard(self, number):
        """Return what an inbox hears: on each topic, of each sender, in order."""
        said = {topic: [] for topic in letters.topics_of(number)}
        for (box, topic, name), count in sorted(self._arrivals.items()):
            if box == f"inbox-{number}":
                said[topic].append([name, list(range(count))])
        return list(said.values())


def have_sent(directory, number):
    """Tell whether all senders have done their part of a round."""
    done = {name for round_, name in lines(directory / "done") if round_ == number}
    workflow = Workflow.objects.get(pk=f"workflow-{number}")
    return len(done) == sum(map(len, SENDERS)) and workflow.status == "SUCCESS"


def are_asleep():
    """Tell whether nothing is on its way: whoever has not ended waits."""
    return not Workflow.objects.active().exclude(status="WAITING").exists()


def arrive():
    """Wait until all that was sent is received; return how many a sweep had to wake."""
    unread = Notification.objects.filter(consumed_by=None)
    give_up_at = time.monotonic() + SWEEP_SECONDS
    while unread.exists() and time.monotonic() < give_up_at:
        time.sleep(0.02)
    return Wait.objects.wake_met() if unread.exists() else 0


def received_meanwhile(directory):
    """Return how much those heard from others to whom a long transaction wrote."""
    receipts = Step.objects.filter(kind__in=["recv", "first_of"])
    found = []
    for *moments, boxes in lines(directory / "long"):
        span = [datetime.fromtimestamp(moment, UTC) for moment in moments]
        heard = receipts.filter(workflow_id__in=boxes, completed_at__range=span)
        found.append(heard.count())
    return found


def waits(directory):
    """Return the seconds from each commit to the receipt."""
    posted = {tuple(place): moment for *place, moment in lines(directory / "posted")}
    steps = Step.objects.filter(kind__in=["recv", "first_of"])
    places = steps.values_list("workflow_id", "branch", "step_id", "completed_at")
    received = {tuple(place): moment for *place, moment in places}
    found = []
    for letter in Notification.objects.iterator():
        sender, number = serialization.loads(letter.message)
        place = letter.destination_id, letter.topic, sender, number
        # A workflow commits what it sends at the time that the message bears.
        sent_at = posted.get(place, letter.sent_at.timestamp())
        place = letter.destination_id, letter.consumed_branch, letter.consumed_by
        found.append(received[place].timestamp() - sent_at)
    return found
