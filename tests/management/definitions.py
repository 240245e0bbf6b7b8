"""Workflows that the command line looks at."""

import django_durable as durable
from tests.workflows import add, fail


@durable.workflow
def wait_for_approval():
    """Wait a day for a message."""
    return durable.recv("approval", timeout=86_400, default="nobody")


@durable.workflow
def talk(name):
    """Publish an event and a stream, and wait to be told to stop."""
    add(1, 2)
    durable.set_event("greeting", {"hello": name})
    durable.write_stream("words", "hello")
    durable.write_stream("words", name)
    durable.recv("stop")
    durable.close_stream("words")
    return name


@durable.workflow
def refuse(message):
    """Fail by a step."""
    return fail(message)


@durable.step(max_attempts=5, interval=10, jitter=False)
def flaky():
    """Do it, if the test lets it."""
    return "done"


@durable.workflow
def insist():
    """Try until it works."""
    return flaky()


@durable.step(redact=["receipt"])
def charge(number):
    """Return what must not be seen."""
    return {"receipt": number}


@durable.workflow(redact=["card.number", "result.*"])
def pay(card, token):
    """Handle secrets, and fail with one in the message."""
    durable.set_event("result", charge(card["number"]))
    durable.write_stream("token", token)
    raise ValueError(f"no money with {token}")
