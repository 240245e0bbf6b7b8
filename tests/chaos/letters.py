"""Senders in long transactions, and workflows that suspend before each message."""

import asyncio
import random
import threading
import time
from collections import Counter

from django.db import connections, transaction

import django_durable as durable
from tests.chaos.talk import heard
from tests.journeys import ledger

TOPICS = "left", "right"
# A transaction takes so many letters at most, and so long beside its statements.
MOST_AT_ONCE = 4
LONGEST_SECONDS = 0.03
# In one round of so many, one transaction of one sender stays open for so long: those
# it writes to hear from others, and suspend again, in the meantime.
LONG_EVERY = 20
LONG_SENDER = "a"
LONG_SECONDS = 1.2
# Of the transactions, so many are rolled back and made again.
ROLLED_BACK = 0.1


@durable.workflow
def inbox(totals):
    """Receive so many letters on one topic; return how many, and what was heard."""
    ((topic, total),) = totals
    return [heard([durable.recv(topic) for _ in range(total)])]


@durable.workflow
def mixed_inbox(totals):
    """Receive so many letters on each topic, whichever comes first."""
    waits = [durable.on_message(topic) for topic, _ in totals]
    found = [[] for _ in totals]
    for _ in range(sum(total for _, total in totals)):
        winner, message = durable.first_of(*waits)
        found[waits.index(winner)].append(message)
    return [heard(messages) for messages in found]


@durable.workflow
async def ainbox(totals):
    """Receive so many letters on each topic, side by side."""

    async def receive(topic, total):
        return heard([await durable.arecv(topic) for _ in range(total)])

    return await asyncio.gather(*(receive(*each) for each in totals))


BOXES = inbox, mixed_inbox, ainbox


@durable.workflow
def outbox(name, letters):
    """Send letters, each with a step of its own."""
    for destination, topic, number in letters:
        durable.send(destination, [name, number], topic)


@durable.workflow
async def aoutbox(name, letters):
    """Do as ``outbox`` does, in async code."""
    for destination, topic, number in letters:
        await durable.asend(destination, [name, number], topic)


def topics_of(box):
    """Return the topics of an inbox: one or both."""
    return TOPICS[: 1 if BOXES[box % len(BOXES)] is inbox else 2]


class Plan:
    """What one sender writes in each round: destination, topic and number.

    The numbers are those of the sender's letters to this destination and topic.
    """

    def __init__(self, seed, sender, boxes, letters):
        self._chance = random.Random(f"{seed} {sender}")
        self._boxes = boxes
        self._letters = letters
        self._sent = Counter()

    def round(self):
        """Return the letters of the next round."""
        return [self._letter() for _ in range(self._letters)]

    def _letter(self):
        box = self._chance.randrange(self._boxes)
        place = f"inbox-{box}", self._chance.choice(topics_of(box))
        self._sent[place] += 1
        return [*place, self._sent[place] - 1]


def post(seed, senders, rounds, boxes, letters):
    """Be some senders, each in a thread: write in each round that is opened."""
    threads = [
        threading.Thread(target=Sender(seed, name, boxes, letters).run, args=[rounds])
        for name in senders
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Sender:
    """Somebody who writes letters, and notes when they are committed."""

    def __init__(self, seed, name, boxes, letters):
        self._name = name
        self._plan = Plan(seed, name, boxes, letters)
        self._chance = random.Random(f"{seed} {name} pace")

    def run(self, rounds):
        """Write all letters, round by round."""
        for number in range(rounds):
            ledger.pass_gate(f"round-{number}", seconds=300)
            left = self._plan.round()
            if number % LONG_EVERY == 0 and self._name == LONG_SENDER:
                self._post_slowly(left[:MOST_AT_ONCE])
                left = left[MOST_AT_ONCE:]
            while left:
                size = self._chance.randint(1, MOST_AT_ONCE)
                self._post(left[:size])
                left = left[size:]
            ledger.append("done", [number, self._name])
        connections.close_all()

    def _post(self, letters):
        """Send some in one transaction, perhaps at the second attempt."""
        if self._chance.random() < ROLLED_BACK:
            self._send(letters, is_in_vain=True)
        self._send(letters)
        self._note(letters)

    def _post_slowly(self, letters):
        began_at = time.time()
        self._send(letters, seconds=LONG_SECONDS)
        self._note(letters)
        boxes = [destination for destination, _, _ in letters]
        ledger.append("long", [began_at, time.time(), boxes])

    def _note(self, letters):
        moment = time.time()
        for destination, topic, number in letters:
            ledger.append("posted", [destination, topic, self._name, number, moment])

    def _send(self, letters, *, seconds=0.0, is_in_vain=False):
        with transaction.atomic():
            for destination, topic, number in letters:
                durable.send(destination, [self._name, number], topic)
            time.sleep(seconds or self._chance.uniform(0, LONGEST_SECONDS))
            transaction.set_rollback(is_in_vain)
