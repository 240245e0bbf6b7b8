"""Channel layers: hints between processes that nothing else tells."""

import shutil

import pytest
from asgiref.sync import async_to_sync
from channels.layers import channel_layers

from django_durable.models.targets import stream_target
from django_durable.streaming import layers
from tests.streaming import servers
from tests.streaming.clients import watching
from tests.streaming.conftest import MEMORY

BACKENDS = ["core.RedisChannelLayer", "pubsub.RedisPubSubChannelLayer"]


@pytest.fixture(scope="module")
def redis(directory):
    """Run Redis, where there is one."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("There is no program redis-server here.")
    with servers.running_redis(program, directory) as port:
        yield port


@pytest.fixture(scope="module", params=BACKENDS)
def layer(request, redis):
    """Return CHANNEL_LAYERS with Redis behind it."""
    backend = f"channels_redis.{request.param}"
    config = {"hosts": [f"redis://127.0.0.1:{redis}"]}
    return {"default": {"BACKEND": backend, "CONFIG": config}}


@pytest.fixture(scope="module")
def deaf(layer, directory, django_db_setup, django_db_blocker):
    """Run a server that looks when the layer rings, and at no other time."""
    with (
        django_db_blocker.unblock(),
        servers.running(
            "uvicorn", directory, layers=layer, application="deaf"
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


FORGED = [
    {"type": layers.LOOK},
    {"type": layers.LOOK, "group": 5},
    {"type": layers.LOOK, "group": ["x"]},
    {"type": layers.LOOK, "group": "durable.unknown"},
    {"type": layers.LOOK, "next_offset": "drop", "group": None},
    {"type": "websocket.send", "text": "forged"},
    {"group": "x" * 10_000},
]


def test_forged_messages_do_nothing(deaf, layer, scribe, settings):
    settings.CHANNEL_LAYERS = layer
    target = stream_target(scribe.workflow_id, "out").name

    async def forge():
        forger = channel_layers.make_backend("default")
        for message in FORGED:
            await forger.group_send(layers.group_of(target), message)

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
    names = {layers.group_of(f"stream:{each}:out") for each in odd}

    assert len(names) == 4
    assert all(name.replace(".", "").isalnum() and len(name) < 100 for name in names)


def test_no_layer_is_asked_where_the_settings_name_none(settings):
    settings.CHANNEL_LAYERS = {"other": {"BACKEND": "nowhere.Layer"}}
    assert layers._alias() is None

    settings.DURABLE = {"STREAM_CHANNEL_LAYER": None}
    assert layers._alias() is None
