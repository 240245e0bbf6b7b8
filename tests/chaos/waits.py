"""Workflows that answer when they are told to, and who waits for their answers."""

import asyncio
import os
import threading
import time

from django.db import connections

import django_durable as durable
from django_durable.wakeup import hub
from tests.journeys import ledger

LONGEST_SECONDS = 50


@durable.workflow
def answerer(number):
    """Wait for a word; then say it in three ways."""
    durable.set_event("ready", True)
    word = durable.recv("word")
    durable.write_stream("answers", word)
    durable.set_event("answer", word)
    return word


@durable.workflow
async def aanswerer(number):
    """Do as ``answerer`` does, in async code."""
    await durable.aset_event("ready", True)
    word = await durable.arecv("word")
    await durable.awrite_stream("answers", word)
    await durable.aset_event("answer", word)
    return word


def event(pk):
    """Wait for the answer as an event."""
    return durable.get_event(pk, "answer", timeout=LONGEST_SECONDS)


def result(pk):
    """Wait for the answer as a result."""
    return durable.retrieve_workflow(pk).get_result(timeout=LONGEST_SECONDS)


def stream(pk):
    """Wait for the answer as all that a stream has."""
    return "".join(durable.read_stream(pk, "answers", timeout=LONGEST_SECONDS))


async def aevent(pk):
    """See event()."""
    return await durable.aget_event(pk, "answer", timeout=LONGEST_SECONDS)


async def aresult(pk):
    """See result()."""
    handle = await durable.aretrieve_workflow(pk)
    return await handle.aget_result(timeout=LONGEST_SECONDS)


async def astream(pk):
    """See stream()."""
    values = durable.aread_stream(pk, "answers", timeout=LONGEST_SECONDS)
    return "".join([value async for value in values])


SYNC = event, result, stream
ASYNC = aevent, aresult, astream


def wait_for_all(sync_ids, async_ids):
    """Wait for the answers of workflows in each way, sync and async, all at once."""
    pairs = [(wait, pk) for wait in SYNC for pk in sync_ids]
    threads = [threading.Thread(target=_wait, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    count = len(pairs) + len(ASYNC) * len(async_ids)
    opening = threading.Thread(target=_tell_when_open, args=[count])
    opening.start()
    asyncio.run(_wait_async(async_ids))
    for thread in [*threads, opening]:
        thread.join()


def _wait(wait, pk):
    try:
        _note(wait, pk, wait(pk))
    finally:
        connections.close_all()


async def _wait_async(ids):
    async def follow(wait, pk):
        _note(wait, pk, await wait(pk))

    await asyncio.gather(*(follow(wait, pk) for wait in ASYNC for pk in ids))


def _note(wait, pk, value):
    ledger.append("answers", [wait.__name__, pk, value, time.time()])


def _tell_when_open(count):
    while len(hub._all) < count:
        time.sleep(0.01)
    ledger.append("open", [os.getpid(), count])
