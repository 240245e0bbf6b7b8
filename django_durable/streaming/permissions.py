"""Who may watch: one decision for sockets and for HTTP."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from importlib import import_module
from inspect import iscoroutinefunction
from types import SimpleNamespace
from typing import Any

from asgiref.sync import async_to_sync
from django.apps import apps
from django.conf import settings
from django.contrib import auth
from django.core.exceptions import ValidationError
from django.utils.module_loading import import_string

from django_durable import conf
from django_durable.models import Workflow
from django_durable.models.ids import may_exist
from django_durable.redaction import patterns_for
from django_durable.streaming.tokens import BadToken, ExpiredToken, Token, read_token

# The key that stands for the status feed of a workflow.
FEED = ""


class Answer(Enum):
    """What came of a question for permission."""

    YES = "may watch"
    NO = "may not watch"
    WHO = "has not said who it is"
    EXPIRED = "has a token whose time is over"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks: by a token, by the cookie of a session, or both."""

    session_key: str | None
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, whom it is for, and the Unix time until which it holds.

    ``is_general``: a permission for all streams said so, nobody about this one.
    """

    answer: Answer
    user: str | None = None
    expires_at: float | None = None
    is_general: bool = False


def admit(
    visitor: Visitor, workflow_id: str, key: str, is_known: bool = False
) -> Decision:
    """Decide at the door, where a workflow that does not exist may not be watched.

    Everybody who is refused has cost the same statements, so that the time does not
    tell what exists. ``is_known`` saves those who are let in one of them.

    What is sent is what is stored, so a permission for all streams does not open
    those of a workflow of which displays hide something.
    """
    decision = decide(visitor, workflow_id, key)
    if decision.answer in (Answer.WHO, Answer.EXPIRED):
        return decision
    if decision.answer == Answer.YES and is_known and not decision.is_general:
        return decision
    name = _name_of(workflow_id)
    if name is None or (decision.is_general and patterns_for(name)):
        return replace(decision, answer=Answer.NO)
    return decision


def _name_of(workflow_id: str) -> str | None:
    """Return the name of a workflow that exists."""
    if not may_exist(workflow_id):
        return None
    rows = Workflow.objects.using(conf.current().database)
    return rows.filter(pk=workflow_id).values_list("name", flat=True).first()


def decide(visitor: Visitor, workflow_id: str, key: str) -> Decision:
    """Say whether somebody may watch. Asks the database: call it in a thread."""
    user = _session_user(visitor.session_key)
    if visitor.token is None:
        return _by_session(user, workflow_id, key)
    try:
        token = read_token(visitor.token)
    except BadToken:
        return Decision(Answer.WHO)
    except ExpiredToken:
        return Decision(Answer.EXPIRED)
    return _by_token(token, user, workflow_id, key)


def _by_session(user: Any, workflow_id: str, key: str) -> Decision:
    if user is None:
        return Decision(Answer.WHO)
    opinion = _opinion(user, workflow_id, key, has_token=False)
    may = _has_permission(user, key) if opinion is None else opinion
    answer = Answer.YES if may else Answer.NO
    return Decision(answer, str(user.pk), is_general=opinion is None)


def _has_permission(user: Any, key: str) -> bool:
    needed = ["django_durable.view_stream"]
    if key == FEED:
        needed.append("django_durable.view_workflow_data")  # It tells events.
    return bool(user.has_perms(needed))


def _by_token(token: Token, visiting: Any, workflow_id: str, key: str) -> Decision:
    refused = Decision(Answer.NO, token.user)
    user = visiting
    if token.user is not None:
        user = _active_user(token.user)
        is_another = visiting is not None and str(visiting.pk) != token.user
        if user is None or is_another:
            return refused
    # Whose token it is has been asked before: refusals take the same time.
    if not token.permits(workflow_id, key):
        return refused
    if _opinion(user, workflow_id, key, has_token=True) is False:
        return refused
    return Decision(Answer.YES, token.user, token.expires_at)


def _opinion(user: Any, workflow_id: str, key: str, *, has_token: bool) -> bool | None:
    """Ask the project's own function, if it has one; None: it has no opinion."""
    path = conf.current().stream_authorizer
    if path is None:
        return None
    function: Callable[..., Any] = import_string(path)
    if iscoroutinefunction(function):
        function = async_to_sync(function)
    answer = function(user=user, workflow_id=workflow_id, key=key, has_token=has_token)
    return None if answer is None else bool(answer)


def _session_user(session_key: str | None) -> Any:
    """Return the active user who is logged in under a session, else None."""
    if not may_exist(session_key) or not apps.is_installed("django.contrib.sessions"):
        return None
    stored = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    if stored.session_key is None:
        return None  # It cannot be one.
    # A look must not change the session, even where it could be refreshed.
    request = SimpleNamespace(session=_Session(stored.load()))
    user = auth.get_user(request)  # type: ignore[arg-type]
    return user if user.is_authenticated and user.is_active else None


def _active_user(pk: str) -> Any:
    try:
        user = auth.get_user_model()._default_manager.filter(pk=pk).first()
    except (TypeError, ValueError, ValidationError):
        return None  # The model of users has changed.
    return user if user is not None and user.is_active else None


class _Session(dict[str, Any]):
    """The content of a session that nobody stores again."""

    def flush(self) -> None:
        self.clear()

    def cycle_key(self) -> None:
        pass
