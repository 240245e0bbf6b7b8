"""The hub, without sockets: how often the database is asked, and what is kept."""

import asyncio
from contextlib import ExitStack

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError

from django_durable import clock
from django_durable.signals import LOOK
from django_durable.streaming.entries import Entry
from django_durable.streaming.feeds import FeedTopic
from django_durable.streaming.rings import MOST_BYTES, MOST_ENTRIES, Ring
from django_durable.streaming.streams import StreamTopic
from tests.streaming.scribe import Scribe
from tests.streaming.watchers import Watcher, with_hub

pytestmark = pytest.mark.django_db(transaction=True)


# One query finds a batch. With all that rings, others find nothing new: after a hint of
# the process itself and one of the database, when the source of hints begins to work.
A_FEW = 4


@pytest.fixture
def unheard(monkeypatch):
    """Let nothing but the test say when to look."""
    for module, name in (
        ("hub", "SLOW_LOOK_SECONDS"),
        ("hub", "BLIND_LOOK_SECONDS"),
        ("topics", "SLOW_LOOK_SECONDS"),
        ("feeds", "LIVELY_LOOK_SECONDS"),
    ):
        monkeypatch.setattr(f"django_durable.streaming.{module}.{name}", 3600)
    monkeypatch.setattr(
        "django_durable.streaming.hub._Ring.__call__", lambda ring: None
    )


def test_a_thousand_watchers_cost_one_query_for_each_batch(scribe, unheard):
    async def main(hub):
        with ExitStack() as stack:
            watchers = [stack.enter_context(Watcher(hub, scribe)) for _ in range(1000)]
            await asyncio.gather(*(each.open() for each in watchers))
            opened = hub.queries
            for number in range(5):
                hub.queries = 0
                await write(scribe, number)
                hub.hint(watchers[0].topic)
                await asyncio.gather(*(w.read(10 * (number + 1)) for w in watchers))
                assert hub.queries == 1
        return opened, watchers

    opened, watchers = with_hub(main)

    assert opened == 1
    texts = {tuple(frame.text for frame in each.frames) for each in watchers}
    assert len(texts) == 1
    # They share the very text.
    assert len({id(each.frames[0].text) for each in watchers}) == 1


def test_all_that_rings_for_a_batch_costs_a_few_queries_at_most(scribe):
    async def main(hub):
        with Watcher(hub, scribe) as watcher:
            await watcher.open()
            asked = [hub.queries]
            for number in range(3):
                hub.queries = 0
                await write(scribe, number)
                await watcher.read(10 * (number + 1))
                asked.append(hub.queries)
        return asked

    assert all(1 <= queries <= A_FEW for queries in with_hub(main))


def test_a_thousand_watchers_of_a_workflow_cost_no_more(scribe, unheard):
    place = scribe.workflow_id, ""

    async def main(hub):
        with ExitStack() as stack:
            news = asyncio.Event()
            for _ in range(999):
                watching = hub.watching(FeedTopic, place, lambda: None)
                stack.enter_context(watching)
            topic = stack.enter_context(hub.watching(FeedTopic, place, news.set))
            await topic.is_open.wait()
            watches = [topic.watch(0, 0) for _ in range(1000)]
            for watch in watches:
                assert await watch.take() == []
            hub.queries = 0
            await sync_to_async(scribe.set_event)("progress", 1)
            hub.hint(topic)
            while topic.next_offset == 0:
                news.clear()
                await news.wait()
            return hub.queries, [await watch.take() for watch in watches]

    queries, taken = with_hub(main)

    assert queries == 1
    assert {len(frames) for frames in taken} == {1}
    assert len({id(frames[0].text) for frames in taken}) == 1


def test_what_has_been_seen_by_then_costs_no_look(scribe):
    """Of two hints at the same news, the later one costs nothing."""
    scribe.write("out", *range(5))

    async def main(hub):
        with Watcher(hub, scribe) as watcher:
            await watcher.open()
            topic = watcher.topic
            hub._task.cancel()  # Nobody but the test looks.
            due = []
            for hints in ([5], [6], [LOOK], [5, LOOK], [3, 5, 4]):
                hub._due()
                topic.looked_at = clock.monotonic()
                for reached in hints:
                    hub.hint(topic, reached)
                due.append(hub._due() == [topic])
            return due

    assert with_hub(main) == [False, True, True, True, False]


async def write(scribe, number):
    values = range(10 * number, 10 * number + 10)
    await sync_to_async(scribe.write)("out", *values)


def test_those_who_come_at_once_share_the_reading_of_what_was(scribe):
    scribe.write("out", *range(2000))

    async def main(hub):
        with ExitStack() as stack:
            watchers = [stack.enter_context(Watcher(hub, scribe)) for _ in range(100)]
            await asyncio.gather(*(each.open() for each in watchers))
            hub.queries = 0
            await asyncio.gather(*(each.read(2000) for each in watchers))
            return hub.queries

    # A read of 256 entries makes two frames; each watcher would need 16 reads.
    assert with_hub(main) <= 40


def test_streams_with_news_at_the_same_time_share_a_statement(
    transactional_db, unheard
):
    scribes = [Scribe() for _ in range(50)]

    async def main(hub):
        with ExitStack() as stack:
            watchers = [stack.enter_context(Watcher(hub, each)) for each in scribes]
            await asyncio.gather(*(each.open() for each in watchers))
            opened, hub.queries = hub.queries, 0
            for each in scribes:
                await sync_to_async(each.write)("out", "a")
            for each in watchers:
                hub.hint(each.topic)
            await asyncio.gather(*(each.read(1) for each in watchers))
            return opened, hub.queries

    assert with_hub(main) == (1, 1)


def test_what_nobody_watches_is_not_read(scribe):
    async def main(hub):
        with Watcher(hub, scribe) as watcher:
            await watcher.open()
        await sync_to_async(scribe.write)("out", "a")
        before = hub.queries
        await asyncio.sleep(0.05)
        return hub.queries - before, hub._topics, hub._subscriptions

    assert with_hub(main) == (0, {}, {})


def test_a_database_that_fails_is_asked_again(scribe, monkeypatch, caplog):
    looks = []
    look = StreamTopic.look

    def fail_twice(cursors):
        looks.append(cursors)
        if len(looks) <= 2:
            raise OperationalError("gone")
        return look(cursors)

    monkeypatch.setattr(StreamTopic, "look", staticmethod(fail_twice))
    scribe.write("out", "a")

    async def main(hub):
        with Watcher(hub, scribe) as watcher:
            await watcher.open()
            await watcher.read(1)
            return watcher.frames

    assert len(with_hub(main)) == 1
    assert len(looks) >= 3
    assert caplog.text.count("Watchers wait for the database") == 1


def test_a_failed_look_costs_no_other_topic_its_hint(
    transactional_db, monkeypatch, caplog
):
    """Whoever would have been looked at next is looked at with the next try."""
    monkeypatch.setattr("django_durable.streaming.hub.MOST_TOPICS", 1)
    monkeypatch.setattr("django_durable.streaming.hub.SLOW_LOOK_SECONDS", 3600)
    monkeypatch.setattr("django_durable.streaming.hub.BLIND_LOOK_SECONDS", 3600)
    monkeypatch.setattr("django_durable.streaming.topics.SLOW_LOOK_SECONDS", 3600)
    look, broken = StreamTopic.look, []

    def fail_when_broken(cursors):
        if broken:
            broken.clear()
            raise OperationalError("gone")
        return look(cursors)

    monkeypatch.setattr(StreamTopic, "look", staticmethod(fail_when_broken))
    scribes = [Scribe() for _ in range(3)]

    async def main(hub):
        with ExitStack() as stack:
            watchers = [stack.enter_context(Watcher(hub, each)) for each in scribes]
            await asyncio.gather(*(each.open() for each in watchers))
            broken.append(True)
            for each in scribes:
                await sync_to_async(each.write)("out", "a")
            await asyncio.gather(*(each.read(1) for each in watchers))
            return [len(each.frames) for each in watchers]

    assert with_hub(main) == [1, 1, 1]


def test_a_fault_in_a_look_is_logged_and_the_hub_goes_on(scribe, monkeypatch, caplog):
    looks = []
    look = StreamTopic.look

    def fail_once(cursors):
        looks.append(cursors)
        if len(looks) == 1:
            raise ValueError("a fault")
        return look(cursors)

    monkeypatch.setattr(StreamTopic, "look", staticmethod(fail_once))

    async def main(hub):
        with Watcher(hub, scribe) as watcher:
            await watcher.open()
            return watcher.topic.status

    assert with_hub(main) == "PENDING"
    assert "A look at what is watched failed" in caplog.text


def entries(numbers, size=10):
    return [Entry(number, "x" * size, size) for number in numbers]


def test_a_ring_keeps_the_latest_entries():
    ring = Ring(0)

    ring.add(entries(range(MOST_ENTRIES + 10)))

    assert (ring.first, ring.next) == (10, MOST_ENTRIES + 10)
    assert [entry.offset for entry in ring.read(10, 2)] == [10, 11]
    assert ring.read(ring.next, 5) == []


def test_a_ring_keeps_no_more_than_its_bytes():
    ring = Ring(0)

    for start in range(0, 100, 10):
        ring.add(entries(range(start, start + 10), size=60_000))

    assert ring.next == 100
    assert (ring.next - ring.first) * 60_000 <= MOST_BYTES
    assert (ring.next - ring.first + 1) * 60_000 > MOST_BYTES


def test_behind_a_hole_a_ring_begins_anew():
    ring = Ring(0)

    ring.add(entries([0, 1]))
    ring.add(entries([5, 6]))

    assert (ring.first, ring.next) == (5, 7)
    assert [entry.offset for entry in ring.read(5, 9)] == [5, 6]
