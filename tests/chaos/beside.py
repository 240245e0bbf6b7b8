"""What goes on beside an experiment, in a thread of its own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connections


@contextmanager
def beside(turn: Callable[[], float]) -> Iterator[None]:
    """Call ``turn()`` again and again during a block; it returns the pause."""
    stopping, errors = threading.Event(), []

    def run() -> None:
        pause = 0.0
        try:
            while not stopping.wait(pause):
                pause = turn()
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
    if errors:
        raise errors[0]
