"""Workflows of which eight steps write to one stream at once."""

import asyncio
import time

import django_durable as durable
from tests.journeys import ledger

VOICES = 8
PAUSE_SECONDS = 0.005
# So often a value does not wait for others.
FLUSHED = 7


@durable.step
def play(voice, count):
    """Write values, most of them gathered."""
    with ledger.call():
        for number in range(count):
            is_flushed = number % FLUSHED == voice % FLUSHED
            durable.write_stream("music", [voice, number], flush=is_flushed)
            time.sleep(PAUSE_SECONDS)
    return count


@durable.step
async def aplay(voice, count):
    """Do as ``play`` does, in async code."""
    with ledger.call():
        for number in range(count):
            is_flushed = number % FLUSHED == voice % FLUSHED
            await durable.awrite_stream("music", [voice, number], flush=is_flushed)
            await asyncio.sleep(PAUSE_SECONDS)
    return count


@durable.workflow
def concert(count):
    """Let all voices play side by side, and write between them."""
    voices = (play.bind(voice, count) for voice in range(VOICES))
    total = sum(durable.gather(*voices))
    durable.write_stream("music", [VOICES, 0])
    durable.close_stream("music")
    return total


@durable.workflow
async def aconcert(count):
    """Do as ``concert`` does, in async code."""
    voices = (aplay(voice, count) for voice in range(VOICES))
    total = sum(await asyncio.gather(*voices))
    await durable.awrite_stream("music", [VOICES, 0])
    await durable.aclose_stream("music")
    return total
