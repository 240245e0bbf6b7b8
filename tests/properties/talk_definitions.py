"""How workflows and steps say and hear things."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async

import django_durable as durable
from tests.models import Entry
from tests.properties import nodes as n, sayings, talk_nodes as t
from tests.properties.book import book
from tests.properties.plays import Ask, Boom, Play, Trail, call, call_of

REFUSALS = durable.EventAlreadySet, durable.StreamClosed, durable.WorkflowNotFound


def step(node: t.Saying, path: str) -> None:
    if node.how == "transaction":
        key = durable.current().idempotency_key
        Entry.objects.create(key=f"{key}#0", note=durable.workflow_id())
    book.effect()
    for ask in _sayings(node, path):
        ask.now()
    _fail(node)


async def astep(node: t.Saying, path: str) -> None:
    await sync_to_async(book.effect, thread_sensitive=True)()
    for ask in _sayings(node, path):
        await ask.soon()
    _fail(node)


def _fail(node: t.Saying) -> None:
    if durable.current().step_attempt <= node.fails:
        raise Boom("said")


STEPS = {
    how: durable.step(
        name=f"say in {how}",
        max_attempts=2,
        retry_on=(Boom,),
        interval=60,
        jitter=False,
        atomic=how == "transaction",
    )(astep if how == "astep" else step)
    for how in ("step", "astep", "transaction")
}


def _sayings(node: t.Saying, path: str) -> list[Ask]:
    """Return the calls that say it, in the body or in a step."""
    values = sayings.things(node, path)
    match node:
        case t.Tell():
            letters = [_letter(node, path, value) for value in values]
            if node.how == "many":
                return [call("send_many", letters)]
            return [
                call(
                    "send",
                    each.workflow_id,
                    each.message,
                    each.topic,
                    idempotency_key=each.idempotency_key,
                )
                for each in letters
            ]
        case t.Announce():
            key = sayings.event(node.key, path)
            return [call("set_event", key, *values, overwrite=node.overwrite)]
        case t.Write():
            key = sayings.stream(node.stream, path)
            written = [call("write_stream", key, value) for value in values]
            return [*written, *[call("close_stream", key)] * node.closes]


def _letter(node: t.Tell, path: str, value: list[Any]) -> durable.Message:
    """Return a message; from an ordinary step it needs a key to arrive once."""
    to, topic = sayings.address(node, durable.workflow_id() or "", path)
    key = None
    if node.how in ("step", "astep"):
        key = f"{durable.current().idempotency_key}#{value[1]}"
    return durable.Message(to, value, topic, idempotency_key=key)


def _say(node: t.Saying, trail: Trail, path: str) -> Play:
    try:
        if node.how in STEPS:
            yield call_of(STEPS[node.how], node, path)
        else:
            yield from _sayings(node, path)
    except REFUSALS as error:
        return [*trail, type(error).__name__, False]
    return [*trail, "said", True]


def _hear(node: t.Hear, trail: Trail, path: str) -> Play:
    if node.minutes is None:
        message = yield call("recv", sayings.order_topic(path))
        return [*trail, "heard", message]
    topic = sayings.topic(node.topic, path)
    options = {"default": sayings.DEFAULT} if node.has_default else {}
    try:
        heard = yield call("recv", topic, timeout=60 * node.minutes, **options)
    except durable.WaitTimeout:
        return [*trail, "heard nothing"]
    return [*trail, "heard", heard]


def _race(node: t.Race, trail: Trail, path: str) -> Play:
    waits = (
        durable.on_message(sayings.topic(node.topic, path)),
        durable.on_event(durable.workflow_id(), sayings.event(node.key, path)),
        durable.on_timer(60 * node.minutes),
    )
    won, value = yield call("first_of", *waits)
    return [*trail, "won", waits.index(won), value]


def _read(node: t.Read, trail: Trail, path: str) -> Play:
    own = durable.workflow_id() or ""
    if node.what == "events":
        return [*trail, *(yield from all_events(own))]
    timeout = {"timeout": 60 * node.minutes}
    try:
        if node.what == "event":
            key = sayings.event(node.number, path)
            answer = yield call("get_event", own, key, **timeout)
        else:
            key = sayings.stream(node.number, path)
            answer = yield from first_entry(own, key, **timeout)
    except durable.WaitTimeout:
        return [*trail, f"no {node.what}", False]
    return [*trail, node.what, answer]


def first_entry(workflow_id: str, key: str, **options: Any) -> Play:
    """Read the first value of a stream, False when it ends without one."""
    place = workflow_id, key
    return (
        yield Ask(
            lambda: next(durable.read_stream(*place, **options), False),
            lambda: anext(durable.aread_stream(*place, **options), False),
        )
    )


def all_events(workflow_id: str) -> Play:
    """Read all events."""
    events = yield call("get_events", workflow_id)
    return ["events", sorted(events.items())]


def tell_orders(program: n.Program, workflow_id: str) -> Play:
    """Tell a child what it listens for, in one call."""
    letters = [
        durable.Message(workflow_id, message, topic)
        for topic, message in sayings.orders(program)
    ]
    if letters:
        yield call("send_many", letters)
    return []


def follow(node: n.Child, workflow_id: str) -> Play:
    """Wait for what a child says first, whatever else it does."""
    heard = []
    for first in node.program.nodes[: node.follows]:
        match first:
            case t.Tell():
                news = yield call("recv", workflow_id)
            case t.Announce():
                key = sayings.event(sayings.GREETING)
                news = yield call("get_event", workflow_id, key, timeout=None)
            case _:
                key = sayings.stream(sayings.GREETING)
                news = yield from first_entry(workflow_id, key)
        heard.append(news)
    return heard


PLAYERS: dict[type, Callable[[Any, Trail, str], Play]] = {
    t.Tell: _say,
    t.Announce: _say,
    t.Write: _say,
    t.Hear: _hear,
    t.Race: _race,
    t.Read: _read,
}
