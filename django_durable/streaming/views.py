"""Streams over HTTP: what there is as JSON, what comes as server-sent events."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.views.decorators.http import require_safe

from django_durable.models.ids import may_exist
from django_durable.models.watching import Wanted, see
from django_durable.streaming import places, sse
from django_durable.streaming.entries import MOST_ENTRIES, Entry, to_text, value_text
from django_durable.streaming.frames import BadMessage
from django_durable.streaming.limits import TooMany
from django_durable.streaming.permissions import Answer, Decision, Visitor, decide
from django_durable.streaming.places import Asked
from django_durable.streaming.streams import NOWHERE, News, read
from django_durable.streaming.topics import database

# One answer has about so many bytes of entries at most.
MOST_BYTES = 1024 * 1024
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


def _answering(view: View) -> View:
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
        response["Cache-Control"] = "no-store, no-transform"
        response["X-Content-Type-Options"] = "nosniff"
        return response

    return answer


def _refused(refusal: Refusal) -> HttpResponse:
    response = _json({"error": refusal.reason}, status=refusal.status)
    if refusal.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if refusal.status == 503:
        response["Retry-After"] = str(RETRY_SECONDS)
    return response


@require_safe
@_answering
async def stream(request: HttpRequest) -> HttpResponseBase:
    """Answer with entries of a stream, or with an event stream of them."""
    query, live = _query(request.GET), request.GET.get("live")
    asked = places.asked_stream(query)
    if live not in (None, "sse"):
        raise BadMessage("live must be sse, or left out")
    if last := request.headers.get("Last-Event-ID"):
        start = places.offset_of(last, "Last-Event-ID") + 1
        asked = Asked(asked.workflow_id, asked.key, start)
    visitor, decision = await _admit(request, asked)
    if live is None or request.method == "HEAD":
        news = await sync_to_async(_read)(asked)
        return _entries(asked, news)
    if not isinstance(request, ASGIRequest):
        raise Refusal(501)
    state = await sync_to_async(_state)(asked)
    if last and state.seen.is_over and asked.start >= state.seen.next_offset:
        return HttpResponse(status=204)  # EventSource does not come back.
    return sse.response(visitor, decision, asked)


@require_safe
@_answering
async def value(request: HttpRequest) -> HttpResponseBase:
    """Answer with one value, however large."""
    asked = places.asked_stream(_query(request.GET), start="offset")
    if asked.start < 0:
        raise BadMessage("offset must be 0 or more")
    await _admit(request, asked)
    stored = await sync_to_async(_value)(asked)
    return HttpResponse(value_text(stored), content_type="application/json")


async def _admit(request: HttpRequest, asked: Asked) -> tuple[Visitor, Decision]:
    cookie = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    visitor = Visitor(cookie, _token(request))
    decision = await sync_to_async(decide)(visitor, asked.workflow_id, asked.key)
    if decision.answer == Answer.NO:
        raise Refusal(403)
    if decision.answer != Answer.YES:
        raise Refusal(401)
    return visitor, decision


def _token(request: HttpRequest) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _query(query: QueryDict) -> dict[str, list[str]]:
    return {name: query.getlist(name) for name in query}


def _state(asked: Asked) -> News:
    """Return how a stream stands; raises Refusal."""
    return _look(Asked(asked.workflow_id, asked.key, NOWHERE))


def _read(asked: Asked) -> News:
    """Return the entries from an offset on; raises Refusal."""
    return _look(asked) if asked.start >= 0 else _state(asked)


def _look(asked: Asked) -> News:
    if not may_exist(asked.workflow_id):
        raise Refusal(403)
    wanted = Wanted(asked.workflow_id, asked.key, asked.start)
    (news,) = read([wanted], MOST_ENTRIES)
    if news.seen.status is None:
        raise Refusal(403)
    return news


def _value(asked: Asked) -> str:
    if not may_exist(asked.workflow_id):
        raise Refusal(403)
    wanted = Wanted(asked.workflow_id, asked.key, asked.start)
    (seen,) = see(connections[database()], [wanted], limit=1, largest=2**31 - 1)
    if seen.status is None:
        raise Refusal(403)
    if not seen.entries or seen.entries[0].value is None:
        raise Refusal(404)
    return seen.entries[0].value


def _entries(asked: Asked, news: News) -> HttpResponse:
    taken = _fit(news.entries)
    seen = news.seen
    reached = taken[-1].offset + 1 if taken else max(asked.start, news.earliest)
    if asked.start < 0:
        reached = seen.next_offset
    head = to_text(
        {
            "earliest": news.earliest,
            "next": reached,
            "more": reached < seen.next_offset,
            "over": seen.is_over,
            "status": seen.status,
        }
    )
    listed = ",".join(entry.text for entry in taken)
    text = f'{head[:-1]},"entries":[{listed}]}}'
    response = HttpResponse(text, content_type="application/json")
    response["Stream-Next-Offset"] = str(reached)
    return response


def _fit(entries: list[Entry]) -> list[Entry]:
    taken: list[Entry] = []
    size = 0
    for entry in entries:
        size += entry.size
        if taken and size > MOST_BYTES:
            break
        taken.append(entry)
    return taken


def _json(content: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(
        to_text(content), content_type="application/json", status=status
    )
