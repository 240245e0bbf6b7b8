"""What schedules of the tests start."""

import datetime as dt

import django_durable as durable


@durable.workflow
def report(region="all"):
    return region


@durable.workflow
def long_report():
    durable.recv("done")


@durable.workflow
def daily_sales(scheduled_at: dt.datetime, region: str = "all"):
    return f"{scheduled_at.date()} {region}"


@durable.workflow
def figures(year, *, month):
    return year, month


def utc(text: str) -> dt.datetime:
    """Return the moment that ``text`` names in UTC."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
