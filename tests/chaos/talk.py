"""Workflows that talk while processes die, and who talks with them from outside."""

import asyncio
from collections import defaultdict

import django_durable as durable
from tests.journeys import ledger

# In a round, a talker says so much in its body, and as much in a step.
VALUES = 10
# Far beyond any experiment: the other side must not change who wins.
LONG_SECONDS = 3600
# A sender that was killed begins again so many messages before it had come.
BACK = 3


@durable.step
def chat(number, gate=None):
    """Write to a stream from the inside of a step, once the gate is open."""
    with ledger.call():
        if gate is not None:
            ledger.pass_gate(gate)
        for part in range(VALUES):
            durable.write_stream("chat", [number, part])
    return number


@durable.step
async def achat(number, gate=None):
    """Do as ``chat`` does, in async code."""
    with ledger.call():
        if gate is not None:
            await asyncio.to_thread(ledger.pass_gate, gate)
        for part in range(VALUES):
            await durable.awrite_stream("chat", [number, part])
    return number


@durable.workflow
def talker(listener, rounds, gate):
    """In each round: a message, events, values of a stream, and a step's as well.

    The last step waits for the gate: nobody is done while others still die.
    """
    for number in range(rounds):
        durable.send(listener, [durable.workflow_id(), number])
        durable.set_event(f"event-{number}", number)
        durable.set_event("latest", number)
        for part in range(VALUES):
            durable.write_stream("said", number * VALUES + part)
        chat(number, gate if number == rounds - 1 else None)
    durable.close_stream("said")


@durable.workflow
async def atalker(listener, rounds, gate):
    """Do as ``talker`` does, in async code."""
    for number in range(rounds):
        await durable.asend(listener, [durable.workflow_id(), number])
        await durable.aset_event(f"event-{number}", number)
        await durable.aset_event("latest", number)
        for part in range(VALUES):
            await durable.awrite_stream("said", number * VALUES + part)
        await achat(number, gate if number == rounds - 1 else None)
    await durable.aclose_stream("said")


@durable.workflow
def listener(total, topic=None):
    """Receive; return what each sender has said, in the order of its arrival."""
    return heard([durable.recv(topic) for _ in range(total)])


@durable.workflow
async def alistener(total, topic=None):
    """Do as ``listener`` does, in async code."""
    return heard([await durable.arecv(topic) for _ in range(total)])


@durable.workflow
def chooser(total):
    """Do as ``listener`` does, by waiting for whichever comes first."""
    waits = durable.on_timer(LONG_SECONDS), durable.on_message()
    return heard([durable.first_of(*waits)[1] for _ in range(total)])


@durable.workflow
async def achooser(total):
    """Do as ``chooser`` does, in async code."""
    waits = durable.on_timer(LONG_SECONDS), durable.on_message()
    return heard([(await durable.afirst_of(*waits))[1] for _ in range(total)])


@durable.workflow
def watcher(talker_id, rounds):
    """Read a talker's events, and its stream to the end."""
    seen = [
        durable.get_event(talker_id, f"event-{number}", timeout=None)
        for number in range(rounds)
    ]
    stream = durable.read_stream(talker_id, "said")
    return seen, list(stream)


@durable.workflow
async def awatcher(talker_id, rounds):
    """Do as ``watcher`` does, in async code."""
    seen = [
        await durable.aget_event(talker_id, f"event-{number}", timeout=None)
        for number in range(rounds)
    ]
    stream = durable.aread_stream(talker_id, "said")
    return seen, [value async for value in stream]


def heard(messages):
    """Sort messages by their senders; nothing else of their order is promised."""
    found = defaultdict(list)
    for sender, number in messages:
        found[sender].append(number)
    return [[sender, numbers] for sender, numbers in sorted(found.items())]


def everything(senders, count):
    """Return what ``heard()`` makes of all that some senders have to say."""
    return [[sender, list(range(count))] for sender in sorted(senders)]


def speak(name, destination, count):
    """Send messages, each once however often this begins anew, and in order."""
    said = progress(name)
    for number in range(max(0, len(said) - BACK), count):
        key = f"{name} {number}"
        durable.send(destination, [name, number], idempotency_key=key)
        if number >= len(said):
            ledger.append(name, [number])


def follow(name, workflow_id, key):
    """Read a stream from where this reader stands; write down what comes."""
    reader = durable.read_stream(workflow_id, key, offset=len(progress(name)))
    for value in reader:
        ledger.append(name, [reader.offset - 1, value])
    ledger.append(f"{name} end", [reader.offset, reader.closed])


def afollow(name, workflow_id, key):
    """Do as ``follow`` does, in async code."""

    async def read():
        reader = durable.aread_stream(workflow_id, key, offset=len(progress(name)))
        async for value in reader:
            ledger.append(name, [reader.offset - 1, value])
        ledger.append(f"{name} end", [reader.offset, reader.closed])

    asyncio.run(read())


def ask(name, workflow_id, rounds):
    """Wait for a talker's events, one after the other; write down what they are."""
    for number in range(len(progress(name)), rounds):
        value = durable.get_event(workflow_id, f"event-{number}", timeout=None)
        ledger.append(name, [number, value])


def progress(name):
    """Return what a process of this name has written down so far."""
    return list(ledger.lines(ledger.directory() / name))
