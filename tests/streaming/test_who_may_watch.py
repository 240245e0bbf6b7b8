"""Tokens, sessions and the project's own say, on a real server."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core import signing

import django_durable as durable
from django_durable import clock
from django_durable.streaming import tokens
from tests.people import cookie_of, session_of, user_with
from tests.streaming.clients import opened, refused, url, watching


def code_for(server, scribe, token, key="out"):
    with watching(server, scribe, key, token=token) as client:
        heard, code = client.closed_with()
    assert heard == []
    return code


def forged(scribe, **changes):
    said = {"w": scribe.workflow_id, "k": "out", "u": None, "e": 2**40, **changes}
    return signing.dumps(said, salt=tokens.SALT)


def test_a_token_that_has_expired_is_refused(server, scribe):
    token = durable.stream_token(scribe.workflow_id, "out", 0)

    assert code_for(server, scribe, token) == 4401


@pytest.mark.parametrize(
    "token",
    ["x", "", "a:b:c", "☃", "\ud800", "x" * 10_000, "e30:1abcde:signature"],
)
def test_a_forged_token_is_refused(uvicorn, scribe, token):
    with watching(uvicorn, scribe, token=False) as client:
        client.say("hello", token=token)
        assert client.closed_with() == ([], 4401)


def test_a_token_with_another_key_or_salt_is_refused(uvicorn, scribe):
    said = {"w": scribe.workflow_id, "k": "out", "u": None, "e": 2**40}

    assert code_for(uvicorn, scribe, signing.dumps(said, salt="x")) == 4401
    other = signing.dumps(said, key="another", salt=tokens.SALT)
    assert code_for(uvicorn, scribe, other) == 4401
    tampered = forged(scribe)[:-1] + "x"
    assert code_for(uvicorn, scribe, tampered) == 4401
    assert code_for(uvicorn, scribe, signing.dumps([1], salt=tokens.SALT)) == 4401


def test_a_token_for_another_stream_is_refused(server, scribe):
    other = type(scribe)()

    for token in (
        durable.stream_token(scribe.workflow_id, "another"),
        durable.stream_token(other.workflow_id, "out"),
        durable.stream_token(scribe.workflow_id, ""),
    ):
        assert code_for(server, scribe, token) == 4403


def test_a_workflow_that_does_not_exist_gets_the_answer_of_a_forbidden_one(
    server, scribe
):
    token = durable.stream_token("nobody", "out")
    address = url(server, workflow="nobody", key="out")

    with opened(server, address) as client:
        client.say("hello", token=token)
        assert client.closed_with() == ([], 4403)


def test_a_pattern_permits_the_streams_that_it_matches(uvicorn, scribe):
    token = durable.stream_token(scribe.workflow_id, "log.*")
    scribe.write("log.a", "a")

    with watching(uvicorn, scribe, "log.a", token=token) as client:
        client.hear("welcome")
    assert code_for(uvicorn, scribe, token, "other") == 4403


@pytest.mark.once
@pytest.mark.parametrize(
    ("pattern", "permitted", "refused"),
    [
        ("out", ["out"], ["", "Out", "outs", "o*t"]),
        ("*", ["out", "", "a\nb"], []),
        ("", [""], ["out", "*"]),
        ("log.*", ["log.a", "log."], ["log", "blog.a"]),
        ("a[1]?", ["a[1]?"], ["a1x", "a[1]x", "a1?"]),
    ],
)
def test_only_a_star_is_special_in_the_key_of_a_token(pattern, permitted, refused):
    token = tokens.read_token(durable.stream_token("w", pattern))

    assert all(token.permits("w", key) for key in permitted)
    assert not any(token.permits("w", key) for key in refused)
    assert not any(token.permits("x", key) for key in permitted)


@pytest.mark.once
def test_a_token_lasts_as_long_as_it_is_told(settings):
    ages = {
        durable.stream_token("w", "out"): 900,
        durable.stream_token("w", "out", timedelta(hours=1)): 3600,
        durable.stream_token("w", "out", max_age=5): 5,
    }
    settings.DURABLE = {"STREAM_TOKEN_AGE": timedelta(days=1)}
    ages[durable.stream_token("w", "out")] = 86400

    for text, age in ages.items():
        left = tokens.read_token(text).expires_at - clock.wall_seconds()
        # Expiry is a number of milliseconds.
        assert age - 60 < left <= age + 0.001


@pytest.mark.once
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((5, "out"), TypeError),
        (("w", None), TypeError),
        (("w", "out", "5"), TypeError),
        (("w", "out", -1), ValueError),
        (("w", "out", float("nan")), ValueError),
    ],
)
def test_a_token_for_nonsense_is_refused(arguments, error):
    with pytest.raises(error):
        durable.stream_token(*arguments)


@pytest.mark.once
def test_a_token_for_somebody_who_is_not_logged_in_names_nobody():
    text = durable.stream_token("w", "out", user=AnonymousUser())

    assert tokens.read_token(text).user is None


@pytest.mark.once
def test_a_token_signed_with_a_former_key_is_good(settings):
    former = durable.stream_token("w", "out")
    settings.SECRET_KEY = "another"

    with pytest.raises(tokens.BadToken):
        tokens.read_token(former)
    settings.SECRET_KEY_FALLBACKS = ["only-for-tests"]
    assert tokens.read_token(former).workflow_id == "w"


def test_a_token_in_the_address_does_not_count(uvicorn, scribe):
    token = durable.stream_token(scribe.workflow_id, "out")

    with watching(uvicorn, scribe, token=False, token_=token) as client:
        client.say("hello")
        assert client.closed_with() == ([], 4401)


def test_the_project_may_refuse_a_token(uvicorn, scribe):
    token = durable.stream_token(scribe.workflow_id, "secret")

    assert code_for(uvicorn, scribe, token, "secret") == 4403


def test_the_user_of_a_token_has_to_be_active(uvicorn, scribe):
    user = user_with()
    token = durable.stream_token(scribe.workflow_id, "out", user=user)

    with watching(uvicorn, scribe, token=token) as client:
        client.hear("welcome")
    user.is_active = False
    user.save()
    assert code_for(uvicorn, scribe, token) == 4403
    user.delete()
    assert code_for(uvicorn, scribe, token) == 4403


def test_another_user_may_not_use_a_token(uvicorn, scribe):
    ana, eve = user_with(), user_with(name="eve")
    token = durable.stream_token(scribe.workflow_id, "out", user=ana)
    address = url(uvicorn, workflow=scribe.workflow_id, key="out")

    for user, first in ((ana, ("welcome", 0)), (eve, (None, 4403))):
        cookie = cookie_of(session_of(user))
        with opened(uvicorn, address, **cookie) as client:
            client.say("hello", token=token)
            if first[0]:
                client.hear("welcome")
            else:
                assert client.closed_with() == ([], 4403)


def session_client(server, scribe, session_key, key="out", path="streams"):
    query = {} if path == "workflows" else {"key": key}
    address = url(server, path, workflow=scribe.workflow_id, **query)
    return opened(server, address, **cookie_of(session_key))


def test_a_session_with_the_permission_needs_no_token(server, scribe):
    session_key = session_of(user_with("view_stream"))

    with session_client(server, scribe, session_key) as client:
        client.hear("welcome")
        client.say("hello")  # It may say so all the same.
        client.say("ping")
        assert client.hear_until("pong")


def test_a_session_without_the_permission_is_refused(server, scribe):
    session_key = session_of(user_with("view_workflow"))

    with session_client(server, scribe, session_key) as client:
        client.say("hello")
        assert client.closed_with() == ([], 4403)


def test_a_session_without_the_permission_may_have_a_token(uvicorn, scribe):
    session_key = session_of(user_with())

    with session_client(uvicorn, scribe, session_key) as client:
        client.say("hello", token=durable.stream_token(scribe.workflow_id, "out"))
        client.hear("welcome")


def test_the_project_may_permit_a_session_and_refuse_one(uvicorn, scribe):
    stranger = session_of(user_with())
    staff = session_of(user_with("view_stream", name="staff"))

    with session_client(uvicorn, scribe, stranger, "public") as client:
        client.hear("welcome")
    with session_client(uvicorn, scribe, staff, "secret") as client:
        client.say("hello")
        assert client.closed_with() == ([], 4403)


@pytest.mark.parametrize("session_key", ["", "x", "a" * 32, "ä" * 10])
def test_a_session_that_does_not_exist_is_nobody(uvicorn, scribe, session_key):
    with session_client(uvicorn, scribe, session_key) as client:
        client.say("hello")
        assert client.closed_with() == ([], 4401)


def test_the_feed_needs_the_permission_to_see_data(uvicorn, scribe):
    some = session_of(user_with("view_stream"))
    all_ = session_of(user_with("view_stream", "view_workflow_data", name="all"))

    with session_client(uvicorn, scribe, some, path="workflows") as client:
        client.say("hello")
        assert client.closed_with() == ([], 4403)
    with session_client(uvicorn, scribe, all_, path="workflows") as client:
        client.hear("welcome")


def test_a_path_that_does_not_exist_is_no_socket(server, db):
    address = f"ws://127.0.0.1:{server.port}/ws/nothing/"

    assert refused(server, address) == 403
