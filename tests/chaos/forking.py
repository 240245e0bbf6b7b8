"""A process that waits, forks, and waits again; and what it waits for."""

import os
import threading
import time
import warnings

from django.db import connections

import django_durable as durable
from django_durable.wakeup import Bell, hub, sqlite
from tests.journeys import ledger

LONGEST_SECONDS = 30


@durable.workflow
def ticker(count):
    """Publish a value each time that somebody says so."""
    for _ in range(count):
        number = durable.recv("tick")
        durable.set_event(f"tick-{number}", number)
    return count


def family(pk, count):
    """Wait for each tick in this process and in a child that is forked for it.

    A thread of this process waits all the while, another one rings the hub as fast
    as it can, and the watcher of a file never pauses: each fork meets all of them in
    the middle of their work. None of these threads uses the database by itself: a
    fork beside that would be the user's own mistake.
    """
    sqlite.LOOK_SECONDS = 0.0
    done = threading.Event()
    threads = [
        threading.Thread(target=_listen, args=[done]),
        threading.Thread(target=_ring, args=[done]),
    ]
    for thread in threads:
        thread.start()
    for number in range(count):
        connections.close_all()  # Two processes must not share a connection.
        child = _fork(pk, number)
        _wait("parent", pk, number)
        _, status = os.waitpid(child, 0)
        assert status == 0, f"the child of tick {number} ended with {status}"
    result = durable.retrieve_workflow(pk).get_result(timeout=LONGEST_SECONDS)
    ledger.append("result", [result])
    done.set()
    hub.ring(["the end"])
    for thread in threads:
        thread.join()


def _fork(pk, number):
    with warnings.catch_warnings():
        # Python warns of locks that other threads hold: this is about those.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return child
    code = 1
    try:
        _wait("child", pk, number)
        code = 0
    finally:
        os._exit(code)


def _wait(who, pk, number):
    threading.Thread(target=_note_that_it_waits, args=[who, number]).start()
    value = durable.get_event(pk, f"tick-{number}", timeout=LONGEST_SECONDS)
    ledger.append("ticks", [who, number, value])


def _note_that_it_waits(who, number):
    target = f"tick-{number}"
    while not any(name.endswith(target) for name in list(hub._by_target)):
        time.sleep(0.005)
    ledger.append("waiting", [who, number])


def _listen(done):
    with Bell(hub, ["the end"]) as bell:
        while not done.is_set():
            bell.wait(10 * LONGEST_SECONDS)
    ledger.append("heard", ["the end"])


def _ring(done):
    while not done.is_set():
        hub.ring(["nobody waits for this"])
