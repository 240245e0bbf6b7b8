"""Schedules for the console to show."""

import datetime as dt
import html
import re
from urllib.parse import urlencode

from django.urls import reverse

import django_durable as durable
from django_durable.definitions import schedules
from django_durable.execution.scheduling import declare
from django_durable.models import Schedule
from tests.admin.pages import hidden

SCHEDULES = reverse("admin:django_durable_schedules")
API = reverse("admin:django_durable_api_schedules")
NAME = "a@b:c & <i>é?#"


@durable.workflow
def report(region="all"):
    return region


def utc(text):
    """Return the moment that a text names in UTC."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def scheduled(name="report", cron="30 2 * * *", **options):
    """Store a schedule, in Berlin by default, as a worker of its code does."""
    options = {"time_zone": "Europe/Berlin", **options}
    durable.schedule(cron, name=name, **options)(report)
    declare("default", [schedules.find(name)])
    schedules.forget(name)
    return Schedule.objects.get(pk=name)


def address(name="report", action="", **asked):
    """Return where a schedule's page is, or the one of an action."""
    suffix = f"_{action}" if action else ""
    at = reverse(f"admin:django_durable_schedule{suffix}")
    return f"{at}?{urlencode({'schedule': name, **asked})}"


def backfilled(name="report", start="2026-11-24T00:00", end="2026-11-26T03:00"):
    """Return where the ticks of a range are made up for."""
    return address(name, "backfill", start=start, end=end)


def shown(response):
    """Return the text of a page, in one line, as somebody reads it."""
    body = response.text[response.text.index("dd-console") :]
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", body)).split())


def seen(response):
    """Return how a page's form says that what it is about was."""
    return hidden(response.text)["seen"]
