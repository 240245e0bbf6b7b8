"""One workflow for all programs, in both manners."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async

import django_durable as durable
from tests.models import Entry
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

Trail = list[Any]


class Boom(Exception):
    """What programs raise and catch."""


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
    return _drive(_play(program.nodes, trail, ""))


@durable.workflow
async def aperform(program: Program, trail: Trail) -> Trail:
    return await _adrive(_play(program.nodes, trail, ""))


def workflow_of(program: Program) -> Any:
    """Return the definition that performs a program."""
    return aperform if program.is_async else perform


@dataclass(frozen=True)
class _Ask:
    """One durable call, as sync code makes it and as async code does."""

    now: Callable[[], Any]
    soon: Callable[[], Coroutine[Any, Any, Any]]


Play = Generator[_Ask, Any, Trail]


def _drive(play: Play) -> Trail:
    try:
        ask = next(play)
        while True:
            try:
                answer = ask.now()
            except BaseException as error:
                ask = play.throw(error)
            else:
                ask = play.send(answer)
    except StopIteration as stop:
        return stop.value


async def _adrive(play: Play) -> Trail:
    try:
        ask = next(play)
        while True:
            try:
                answer = await ask.soon()
            except BaseException as error:
                ask = play.throw(error)
            else:
                ask = play.send(answer)
    except StopIteration as stop:
        return stop.value


def _play(nodes: tuple[Node, ...], trail: Trail, path: str) -> Play:
    for number, node in enumerate(nodes):
        here = f"{path}/{number}"
        trail = yield from _PLAYERS[type(node)](node, trail, here)
        book.see(here, trail)
    return trail


def _ask(definition: Any, *args: Any) -> _Ask:
    return _Ask(lambda: definition(*args), lambda: definition.acall(*args))


def _call(node: Call, trail: Trail, path: str) -> Play:
    value, given = yield _ask(STEPS[node.kind, node.tries], node, trail)
    given.append("got")
    return [*given, len(trail), value]  # One more, if these two were one list.


def _sleep(node: Sleep, trail: Trail, path: str) -> Play:
    seconds = 60 * node.minutes
    book.begin_nap(path)
    yield _Ask(lambda: durable.sleep(seconds), lambda: durable.asleep(seconds))
    book.end_nap(path, node.minutes)
    return [*trail, "slept"]


def _draw(node: Draw, trail: Trail, path: str) -> Play:
    drawn = yield _Ask(durable.random, durable.arandom)
    book.see(f"{path} drawn", drawn)
    shown, given = yield _ask(show, drawn, trail)
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
        result = yield _ask(definition, *args)
        return [*trail, "called", _last(result)]
    handle = yield _Ask(
        lambda: definition.start(*args), lambda: definition.astart(*args)
    )
    trail = [*trail, handle.workflow_id, handle.created]
    if node.how == "forget":
        return trail
    trail = yield from _play(node.between, trail, path)
    result = yield _Ask(handle.get_result, handle.aget_result)
    return [*trail, "started", _last(result)]


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
            _adrive(_play(line, list(trail), f"{path}.{number}"))
            for number, line in enumerate(node.lines)
        ]
        found = await asyncio.gather(*lines, return_exceptions=True)
        return [_last(each) for each in found]

    return [*trail, *(yield _Ask(now, soon))]


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
}
