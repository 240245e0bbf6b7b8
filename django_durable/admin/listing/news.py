"""How many rows a list would show by now that it does not show yet."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from django.contrib.admin.views.main import ALL_VAR, ORDER_VAR, PAGE_VAR, SEARCH_VAR
from django.http import HttpRequest
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware
from django.utils.translation import ngettext

from django_durable import clock
from django_durable.admin.listing.filters import PARAMETERS
from django_durable.bulk.narrowing import narrow
from django_durable.models.ids import may_exist

SINCE = "since"
# In whatever else the address says, the newest stand on the first page.
_ELSEWHERE = (ORDER_VAR, PAGE_VAR, ALL_VAR)
# Some servers refuse a request whose first line has more than 4,094 bytes.
LONGEST = 3950
BETWEEN = "\n"  # No id has it.
_CUT = "&cut=1"
_NARROW = frozenset({*PARAMETERS, SEARCH_VAR})


def address(ids: Iterable[str], asked: Mapping[str, str] | None) -> str:
    """Return what a list asks for as long as it is open.

    ``asked`` is the list's own address; where new rows would not stand on top, which
    None says, too, they are not asked for. As many ids as there is room for.
    """
    more = _news_of(asked) if asked is not None else ""
    query, room = "ids=", LONGEST - len(more) - len(_CUT)
    for pk in ids:
        longer = f"{query}{quote(pk, safe='')}{quote(BETWEEN)}"
        if len(longer) > room:
            more += _CUT
            break
        query = longer
    return query + more


def _news_of(asked: Mapping[str, str]) -> str:
    if any(name in asked for name in _ELSEWHERE):
        return ""
    more = "&" + urlencode([(SINCE, clock.now().isoformat()), *asked.items()])
    # The rows that are shown come first: without news, the page still follows them.
    return more if len(more) <= LONGEST // 2 else ""


def given_ids(request: HttpRequest) -> list[str]:
    """Return the ids that address() has written."""
    given = BETWEEN.join(request.GET.getlist("ids")).split(BETWEEN)
    return [pk for pk in given if pk]


def of_list(model_admin: Any, request: HttpRequest) -> str:
    """Return e.g. ``3 new — show`` for the list that ``request`` speaks of."""
    since = moment(request)
    if since is None:
        return ""
    given = {name: request.GET[name] for name in request.GET if name in _NARROW}
    if not all(may_exist(given[name]) for name in given if name != SEARCH_VAR):
        return ""
    with_data = model_admin.has_view_data_permission(request)
    rows = model_admin.get_queryset(request)
    if given.get(SEARCH_VAR):
        # Not again and again among all that there is: a search may be slow.
        rows = rows.filter(created_at__gt=since)
    rows = narrow(rows, given, now=clock.now(), with_data=with_data)
    # Of a row that is not named it cannot be told whether it is shown already.
    at = "created_at" if "cut" in request.GET else "changed_at"
    first = rows.order_by("-created_at", "-pk").values_list("pk", at)
    return counted(first[: model_admin.list_per_page], request, since)


def counted(
    rows: Iterable[tuple[str, datetime]], request: HttpRequest, since: datetime
) -> str:
    """Say how many of some rows have come or changed since, and are not shown."""
    known = set(given_ids(request))
    number = sum(pk not in known and at > since for pk, at in rows)
    text = ngettext("%d new — show", "%d new — show", number)
    return text % number if number else ""


def moment(request: HttpRequest) -> datetime | None:
    """Return since when; None where that is not asked."""
    return moment_of(request.GET.get(SINCE, ""))


def moment_of(text: str) -> datetime | None:
    """Return the moment that a page has written; None for anything else."""
    try:
        found = parse_datetime(text)
        # Near the ends of the calendar there is no such moment.
        return found.astimezone(UTC) if found and is_aware(found) else None
    except (ValueError, OverflowError):
        return None
