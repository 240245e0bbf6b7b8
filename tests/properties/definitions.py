"""One workflow for all programs, in both manners."""

import asyncio
from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async

import django_durable as durable
from tests.models import Entry
from tests.properties import sayings, talk_definitions as talk
from tests.properties.book import UNWINDING, book
from tests.properties.nodes import (
    VALUES,
    Branch,
    Call,
    Child,
    Draw,
    Ensure,
    Fail,
    Guard,
    Node,
    Program,
    Side,
    Sleep,
)
from tests.properties.plays import Ask, Boom, Play, Trail, adrive, call, call_of, drive


def step(node: Call, trail: Trail) -> list[Any]:
    book.effect()
    return _outcome(node, trail)


async def astep(node: Call, trail: Trail) -> list[Any]:
    await sync_to_async(book.effect, thread_sensitive=True)()
    return _outcome(node, trail)


def transaction(node: Call, trail: Trail) -> list[Any]:
    key = durable.current().idempotency_key
    for number in range(node.rows):
        Entry.objects.create(key=f"{key}#{number}", note=durable.workflow_id())
    book.effect()
    return _outcome(node, trail)


def _outcome(node: Call, trail: Trail) -> list[Any]:
    """Return the very list that was given: the caller must get a copy."""
    if durable.current().step_attempt <= node.fails:
        raise Boom(node.value)
    return [VALUES[node.value], trail]


STEPS = {
    (function.__name__, tries): durable.step(
        name=f"{function.__name__}{tries}",
        max_attempts=tries,
        interval=60,
        jitter=False,
        atomic=function is transaction,
    )(function)
    for function in (step, astep, transaction)
    for tries in (1, 2, 3)
}


@durable.step(name="show")
def show(value: Any, trail: Trail) -> list[Any]:
    book.effect()
    return [value, trail]


@durable.workflow
def perform(program: Program, trail: Trail) -> Trail:
    return drive(_play(program.nodes, trail, ""))


@durable.workflow
async def aperform(program: Program, trail: Trail) -> Trail:
    return await adrive(_play(program.nodes, trail, ""))


def workflow_of(program: Program) -> Any:
    """Return the definition that performs a program."""
    return aperform if program.is_async else perform


def _play(nodes: tuple[Node, ...], trail: Trail, path: str) -> Play:
    for number, node in enumerate(nodes):
        here = f"{path}/{number}"
        trail = yield from _PLAYERS[type(node)](node, trail, here)
        book.see(here, trail)
    return trail


def _call(node: Call, trail: Trail, path: str) -> Play:
    value, given = yield call_of(STEPS[node.kind, node.tries], node, trail)
    given.append("got")
    return [*given, len(trail), value]  # One more, if these two were one list.


def _sleep(node: Sleep, trail: Trail, path: str) -> Play:
    seconds = 60 * node.minutes
    book.begin_nap(path)
    yield call("sleep", seconds)
    book.end_nap(path, node.minutes)
    return [*trail, "slept"]


def _draw(node: Draw, trail: Trail, path: str) -> Play:
    drawn = yield call("random")
    book.see(f"{path} drawn", drawn)
    shown, given = yield call_of(show, drawn, trail)
    return [*given, shown == drawn]


def _fail(node: Fail, trail: Trail, path: str) -> Play:
    raise Boom("body")
    yield


def _guard(node: Guard, trail: Trail, path: str) -> Play:
    try:
        return (yield from _play(node.body, trail, path))
    except Boom as error:
        return [*trail, "caught", error.args[0]]


def _ensure(node: Ensure, trail: Trail, path: str) -> Play:
    here = f"{path}-"
    try:
        trail = yield from _play(node.body, trail, f"{path}+")
    except Boom:
        raise
    except BaseException:
        here = UNWINDING
        raise
    finally:
        trail = yield from _play(node.last, trail, here)
    return trail


def _branch(node: Branch, trail: Trail, path: str) -> Play:
    if trail and trail[-1]:
        return (yield from _play(node.then, trail, f"{path}+"))
    return (yield from _play(node.otherwise, trail, f"{path}-"))


def _child(node: Child, trail: Trail, path: str) -> Play:
    definition, args = workflow_of(node.program), (node.program, trail)
    if node.how == "call":
        result = yield call_of(definition, *args)
        return [*trail, "called", _last(result)]
    handle = yield Ask(
        lambda: definition.start(*args), lambda: definition.astart(*args)
    )
    trail = [*trail, handle.workflow_id, handle.created]
    if node.how == "forget":
        yield from talk.tell_orders(node.program, handle.workflow_id)
        return trail
    try:
        trail = yield from _play(node.between, trail, path)
    except Boom:
        yield from talk.tell_orders(node.program, handle.workflow_id)
        raise
    return [*trail, *(yield from _await(node, handle))]


def _await(node: Child, handle: Any) -> Play:
    """Hear what a child says first, tell it what it listens for, and hear how it
    ends, and with which events.
    """
    heard = yield from talk.follow(node, handle.workflow_id)
    yield from talk.tell_orders(node.program, handle.workflow_id)
    if node.is_raced:
        never = durable.on_event(handle, sayings.NEVER)
        _, result = yield call("first_of", never, durable.on_result(handle))
    else:
        result = yield Ask(handle.get_result, handle.aget_result)
    events = (yield from talk.all_events(handle.workflow_id)) if node.asks else []
    return [*heard, *events, "started", _last(result)]


def _side(node: Side, trail: Trail, path: str) -> Play:
    def now() -> list[Any]:
        calls = [_bound(line[0], trail) for line in node.lines]
        found = durable.gather(*calls)
        return [
            each[0] if isinstance(line[0], Call) else _last(each)
            for line, each in zip(node.lines, found, strict=True)
        ]

    async def soon() -> list[Any]:
        lines = [
            adrive(_play(line, list(trail), f"{path}.{number}"))
            for number, line in enumerate(node.lines)
        ]
        found = await asyncio.gather(*lines, return_exceptions=True)
        return [_last(each) for each in found]

    return [*trail, *(yield Ask(now, soon))]


def _bound(node: Node, trail: Trail) -> Any:
    if isinstance(node, Call):
        return STEPS[node.kind, node.tries].bind(node, trail)
    return workflow_of(node.program).bind(node.program, trail)


def _last(found: Trail | BaseException) -> Any:
    if isinstance(found, Boom):
        return "boom", found.args[0]
    if isinstance(found, BaseException):
        raise found
    return found[-1] if found else "nothing"


_PLAYERS: dict[type, Callable[[Any, Trail, str], Play]] = {
    Call: _call,
    Sleep: _sleep,
    Draw: _draw,
    Fail: _fail,
    Guard: _guard,
    Ensure: _ensure,
    Branch: _branch,
    Child: _child,
    Side: _side,
    **talk.PLAYERS,
}
