"""Addresses of the console, and workflows that it can show."""

import re
from uuid import uuid4

from django.contrib.admin.utils import quote
from django.urls import reverse

import django_durable as durable
from django_durable import bulk, clock
from django_durable.models import Workflow
from django_durable.testing import run_until_idle
from tests import workflows

LIST = reverse("admin:django_durable_workflow_changelist")


@durable.workflow
def asks_aloud():
    """Write into a stream, then ask a person."""
    durable.write_stream("log", "a line")
    return durable.recv("verdict", human=True)


def page(workflow, action="change"):
    """Return the address of a workflow's page, or of one that acts on it."""
    name = f"admin:django_durable_workflow_{action}"
    return reverse(name, args=[quote(getattr(workflow, "pk", workflow))])


def finished(workflow_id="order-1"):
    """Return a finished workflow with steps and a child."""
    workflows.book.using(workflow_id=workflow_id)("a")
    return Workflow.objects.get(pk=workflow_id)


def asking(workflow_id="asks"):
    """Return the handle of a workflow with a stream, that asks at step 2."""
    handle = asks_aloud.using(workflow_id=workflow_id).start()
    run_until_idle()
    return handle


def queued(**options):
    """Return a workflow that nobody has begun."""
    handle = workflows.total.using(**options).start(1, 2)
    return Workflow.objects.get(pk=handle.workflow_id)


def choice(user, action, **changes):
    """Return the fields of a selection: all that stands in the queue ``many``."""
    return {
        "action": action,
        "user": str(user.pk),
        "key": str(uuid4()),
        "cutoff": clock.now().isoformat(),
        "count": 1000,
        "ids": None,
        "params": {"queue": "many", "window": "all", "level": "all"},
        **changes,
    }


def begun(user, action, *, site="admin", **changes):
    """Start the bulk run that a user orders; see choice()."""
    chosen = choice(user, action, **changes)
    by = user.get_username()
    order = {"selection": chosen, "site": site, "user": chosen["user"], "by": by}
    facts = {"action": action, "by": by, "user": chosen["user"], "total": 1000}
    run = bulk.bulk.using(
        workflow_id=bulk.PREFIX + chosen["key"], priority=100, attributes=facts
    )
    return run.start({**order, "reason": ""})


def answer(**fields):
    """Return what a form of the console sends."""
    return {"nonce": str(uuid4()), "reason": "", **fields}


def hidden(text):
    """Return the hidden fields of a page, in any order of their attributes."""
    found = {}
    for tag in re.findall(r"<input\b[^>]*>", text):
        given = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if given.get("type") == "hidden":
            found[given["name"]] = given.get("value", "")
    return found
