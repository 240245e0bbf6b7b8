"""Real servers, started once for all tests here, and what they must not log."""

import shutil

import pytest

from django_durable.streaming.outages import outages
from tests.journeys.conftest import bounded
from tests.streaming import servers
from tests.streaming.scribe import Scribe

__all__ = ["bounded"]

MEMORY = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
REDIS = "channels_redis.core.RedisChannelLayer"
# Daphne has a useless layer, the first uvicorn none.
KINDS = ["uvicorn", "daphne", "redis"]
UNHEARD = "tests.streaming.unheard"
HASTY = ["hasty", "hasty_daphne", "hasty_redis"]


def layer_of(port, backend=REDIS):
    """Return CHANNEL_LAYERS with a Redis behind it."""
    config = {"hosts": [f"redis://127.0.0.1:{port}"]}
    return {"default": {"BACKEND": backend, "CONFIG": config}}


NOWHERE = layer_of(1)


@pytest.fixture(scope="package")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("streaming")


@pytest.fixture(scope="package")
def redis_port(directory):
    """Run Redis, where there is one."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("There is no program redis-server here.")
    with servers.running_redis(program, directory) as port:
        yield port


@pytest.fixture(scope="package")
def uvicorn(directory, django_db_setup, django_db_blocker):
    """Run uvicorn with the settings that come by themselves, without a layer."""
    with django_db_blocker.unblock(), servers.running("uvicorn", directory) as server:
        yield server


@pytest.fixture(scope="package")
def daphne(directory, django_db_setup, django_db_blocker):
    """Run daphne with the settings that come by themselves, and a useless layer."""
    with (
        django_db_blocker.unblock(),
        servers.running("daphne", directory, layers=MEMORY) as server,
    ):
        yield server


@pytest.fixture(scope="package")
def hasty(directory, django_db_setup, django_db_blocker):
    """Run uvicorn with short time-outs, small limits, a broken layer."""
    with (
        django_db_blocker.unblock(),
        servers.running(
            "uvicorn", directory, settings=servers.HASTY, layers=NOWHERE
        ) as server,
    ):
        yield server


@pytest.fixture(scope="package")
def redis(redis_port, directory, django_db_setup, django_db_blocker):
    """Run uvicorn where hints come over Redis alone, as behind a pooler."""
    with (
        django_db_blocker.unblock(),
        servers.running(
            "uvicorn", directory, layers=layer_of(redis_port), application=UNHEARD
        ) as server,
    ):
        yield server


@pytest.fixture(scope="package")
def hasty_daphne(directory, django_db_setup, django_db_blocker):
    """Run daphne as hastily."""
    with (
        django_db_blocker.unblock(),
        servers.running("daphne", directory, settings=servers.HASTY) as server,
    ):
        yield server


@pytest.fixture(scope="package")
def hasty_redis(redis_port, directory, django_db_setup, django_db_blocker):
    """Run uvicorn as hastily, where hints come over Redis alone."""
    layers = layer_of(redis_port)
    with (
        django_db_blocker.unblock(),
        servers.running(
            "uvicorn",
            directory,
            settings=servers.HASTY,
            layers=layers,
            application=UNHEARD,
        ) as server,
    ):
        yield server


@pytest.fixture(params=KINDS)
def server(request, settings):
    """Run the test on each kind of server."""
    server = request.getfixturevalue(request.param)
    settings.CHANNEL_LAYERS = server.layers  # Whoever writes rings there.
    return server


@pytest.fixture
def scribe(transactional_db):
    """Have a running workflow that publishes what the test says."""
    return Scribe()


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    """Let each test hear what was said in an earlier one."""
    monkeypatch.setattr(outages, "_said_at", {})


@pytest.fixture(autouse=True)
def faults(request):
    """Fail when a server has logged a traceback, but of these errors."""
    names = {*KINDS, *HASTY, "server"} & set(request.fixturenames)
    used = {request.getfixturevalue(name) for name in sorted(names)}
    before = {server: len(server.log) for server in used}
    faults = []
    yield faults
    for server in used:
        logged = server.log[before[server] :]
        print(logged)
        assert logged.count("Traceback") == sum(map(logged.count, faults))
