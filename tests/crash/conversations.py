"""What the crash tests run: workflows that talk to each other.

Each exists twice, as a ``def`` and as an ``async def``.
"""

from datetime import timedelta
from typing import Any

import django_durable as durable
from tests.crash.definitions import enter
from tests.crash.ledger import ledger
from tests.models import Entry

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


# Steps that publish.


@durable.step
def announce(key: str, value: Any, *, overwrite: bool = True) -> None:
    ledger.effect("announce")
    durable.set_event(key, value, overwrite=overwrite)


@durable.step
async def aannounce(key: str, value: Any) -> None:
    await ledger.aeffect("announce")
    await durable.aset_event(key, value)


@durable.step
def count(key: str, *values: Any, closes: bool = False) -> None:
    ledger.effect("count")
    for value in values:
        durable.write_stream(key, value, flush=True)
    if closes:
        durable.close_stream(key)


@durable.step
async def acount(key: str, *values: Any) -> None:
    await ledger.aeffect("count")
    for value in values:
        await durable.awrite_stream(key, value)


@durable.transaction
def book(key: str, *values: Any) -> str:
    """Write a line, an event, stream entries and a message in one commit."""
    Entry.objects.create(key=key)
    durable.set_event(key, values)
    for value in values:
        durable.write_stream(key, value)
    durable.send(durable.workflow_id(), "booked", key)
    return key


@durable.step
def post(destination: str, message: Any) -> None:
    """Send as outside code does: once, because of the key."""
    key = durable.current().idempotency_key
    durable.send(destination, message, "talk", idempotency_key=key)
    ledger.effect("post")


# Messages.


@durable.workflow
def listener(number: int) -> list[Any]:
    heard = [durable.recv("talk") for _ in range(number)]
    return [*heard, enter("heard")]


@durable.workflow
async def alistener(number: int) -> list[Any]:
    heard = [await durable.arecv("talk") for _ in range(number)]
    return [*heard, await enter.acall("heard")]


@durable.workflow
def speaker(destination: str) -> None:
    durable.send(destination, ("a", 1), "talk")
    durable.send_many(
        durable.Message(destination, letter, "talk") for letter in ("b", "c")
    )


@durable.workflow
async def aspeaker(destination: str) -> None:
    await durable.asend(destination, ("a", 1), "talk")
    await durable.asend_many(
        durable.Message(destination, letter, "talk") for letter in ("b", "c")
    )


@durable.workflow
def poster(destination: str) -> None:
    post(destination, "by post")


@durable.workflow
def asker(other: str) -> Any:
    durable.send(other, 20, "question")
    return durable.recv("answer")


@durable.workflow
def answerer(other: str) -> None:
    question = durable.recv("question")
    durable.send(other, question + 1, "answer")


@durable.workflow
async def aasker(other: str) -> Any:
    await durable.asend(other, 20, "question")
    return await durable.arecv("answer")


@durable.workflow
async def aanswerer(other: str) -> None:
    question = await durable.arecv("question")
    await durable.asend(other, question + 1, "answer")


@durable.workflow
async def apatient() -> Any:
    return await durable.arecv("talk", timeout=HOUR, default="nothing")


@durable.workflow
def late(destination: str, hours: float) -> None:
    durable.sleep(hours * HOUR)
    durable.send(destination, "late", "talk")


@durable.workflow
def insistent() -> Any:
    """Take a message that comes after the time-out, or just then."""
    try:
        return durable.recv("talk", timeout=HOUR)
    except durable.WaitTimeout:
        return durable.recv("talk")


# Whichever comes first.


@durable.workflow
def racer(other: str, hours: int) -> list[Any]:
    waits = (
        durable.on_message("talk"),
        durable.on_event(other, "price"),
        durable.on_result(other),
        durable.on_timer(hours * HOUR),
    )
    won, value = durable.first_of(*waits)
    return [waits.index(won), value, enter("raced")]


@durable.workflow
async def aracer(other: str, hours: int) -> list[Any]:
    waits = (
        durable.on_message("talk"),
        durable.on_event(other, "price"),
        durable.on_result(other),
        durable.on_timer(hours * HOUR),
    )
    won, value = await durable.afirst_of(*waits)
    return [waits.index(won), value, await enter.acall("raced")]


@durable.workflow
def rival(destination: str, doing: str) -> str:
    """Do one of the things that can come first, and nothing else for a day."""
    if doing == "message":
        durable.send(destination, "mine", "talk")
    elif doing == "event":
        durable.set_event("price", 5)
    if doing != "result":
        durable.sleep(DAY)
    return "over"


# Events.


@durable.workflow
def publisher() -> None:
    durable.set_event("state", "begun")
    durable.sleep(HOUR)
    durable.set_event("state", "ended")


@durable.workflow
async def apublisher() -> None:
    await durable.aset_event("state", "begun")
    await durable.asleep(HOUR)
    await durable.aset_event("state", "ended")


@durable.workflow
def announcer() -> None:
    announce("state", "begun")
    announce("once", 1, overwrite=False)
    announce("state", "ended")


@durable.workflow
async def aannouncer() -> None:
    await aannounce("state", "begun")
    await aannounce("state", "ended")


@durable.workflow
def follower(other: str) -> list[Any]:
    """Read a value, and remember it although it has changed by the next step."""
    state = durable.get_event(other, "state", timeout=DAY)
    never = durable.get_event(other, "never", timeout=DAY, default="never")
    return [state, never, durable.get_events(other), enter("followed")]


@durable.workflow
async def afollower(other: str) -> list[Any]:
    state = await durable.aget_event(other, "state", timeout=DAY)
    never = await durable.aget_event(other, "never", timeout=DAY, default="never")
    return [
        state,
        never,
        await durable.aget_events(other),
        await enter.acall("followed"),
    ]


# Streams.


@durable.workflow
def writer() -> None:
    durable.write_stream("numbers", 1)
    durable.sleep(HOUR)
    count("numbers", 2, 3)
    durable.close_stream("numbers")


@durable.workflow
async def awriter() -> None:
    await durable.awrite_stream("numbers", 1)
    await acount("numbers", 2)
    await durable.aclose_stream("numbers")


@durable.workflow
def counter() -> None:
    """Write from steps, with the end of one stream, and from the body between."""
    count("numbers", 1, 2)
    durable.write_stream("numbers", 3)
    count("numbers", 4, 5, closes=True)


@durable.workflow
def bookkeeper() -> list[Any]:
    """Publish all kinds of things with one transaction step."""
    return [book("booked", 1, 2), durable.recv("booked")]


@durable.workflow
def reader(other: str) -> list[Any]:
    stream = durable.read_stream(other, "numbers")
    return [list(dict.fromkeys(stream)), stream.closed]


@durable.workflow
async def areader(other: str) -> list[Any]:
    stream = durable.aread_stream(other, "numbers")
    values = [value async for value in stream]
    return [list(dict.fromkeys(values)), stream.closed]


# Cancelled.


@durable.workflow
def cancelled_listener() -> Any:
    return durable.recv("talk", timeout=HOUR, default=None)


@durable.workflow
def cancelled_publisher() -> None:
    announce("first", 1)
    count("numbers", 1, 2)
    durable.set_event("last", 1)
