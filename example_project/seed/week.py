"""The week itself: everything that happens in it, on a clock of its own."""

import logging
import random
from contextlib import ExitStack
from datetime import timedelta
from unittest import mock

import django
from django.test import override_settings

import django_durable as durable
from django_durable import clock, testing
from django_durable.models import Worker, Workflow
from example_project.approvals.models import Purchase
from example_project.orders.models import Order
from example_project.seed import house, shop, troubles
from example_project.seed.timeline import Timeline

# Ends a little ago, so that nothing seems to come from the future.
AGO = timedelta(minutes=2)
LANDMARK = "packing-1"


class CannotSeed(Exception):
    """The database is in use; the message says by what."""


def live_through(*, days: int = 7, orders: int = 110) -> int:
    """Live through a week and return how many workflows it left; once only.

    Raises CannotSeed where somebody else's workflows would be executed.
    """
    if Workflow.objects.filter(pk=LANDMARK).exists():
        return 0
    if Worker.objects.live().exists():
        raise CannotSeed("a worker is running; stop it first")
    if Workflow.objects.active().exists():
        raise CannotSeed("there are workflows that have not ended")
    before = Workflow.objects.count()
    with ExitStack() as stack:
        stack.enter_context(override_settings(**_quiet()))
        end = clock.now() - AGO
        week = testing.virtual_time(end - timedelta(days=days), schedules=True)
        time = stack.enter_context(week)
        timeline = Timeline(time, end, random.Random(11))
        stack.enter_context(mock.patch("time.sleep", timeline.pass_by))
        stack.callback(logging.disable, logging.root.manager.disable)
        logging.disable(logging.ERROR)
        shop.plan(timeline, time.now(), orders=orders)
        house.plan(timeline, time.now())
        troubles.plan(timeline)
        timeline.live()
        troubles.change_code()
        durable.limit_queue("reports", concurrency=1)
        _date_records()
    return Workflow.objects.count() - before


def _quiet() -> dict[str, object]:
    """Return settings under which nobody gets mail, and services take a second."""
    mute = "django.core.mail.backends.dummy.EmailBackend"
    if django.VERSION >= (6, 1):
        mail: dict[str, object] = {"MAILERS": {"default": {"BACKEND": mute}}}
    else:
        mail = {"EMAIL_BACKEND": mute}
    return {**mail, "ORDERS_SERVICE_DELAY": 1.0, "ADVICE_WORD_DELAY": 0.08}


def _date_records() -> None:
    """Give the shop's own records the times of their workflows."""
    changed = dict(Workflow.objects.values_list("pk", "changed_at"))
    orders = list(Order.objects.all())
    for order in orders:
        order.updated_at = changed.get(order.workflow_id, order.updated_at)
    Order.objects.bulk_update(orders, ["updated_at"])
    closed = list(Purchase.objects.exclude(closed_at=None))
    for purchase in closed:
        purchase.closed_at = changed.get(purchase.workflow_id, purchase.closed_at)
    Purchase.objects.bulk_update(closed, ["closed_at"])
