"""The example's site on the test database, and who visits it."""

import socket
import uuid

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client

from example_project.advice.models import Question
from tests.browser.chromium import closely_watched
from tests.browser.wire import Wire
from tests.journeys.processes import Process, Processes, environment, wait_until
from tests.streaming.scribe import Scribe
from tests.streaming.servers import free_port

SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.browser.settings"}


class Site:
    """The site as ``runserver`` shows it, and the wire that leads to it."""

    def __init__(self, port, process, wire):
        self.port, self.process, self.wire = port, process, wire
        self.origin = f"http://127.0.0.1:{port}"
        self.far_origin = f"http://127.0.0.1:{wire.port}"


@pytest.fixture(scope="package")
def only_site(browser, django_db_setup, django_db_blocker, tmp_path_factory):
    """Start the site once; without a browser there is no need of it."""
    directory, port = tmp_path_factory.mktemp("site"), free_port()
    with django_db_blocker.unblock():
        variables = environment(directory, **SETTINGS)
    command = ["-m", "django", "runserver", "--noreload"]
    process = Process([*command, f"127.0.0.1:{port}"], variables, directory / "log")
    wire = Wire(port)
    try:
        wait_until(lambda: answers(port) or not process.is_running, "the site")
        assert process.is_running, process.log
        yield Site(port, process, wire)
    finally:
        wire.close()
        process.kill()


@pytest.fixture
def site(transactional_db, only_site):
    """Give the site; it must not log a traceback."""
    before = len(only_site.process.log)
    yield only_site
    logged = only_site.process.log[before:]
    print(logged)
    assert "Traceback" not in logged


@pytest.fixture
def processes(site, tmp_path):
    """Start workers; all have ended after the test."""
    started = Processes(tmp_path)
    yield started
    started.close()
    started.print_logs()


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Talk:
    """A conversation with one question, which the test answers."""

    def __init__(self):
        self.conversation = uuid.uuid4()
        self.question = Question.objects.create(
            conversation=self.conversation, text="How long should it brew?"
        )
        self.scribe = Scribe(self.question.workflow_id)
        self.path = f"/advice/{self.conversation}/"
        self.workflow_id = self.question.workflow_id

    def write(self, *words):
        """Write words of the answer."""
        self.scribe.write("answer", *words)


@pytest.fixture
def talk(site):
    return Talk()


@pytest.fixture
def visit(site, open_window):
    """Return a function that opens a page of the site, as somebody.

    ``talk`` is a conversation of the visitor, ``client`` the test client whose
    session it is.
    """
    watched = []

    def visited(path, *, talk=None, client=None, origin=site.origin, **options):
        window = open_window(**options)
        session = (client or Client()).session
        if talk is not None:
            session["conversations"] = [str(talk.conversation)]
        session.save()
        name = settings.SESSION_COOKIE_NAME
        window.add_cookies(
            [{"name": name, "value": session.session_key, "url": site.origin}]
        )
        watch = closely_watched(window.new_page())
        watched.append(watch)
        page = watch.__enter__()
        page.goto(f"{origin}{path}")
        return page

    yield visited
    for watch in watched:
        watch.__exit__(None, None, None)


@pytest.fixture
def staff(site):
    """Return the test client of a member of the staff."""
    user = get_user_model().objects.create_user("grace", is_staff=True)
    client = Client()
    client.force_login(user)
    return client
