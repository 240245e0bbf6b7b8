"""Signed, expiring permission to watch: what a page gives to its browser."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from django.core import signing

from django_durable import clock, conf, durations
from django_durable.definitions.handles import WorkflowHandle
from django_durable.durations import Seconds

SALT = "django_durable.streaming.token"
LONGEST_TOKEN = 4096


class BadToken(Exception):
    """A token that this site has not signed, or that says nothing."""


class ExpiredToken(Exception):
    """A token whose time is over."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a token permits: ``user`` is a primary key as text, or None."""

    workflow_id: str
    key: str
    user: str | None
    expires_at: float

    def permits(self, workflow_id: str, key: str) -> bool:
        """Tell whether a stream is one of those that the token is for."""
        if self.workflow_id != workflow_id:
            return False
        # Of the patterns of fnmatch only the star: brackets stand for themselves.
        pattern = self.key.replace("[", "[[]").replace("?", "[?]")
        return fnmatchcase(key, pattern)


def stream_token(
    workflow_id: "str | WorkflowHandle[Any]",
    key: str,
    max_age: Seconds | None = None,
    *,
    user: Any = None,
) -> str:
    """Return a signed token that lets a browser watch a stream of a workflow.

    ``key`` names the stream. A ``*`` in it stands for any characters (a key that
    comes from outside must not bring one), and the empty key for the status feed
    of the workflow, so that ``"*"`` permits all.
    The token lasts ``max_age`` (seconds or timedelta), else
    ``DURABLE["STREAM_TOKEN_AGE"]``. With ``user`` it ends as soon as that user
    is deactivated, and no other logged-in user may use it. Whoever may see the
    page gets it: check that before.
    """
    if isinstance(workflow_id, WorkflowHandle):
        workflow_id = workflow_id.workflow_id
    if not isinstance(workflow_id, str) or not isinstance(key, str):
        raise TypeError("stream_token() takes a workflow or its id, and a key.")
    pk = getattr(user, "pk", None)  # None for somebody who is not logged in.
    age = conf.current().stream_token_age
    if max_age is not None:
        age = durations.seconds(max_age, "max_age")
    return signing.dumps(
        {
            "w": workflow_id,
            "k": key,
            "u": None if pk is None else str(pk),
            "e": round(clock.wall_seconds() + age, 3),
        },
        salt=SALT,
    )


def read_token(text: str) -> Token:
    """Return what a token says, or raise BadToken or ExpiredToken."""
    if len(text) > LONGEST_TOKEN or not text.isascii():
        raise BadToken
    try:
        said = signing.loads(text, salt=SALT)
        token = Token(said["w"], said["k"], said["u"], float(said["e"]))
    except (signing.BadSignature, ValueError, TypeError, KeyError):
        raise BadToken from None
    if token.expires_at <= clock.wall_seconds():
        raise ExpiredToken
    return token
