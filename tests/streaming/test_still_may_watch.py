"""Who may watch no longer: sockets and event streams, of streams and of workflows."""

from contextlib import ExitStack, suppress

import pytest
from django.contrib.sessions.models import Session
from websockets.exceptions import ConnectionClosed

import django_durable as durable
from django_durable import signals
from django_durable.models.targets import result_target
from tests.people import cookie_of, session_of, user_with
from tests.streaming.clients import opened, url, watching
from tests.streaming.events import Events

ALL = "view_stream", "view_workflow_data"


class Socket:
    """A socket that watches a stream, or with an empty key the workflow."""

    def __init__(self, server, scribe, key, *, token=None, session_key=None):
        path = "streams" if key else "workflows"
        query = {"key": key} if key else {}
        address = url(server, path, workflow=scribe.workflow_id, **query)
        cookie = cookie_of(session_key) if session_key else {}
        self._opened = opened(server, address, **cookie)
        self._token = token

    def __enter__(self):
        self._client = self._opened.__enter__()
        if self._token:
            self._client.say("hello", token=self._token)
        self._client.hear_until("live")
        return self

    def __exit__(self, *exc_info):
        self._opened.__exit__(*exc_info)

    def end(self):
        """Return the reason that was told, and the code."""
        heard = [{"t": ""}]
        while heard[-1]["t"] != "end":
            try:
                heard.append(self._client.hear(timeout=0.1))
            except TimeoutError:
                with suppress(ConnectionClosed):
                    self._client.say("ping")
        return heard[-1]["reason"], self._client.close_code()


class Stream:
    """The same as an event stream, whose end says why as well."""

    def __init__(self, server, scribe, key, *, token=None, session_key=None):
        headers = cookie_of(session_key)["additional_headers"] if session_key else {}
        self._events = Events(server, scribe, key, token=token, headers=headers)

    def __enter__(self):
        self._events.until("live")
        return self

    def __exit__(self, *exc_info):
        self._events.__exit__(*exc_info)

    def end(self):
        reason = self._events.rest()[-1][1]["reason"]
        return reason, CODES[reason]


CODES = {"token_expired": 4401, "forbidden": 4403, "deleted": 1000}


@pytest.fixture(params=[Socket, Stream], ids=["sockets", "events"])
def ends_after(request, hasty, scribe):
    """Return a function that tells how a stream and a feed end after a change.

    They are opened at once; ``way`` says how for each key.
    """

    def ends_after(change, way):
        with ExitStack() as stack:
            watched = [
                stack.enter_context(request.param(hasty, scribe, key, **way(key)))
                for key in ("out", "")
            ]
            change()
            ends = {each.end() for each in watched}
        (end,) = ends
        assert end[1] == CODES[end[0]]
        return end[0]

    with watching(hasty, scribe) as client:
        client.hear_until("live")  # The server is awake.
    return ends_after


def by_token(scribe, **options):
    """Say hello with a token each."""
    return lambda key: {
        "token": durable.stream_token(scribe.workflow_id, key, **options)
    }


def by_session(user):
    """Come with the cookie of a user."""
    session_key = session_of(user)
    return lambda key: {"session_key": session_key}


def test_a_token_that_expires_ends_it(ends_after, scribe):
    way = by_token(scribe, max_age=0.8)

    assert ends_after(lambda: None, way) == "token_expired"


@pytest.mark.parametrize("has_token", [True, False])
def test_a_user_who_is_deactivated_is_cut_off(ends_after, scribe, has_token):
    user = user_with(*ALL)
    way = by_token(scribe, user=user) if has_token else by_session(user)

    def deactivate():
        user.is_active = False
        user.save()

    assert ends_after(deactivate, way) == "forbidden"


def test_a_user_who_logs_out_is_cut_off(ends_after):
    way = by_session(user_with(*ALL))

    assert ends_after(Session.objects.all().delete, way) == "forbidden"


def test_a_user_who_loses_the_permission_is_cut_off(ends_after):
    user = user_with(*ALL)

    assert ends_after(user.user_permissions.clear, by_session(user)) == "forbidden"


def test_a_workflow_that_is_deleted_ends_it(ends_after, scribe):
    def delete():
        scribe.delete()
        signals.publish("default", result_target(scribe.workflow_id).name)

    assert ends_after(delete, by_token(scribe)) == "deleted"
