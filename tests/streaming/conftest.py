"""Real servers, started once for all tests, and what they must not log."""

import pytest

from tests.journeys.conftest import bounded
from tests.streaming import servers
from tests.streaming.scribe import Scribe

__all__ = ["bounded"]

MEMORY = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
NOWHERE = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": ["redis://127.0.0.1:1"]},
    }
}


@pytest.fixture(scope="session")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("streaming")


@pytest.fixture(scope="session")
def uvicorn(directory, django_db_setup, django_db_blocker):
    """Run uvicorn with the settings that come by themselves, without a layer."""
    with django_db_blocker.unblock(), servers.running("uvicorn", directory) as server:
        yield server


@pytest.fixture(scope="session")
def daphne(directory, django_db_setup, django_db_blocker):
    """Run daphne with the settings that come by themselves, and a useless layer."""
    with (
        django_db_blocker.unblock(),
        servers.running("daphne", directory, layers=MEMORY) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def hasty(directory, django_db_setup, django_db_blocker):
    """Run uvicorn with short time-outs, small limits, a broken layer."""
    with (
        django_db_blocker.unblock(),
        servers.running(
            "uvicorn", directory, settings=servers.HASTY, layers=NOWHERE
        ) as server,
    ):
        yield server


@pytest.fixture(params=["uvicorn", "daphne"])
def server(request):
    """Run the test on each kind of server."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def scribe(transactional_db):
    """Have a running workflow that publishes what the test says."""
    return Scribe()


@pytest.fixture(autouse=True)
def no_tracebacks(request):
    """Fail when a server has logged a traceback during the test."""
    names = {"uvicorn", "daphne", "hasty"} & set(request.fixturenames)
    if "server" in request.fixturenames:
        names.add(request.getfixturevalue("server").kind)
    used = [request.getfixturevalue(name) for name in sorted(names)]
    before = {server.port: len(server.log) for server in used}
    yield
    for server in used:
        logged = server.log[before[server.port] :]
        print(logged)
        assert "Traceback" not in logged
