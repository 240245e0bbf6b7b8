"""One algorithm, two drivers.

What an execution does for a durable call is a generator of requests. Sync code
has each request made, async code has it awaited; the algorithm is the same.
"""

from collections.abc import Generator
from typing import Any, Protocol, TypeAlias

from django_durable.execution.hosts import Host


class Request(Protocol):
    """Something that takes time, in either manner."""

    def run(self, host: Host) -> Any: ...

    async def arun(self, host: Host) -> Any: ...


Algorithm: TypeAlias = Generator[Request, Any, Any]


def drive(algorithm: Algorithm, host: Host) -> Any:
    """Run an algorithm to its end in this thread."""
    try:
        request = next(algorithm)
        while True:
            try:
                answer = request.run(host)
            except BaseException as error:
                request = algorithm.throw(error)
            else:
                request = algorithm.send(answer)
    except StopIteration as stop:
        return stop.value


async def adrive(algorithm: Algorithm, host: Host) -> Any:
    """Run an algorithm to its end on the event loop."""
    try:
        request = next(algorithm)
        while True:
            try:
                answer = await request.arun(host)
            except BaseException as error:
                request = algorithm.throw(error)
            else:
                request = algorithm.send(answer)
    except StopIteration as stop:
        return stop.value
