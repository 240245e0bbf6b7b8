"""Streams and news over HTTP: what there is as JSON, what comes as events."""

from asgiref.sync import sync_to_async
from django.db import connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

from django_durable.models.news import Cursor
from django_durable.models.status import TERMINAL
from django_durable.models.watching import Wanted, see
from django_durable.streaming import feeds, places, sse
from django_durable.streaming.doorway import (
    Refusal,
    admitted,
    answering,
    check_server,
    json_response,
    query_of,
    wants_events,
)
from django_durable.streaming.entries import MOST_ENTRIES, Entry, to_text, value_text
from django_durable.streaming.feeds import FeedTopic
from django_durable.streaming.frames import BadMessage
from django_durable.streaming.places import Asked
from django_durable.streaming.streams import NOWHERE, News, StreamTopic, read
from django_durable.streaming.topics import database

# One answer has about so many bytes of entries at most.
MOST_BYTES = 1024 * 1024


@require_safe
@answering
async def stream(request: HttpRequest) -> HttpResponseBase:
    """Answer with entries of a stream, or with an event stream of them."""
    asked = places.asked_stream(query_of(request))
    is_live = wants_events(request)
    if last := request.headers.get("Last-Event-ID"):
        start = places.offset_of(last, "Last-Event-ID") + 1
        asked = Asked(asked.workflow_id, asked.key, start)
    visitor, decision = await admitted(request, asked)
    if not is_live:
        return _entries(asked, await sync_to_async(_read)(asked))
    check_server(request)
    state = await sync_to_async(_state)(asked)
    if last and state.seen.is_over and asked.start >= state.seen.next_offset:
        return HttpResponse(status=204)  # EventSource does not come back.
    return sse.response(request, StreamTopic, visitor, decision, asked)


@require_safe
@answering
async def feed(request: HttpRequest) -> HttpResponseBase:
    """Answer with the state of a workflow, or with an event stream of its news."""
    asked = places.asked_feed(query_of(request))
    is_live = wants_events(request)
    last = request.headers.get("Last-Event-ID")
    if last and last != sse.END:
        raise BadMessage(f"Last-Event-ID must be {sse.END}, or left out")
    visitor, decision = await admitted(request, asked)
    if not is_live:
        return _news(await sync_to_async(_seen)(asked))
    check_server(request)
    if last and (await sync_to_async(_seen)(asked)).status in TERMINAL:
        return HttpResponse(status=204)
    return sse.response(request, FeedTopic, visitor, decision, asked)


@require_safe
@answering
async def value(request: HttpRequest) -> HttpResponseBase:
    """Answer with one value, however large."""
    asked = places.asked_stream(query_of(request), start="offset")
    if asked.start < 0:
        raise BadMessage("offset must be 0 or more")
    await admitted(request, asked)
    stored = await sync_to_async(_value)(asked)
    return json_response(value_text(stored))


def _state(asked: Asked) -> News:
    """Return how a stream stands; raises Refusal."""
    return _look(Asked(asked.workflow_id, asked.key, NOWHERE))


def _read(asked: Asked) -> News:
    """Return the entries from an offset on; raises Refusal."""
    return _look(asked) if asked.start >= 0 else _state(asked)


def _look(asked: Asked) -> News:
    wanted = Wanted(asked.workflow_id, asked.key, asked.start)
    (news,) = read([wanted], MOST_ENTRIES)
    if news.seen.status is None:
        raise Refusal(403)
    return news


def _value(asked: Asked) -> str:
    wanted = Wanted(asked.workflow_id, asked.key, asked.start)
    (seen,) = see(connections[database()], [wanted], limit=1, largest=2**31 - 1)
    if seen.status is None:
        raise Refusal(403)
    if not seen.entries or seen.entries[0].value is None:
        raise Refusal(404)
    return seen.entries[0].value


def _seen(asked: Asked) -> feeds.News:
    """Return the state of a workflow; raises Refusal."""
    (news,) = feeds.look([Cursor(asked.workflow_id, None)])
    if news.status is None:
        raise Refusal(403)
    return news


def _news(news: feeds.News) -> HttpResponse:
    head = to_text({"status": news.status, "over": news.status in TERMINAL})
    listed = ",".join(feeds.text_of(told.content) for told in news.told)
    return json_response(f'{head[:-1]},"news":[{listed}]}}')


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
    response = json_response(text)
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
