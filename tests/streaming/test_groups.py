"""Which groups of a channel layer a process is in, and what it hears there."""

import asyncio

import pytest

from django_durable import signals
from django_durable.streaming import layers
from django_durable.streaming.feeds import FeedTopic
from django_durable.streaming.streams import StreamTopic
from tests.streaming.bells import FORGED, Hub, Layer


@pytest.mark.once
def test_what_rings_before_the_group_is_joined_is_looked_for():
    """Whether the layer was there before the topic, or comes back later."""

    class SlowLayer(Layer):
        is_joined = asyncio.Event()

        async def group_add(self, group, channel):
            await self.is_joined.wait()
            await super().group_add(group, channel)

    async def main():
        hub, layer = Hub(), SlowLayer()
        ear = layers.Ear(hub, layer)
        for name in ("early", "late"):
            layer.is_joined.clear()
            topic = StreamTopic(hub, (name, "out"))
            ear.listen(topic)
            await asyncio.sleep(0.01)
            await layers._send(layer, {(name, "out"): 1})
            await asyncio.sleep(0.01)
            assert hub.hinted == {}
            layer.is_joined.set()
            await asyncio.sleep(0.01)
            assert hub.hinted == {topic: signals.LOOK}
            hub.hinted.clear()
        ear.close()

    asyncio.run(main())


@pytest.mark.once
@pytest.mark.parametrize("steps", [0, 5])
def test_whoever_comes_back_at_once_is_in_the_group(steps):
    """Also where the layer is slower at leaving it than at joining it."""

    class SlowLayer(Layer):
        may_leave = asyncio.Event()

        async def group_discard(self, group, channel):
            await self.may_leave.wait()
            await super().group_discard(group, channel)

    async def main():
        hub, layer = Hub(), SlowLayer()
        ear = layers.Ear(hub, layer)
        topic = StreamTopic(hub, ("w", "out"))
        ear.listen(topic)
        await pass_by(5)
        ear.forget(topic)
        await pass_by(steps)
        ear.listen(topic)
        await pass_by(5)
        layer.may_leave.set()
        await pass_by(5)
        hub.hinted.clear()

        await layers._send(layer, {("w", "out"): 6})
        await pass_by(5)
        ear.close()
        return hub.hinted == {topic: 6}

    assert asyncio.run(main())


@pytest.mark.once
def test_a_group_that_is_left_while_the_layer_comes_back_is_not_joined():
    class SlowLayer(Layer):
        may_join = asyncio.Event()

        async def group_add(self, group, channel):
            await self.may_join.wait()
            await super().group_add(group, channel)

    async def main():
        hub, layer = Hub(), SlowLayer()
        ear = layers.Ear(hub, layer)
        here, gone = (StreamTopic(hub, (name, "out")) for name in ("here", "gone"))
        ear.listen(here)
        ear.listen(gone)
        await pass_by(5)
        ear.forget(gone)
        await pass_by(5)
        layer.may_join.set()
        await pass_by(5)
        ear.close()
        return layer.groups

    assert asyncio.run(main()) == {layers.group_of("here")}


async def pass_by(steps):
    """Let all tasks go on so many times."""
    for _ in range(steps):
        await asyncio.sleep(0)


@pytest.mark.once
def test_all_that_is_watched_of_a_workflow_costs_one_group():
    """And one message for each of its places that has news."""

    async def main():
        hub, layer = Hub(), Layer()
        ear = layers.Ear(hub, layer)
        out, log = (StreamTopic(hub, ("w", key)) for key in ("out", "log"))
        feed = FeedTopic(hub, ("w", ""))
        for topic in (out, log, feed):
            ear.listen(topic)
        await asyncio.sleep(0)

        async def hear(news):
            hub.hinted.clear()
            await layers._send(layer, news)
            while not layer.messages.empty():
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            return dict(hub.hinted)

        assert layer.groups == {layers.group_of("w")}
        assert await hear({("w", "out"): 6}) == {out: 6}
        assert await hear({("w", ""): signals.LOOK}) == {feed: signals.LOOK}
        assert await hear({("w", "other"): 1, ("x", "out"): 9}) == {}
        ended = await hear({("w", None): signals.LOOK})
        assert ended == dict.fromkeys([out, log, feed], signals.LOOK)
        assert (layer.sent, ear.ignored) == (5, 0)

        hub.hinted.clear()
        for message in [*FORGED, None, "x"]:
            ear._hear(message)
        assert (ear.ignored, hub.hinted) == (len(FORGED) + 2, {})

        for topic in (out, log, feed):
            ear.forget(topic)
        await asyncio.sleep(0)
        assert layer.groups == set()
        ear.close()

    asyncio.run(main())
