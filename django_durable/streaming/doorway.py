"""Who comes in by HTTP, and how those are turned away who do not."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.db import InterfaceError, OperationalError, connections, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from django_durable.streaming.entries import to_text
from django_durable.streaming.frames import BadMessage
from django_durable.streaming.limits import TooMany
from django_durable.streaming.origins import comes_from_elsewhere
from django_durable.streaming.outages import outages
from django_durable.streaming.permissions import Answer, Decision, Visitor, admit
from django_durable.streaming.places import Asked, Query

RETRY_SECONDS = 10

View = Callable[[HttpRequest], Coroutine[Any, Any, HttpResponseBase]]


class Refusal(Exception):
    """An answer that is no success."""

    reasons: ClassVar[dict[int, str]] = {
        401: "A token is needed: Authorization: Bearer …",
        403: "This may not be watched, or does not exist.",
        404: "There is no such entry.",
        501: "Server-sent events need an ASGI server.",
        503: "Too many are watching.",
    }

    def __init__(self, status: int, reason: str = "") -> None:
        super().__init__(status)
        self.status = status
        self.reason = reason or self.reasons[status]


def answering(view: View) -> View:
    """Turn refusals into answers, and let nobody keep what was answered."""

    @wraps(view)
    async def answer(request: HttpRequest) -> HttpResponseBase:
        try:
            response = await view(request)
        except BadMessage as error:
            response = _refused(Refusal(400, str(error)))
        except Refusal as refusal:
            response = _refused(refusal)
        except TooMany:
            response = _refused(Refusal(503))
        except (InterfaceError, OperationalError) as error:
            outages.report("Somebody who would watch waits for the database: %s", error)
            response = _refused(Refusal(503, "The database does not answer."))
        response["Cache-Control"] = "no-store, no-transform"
        response["X-Content-Type-Options"] = "nosniff"
        return response

    # Django opens no transaction around async views: it would raise.
    for alias in connections:
        answer = transaction.non_atomic_requests(using=alias)(answer)
    return answer


def _refused(refusal: Refusal) -> HttpResponse:
    response = json_response(to_text({"error": refusal.reason}))
    response.status_code = refusal.status
    if refusal.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if refusal.status == 503:
        response["Retry-After"] = str(RETRY_SECONDS)
    return response


async def admitted(request: HttpRequest, asked: Asked) -> tuple[Visitor, Decision]:
    """Return who asks, and that it may watch; raises Refusal."""
    cookie = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    visitor = Visitor(cookie, _token(request))
    if visitor.token is None and cookie and comes_from_elsewhere(request):
        raise Refusal(403)
    decision = await sync_to_async(admit)(visitor, asked.workflow_id, asked.key)
    if decision.answer == Answer.NO:
        raise Refusal(403)
    if decision.answer != Answer.YES:
        raise Refusal(401)
    return visitor, decision


def wants_events(request: HttpRequest) -> bool:
    """Tell whether it is an event stream that is wanted; raises Refusal."""
    live = request.GET.get("live")
    if live not in (None, "sse"):
        raise BadMessage("live must be sse, or left out")
    return live is not None and request.method != "HEAD"


def check_server(request: HttpRequest) -> None:
    """Raise Refusal where no event stream can be served."""
    if not isinstance(request, ASGIRequest):
        raise Refusal(501)


def query_of(request: HttpRequest) -> Query:
    """Return the query string of a request."""
    return {name: request.GET.getlist(name) for name in request.GET}


def json_response(text: str) -> HttpResponse:
    """Return an answer that is JSON already."""
    return HttpResponse(text, content_type="application/json")


def _token(request: HttpRequest) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
