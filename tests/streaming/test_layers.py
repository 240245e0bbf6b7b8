"""Channel layers: hints between processes that nothing else tells."""

import asyncio

import pytest
from asgiref.sync import async_to_sync
from channels.layers import channel_layers
from django.db import transaction

from django_durable import signals
from django_durable.streaming import layers
from django_durable.streaming.streams import StreamTopic
from tests.streaming import servers
from tests.streaming.bells import FORGED, Hub
from tests.streaming.clients import watching
from tests.streaming.conftest import MEMORY, layer_of

BACKENDS = ["core.RedisChannelLayer", "pubsub.RedisPubSubChannelLayer"]


@pytest.fixture(scope="module", params=BACKENDS)
def layer(request, redis_port):
    """Return CHANNEL_LAYERS with Redis behind it."""
    return layer_of(redis_port, f"channels_redis.{request.param}")


@pytest.fixture(scope="module")
def deaf(layer, directory, django_db_setup, django_db_blocker):
    """Run a server that looks when the layer rings, and at no other time."""
    with (
        django_db_blocker.unblock(),
        servers.running(
            "uvicorn", directory, layers=layer, application="tests.streaming.deaf"
        ) as server,
    ):
        yield server


def test_a_value_is_heard_of_over_the_layer_alone(deaf, layer, scribe, settings):
    settings.CHANNEL_LAYERS = layer

    with watching(deaf, scribe) as client:
        client.hear_until("live")
        until_it_rings(deaf, client, scribe)
        for number in range(5):
            scribe.write("out", number)
            assert client.values(1) == [number]
        scribe.end()
        heard, code = client.closed_with()

    assert heard[-1]["reason"] == "workflow_ended"
    assert code == 1000


def test_an_event_is_heard_of_over_the_layer_alone(deaf, layer, scribe, settings):
    settings.CHANNEL_LAYERS = layer

    with (
        watching(deaf, scribe) as stream,
        watching(deaf, scribe, path="workflows") as feed,
    ):
        stream.hear_until("live")
        feed.hear_until("live")
        until_it_rings(deaf, stream, scribe)
        scribe.set_event("progress", 1)
        assert feed.hear("event")["v"] == 1


def until_it_rings(server, client, scribe):
    """Wait until the server has joined the groups: what comes before may be lost."""

    def has_rung():
        scribe.write("out", "first")
        try:
            return client.hear("data", timeout=0.2)
        except TimeoutError:
            return None

    first = servers.wait_until(has_rung, "a ring over the layer")
    expected = first["entries"][-1]["o"] + 1
    scribe.write("out", "sentinel")
    while True:
        entries = client.hear("data")["entries"]
        assert entries[0]["o"] == expected
        expected = entries[-1]["o"] + 1
        if entries[-1]["v"] == "sentinel":
            return


@pytest.mark.once
def test_a_layer_that_has_nothing_to_tell_still_works(redis_port, settings, caplog):
    """Clients of Redis give up an answer, unless told otherwise after five seconds."""
    host = {"address": f"redis://127.0.0.1:{redis_port}", "socket_timeout": 1.4}
    settings.CHANNEL_LAYERS = layer_of(redis_port)
    settings.CHANNEL_LAYERS["default"]["CONFIG"] = {"hosts": [host]}

    async def main():
        hub = Hub()
        ear = layers._ear_of(hub)
        topic = StreamTopic(hub, ("silent", "out"))
        ear.listen(topic)
        await asyncio.sleep(1.8)
        hub.hinted.clear()
        await layers._send(ear._layer, {("silent", "out"): 5})
        async with asyncio.timeout(10):
            while not hub.hinted:
                await asyncio.sleep(0.01)
        ear.close()
        return hub.hinted == {topic: 5}

    assert asyncio.run(main())
    assert "A channel layer failed" not in caplog.text


def test_forged_messages_do_nothing(deaf, layer, scribe, settings):
    settings.CHANNEL_LAYERS = layer

    async def forge():
        forger = channel_layers.make_backend("default")
        for message in FORGED:
            await forger.group_send(layers.group_of(scribe.workflow_id), message)

    with watching(deaf, scribe) as client:
        client.hear_until("live")
        until_it_rings(deaf, client, scribe)
        async_to_sync(forge)()
        scribe.write("out", "genuine")
        assert client.values(1) == ["genuine"]
    assert "Traceback" not in deaf.log
    assert "failed" not in deaf.log


def test_the_layer_in_memory_is_no_layer(daphne, scribe, settings):
    settings.CHANNEL_LAYERS = MEMORY

    assert layers._alias() is None
    with watching(daphne, scribe) as client:
        client.hear_until("live")
        scribe.write("out", "a")
        assert client.values(1) == ["a"]


def test_a_layer_that_does_not_answer_costs_nothing_but_time(hasty, scribe):
    with watching(hasty, scribe) as client:
        client.hear_until("live")
        scribe.write("out", "a")
        assert client.values(1) == ["a"]

    assert hasty.log.count("A channel layer failed, looking") == 1


def test_groups_have_names_that_layers_take():
    odd = ["a/b", "ä☃", "\ud800", "x" * 999]
    names = {layers.group_of(each) for each in odd}

    assert len(names) == 4
    assert all(name.replace(".", "").isalnum() and len(name) < 100 for name in names)


def test_no_layer_is_asked_where_the_settings_name_none(settings):
    settings.CHANNEL_LAYERS = {"other": {"BACKEND": "nowhere.Layer"}}
    assert layers._alias() is None

    settings.DURABLE = {"STREAM_CHANNEL_LAYER": None}
    assert layers._alias() is None


@pytest.fixture
def rung(monkeypatch):
    """What would be sent over a layer, one dict for each commit."""
    rung = []
    monkeypatch.setattr(layers, "_alias", lambda: "default")
    monkeypatch.setattr(layers._announcer, "ring", rung.append)
    return rung


def test_whoever_writes_says_how_far_the_stream_is(rung, scribe):
    place = scribe.workflow_id, "out"

    scribe.write("out", "a", "b")
    scribe.write("out", "c")
    scribe.set_event("progress", 1)
    with transaction.atomic():
        scribe.write("out", "d")
        scribe.write("out", "e")
    scribe.close("out")
    scribe.end()

    assert rung == [
        {place: 2},
        {place: 3},
        {(scribe.workflow_id, ""): signals.LOOK},
        {place: 5},
        {place: signals.LOOK},
        {(scribe.workflow_id, None): signals.LOOK},
    ]


@pytest.mark.once
def test_an_end_outweighs_all_offsets():
    news = {}
    for reached in (3, 5, 4):
        signals.gather(news, {"place": reached})
    assert news == {"place": 5}

    signals.gather(news, {"place": signals.LOOK})
    signals.gather(news, {"place": 9})
    assert news == {"place": signals.LOOK}
