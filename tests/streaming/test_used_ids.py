"""A workflow is deleted, and its id used again, while somebody watches."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction

from django_durable.streaming.feeds import FeedTopic
from django_durable.streaming.streams import StreamTopic
from tests.streaming.scribe import Scribe
from tests.streaming.watchers import Watcher, with_hub

pytestmark = pytest.mark.django_db(transaction=True)


def test_who_comes_after_an_id_was_used_again_watches_something_else(scribe):
    """Also while those are still here who watched what had it before."""
    scribe.write("out", *"abc")

    async def main(hub):
        with Watcher(hub, scribe) as former:
            await former.open()
            await sync_to_async(begin_anew)(scribe, "new")
            while not former.topic.is_gone:
                await asyncio.sleep(0.01)
            with Watcher(hub, scribe) as later:
                await later.open()
                await later.read(1)
                given = await former.watch.take()
            assert hub._topics == {}
            return given, former.topic.ending, later.topic.ending, later.frames

    given, ending, later_ending, frames = with_hub(main)

    assert (given, ending, later_ending) == ([], "deleted", None)
    assert [frame.next for frame in frames] == [1]


def begin_anew(scribe, *written):
    with transaction.atomic():
        scribe.delete()
        new = Scribe(scribe.workflow_id)
        new.write("out", *written)
    return new


@pytest.mark.parametrize("written", ["new", "new and longer"])
def test_a_stream_ends_where_its_id_is_used_again(scribe, written):
    """Also when the new stream is as long as the former at the next look."""
    scribe.write("out", *"abc")

    async def main(hub):
        with Watcher(hub, scribe) as watcher:
            await watcher.open()
            await watcher.read(3)
            await sync_to_async(begin_anew)(scribe, *written)
            await look(hub, watcher.topic)
            return (
                await watcher.watch.take(),
                watcher.watch.has_all,
                watcher.topic.ending,
                watcher.topic.status,
                hub.is_showing(StreamTopic, watcher.topic.place),
            )

    assert with_hub(main) == ([], True, "deleted", None, False)


def test_who_is_behind_reads_nothing_of_another_stream(scribe):
    """Although nobody has looked since its id was used again."""
    scribe.write("out", *"abc")

    async def main(hub):
        with Watcher(hub, scribe) as watcher:
            await watcher.open()
            hub._task.cancel()  # Nobody but the test looks.
            await sync_to_async(begin_anew)(scribe, *"other")
            return await watcher.watch.take(), watcher.topic.ending

    assert with_hub(main) == ([], "deleted")


def test_a_feed_tells_nothing_of_another_workflow(scribe):
    """Not even to whom its window kept from the former one's news."""
    scribe.set_event("progress", "former")

    async def main(hub):
        place = scribe.workflow_id, ""
        with hub.watching(FeedTopic, place, lambda: None) as topic:
            await topic.is_open.wait()
            blocked, told = topic.watch(0, 0), topic.watch(0, 0)
            assert len(await told.take()) == 1
            new = await sync_to_async(begin_anew)(scribe)
            await sync_to_async(new.set_event)("progress", "other")
            await look(hub, topic)
            taken = [await watch.take() for watch in (blocked, told)]
            return taken, blocked.has_all, topic.ending, topic.status

    assert with_hub(main) == ([[], []], True, "deleted", None)


async def look(hub, topic):
    """Let the hub find out how a topic stands, whatever it has heard of."""
    await hub._look([topic])
