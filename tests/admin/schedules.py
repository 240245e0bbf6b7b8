"""Schedules for the console to show."""

import datetime as dt

import django_durable as durable
from django_durable.definitions import schedules
from django_durable.execution.scheduling import declare
from django_durable.models import Schedule

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
