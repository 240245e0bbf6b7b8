"""Bad input is refused at the call, before anything is written."""

import math

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import SynchronousOnlyOperation

import django_durable as durable
from django_durable.models import Event, Notification, StreamEntry
from django_durable.testing import run_until_idle
from tests.communication import workflows

pytestmark = pytest.mark.django_db

BAD_NAMES = [
    ("x" * 256, ValueError, "at most 255 characters"),
    ("", ValueError, "must not be empty"),
    ("nul\0", ValueError, "must not hold"),
    ("lone \ud800", ValueError, "must not hold"),
    (7, TypeError, "must be a string"),
]
NAMES = pytest.mark.parametrize(("name", "error", "problem"), BAD_NAMES)


@durable.workflow
def tries(call, *args, **kwargs):
    """Make a call of the package; tell what it raised."""
    try:
        getattr(durable, call)(*args, **kwargs)
    except Exception as error:
        return [type(error).__name__, str(error)]
    return None


@durable.step
def try_in_step(call, *args, **kwargs):
    return tries.func(call, *args, **kwargs)


@durable.workflow
def tries_in_step(call, *args):
    return try_in_step(call, *args)


def tried(definition, *args, **kwargs):
    """Return what a call inside a workflow has raised."""
    handle = definition.start(*args, **kwargs)
    run_until_idle()
    return handle.get_result()


@NAMES
def test_topics_and_keys_are_checked_outside(name, error, problem):
    handle = workflows.receiver.start()

    for call in (
        lambda: durable.send(handle, 1, name),
        lambda: durable.send(handle, 1, idempotency_key=name),
        lambda: durable.Message(handle.workflow_id, 1, name),
        lambda: durable.get_event(handle, name),
        lambda: durable.read_stream(handle, name),
        lambda: durable.on_message(name),
    ):
        with pytest.raises(error, match=problem):
            call()
    assert not Notification.objects.exists()


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("recv", ["x" * 256]),
        ("set_event", ["", 1]),
        ("write_stream", ["x" * 256, 1]),
        ("close_stream", [""]),
        ("get_event", ["w", ""]),
    ],
)
def test_topics_and_keys_are_checked_inside(call, arguments):
    assert tried(tries, call, *arguments)[0] == "ValueError"


@pytest.mark.parametrize("timeout", [-1, math.nan, math.inf, "5", True, 10**12])
def test_time_outs_are_checked(timeout):
    handle = workflows.receiver.start()
    expected = "TypeError" if timeout in ("5", True) else "ValueError"

    assert tried(tries, "recv", timeout=timeout)[0] == expected
    assert tried(tries, "get_event", "w", "key", timeout=timeout)[0] == expected
    for call in (durable.get_event, durable.read_stream):
        with pytest.raises((ValueError, TypeError)):
            call(handle, "key", timeout=timeout)


@pytest.mark.parametrize(
    ("call", "arguments"),
    [("recv", []), ("first_of", [durable.on_timer(1)])],
)
def test_only_a_workflows_body_receives(call, arguments):
    with pytest.raises(durable.NotInWorkflow, match=call):
        getattr(durable, call)(*arguments)


def test_a_step_does_not_receive():
    kind, message = tried(tries_in_step, "recv", "topic")

    assert kind == "NotInWorkflow"
    assert "recv was called" in message


@pytest.mark.parametrize(
    ("call", "arguments"),
    [("set_event", ["k", 1]), ("write_stream", ["k", 1]), ("close_stream", ["k"])],
)
def test_only_workflows_and_steps_publish(call, arguments):
    with pytest.raises(durable.NotInWorkflow, match=call):
        getattr(durable, call)(*arguments)


def test_a_message_that_cannot_be_stored_is_not_sent():
    handle = workflows.receiver.start()

    with pytest.raises(durable.SerializationError, match=r'message\["f"\]'):
        durable.send(handle, {"f": object()})
    with pytest.raises(durable.SerializationError):
        durable.send_many(
            [durable.Message(handle.workflow_id, value) for value in (1, object())]
        )

    assert not Notification.objects.exists()


def test_a_value_that_cannot_be_stored_is_not_published():
    for call in ("set_event", "write_stream"):
        handle = publishes_object.start(call)
        run_until_idle()
        with pytest.raises(durable.SerializationError, match="'k'"):
            handle.get_result()

    assert not Event.objects.exists()
    assert not StreamEntry.objects.exists()


@durable.workflow
def publishes_object(call):
    getattr(durable, call)("k", object())


@pytest.mark.parametrize("pk", ["nobody", "nul\0", "x" * 999, ""])
def test_unknown_workflows_are_named(pk):
    for call in (
        lambda: durable.send(pk, 1),
        lambda: durable.get_event(pk, "key"),
        lambda: durable.get_events(pk),
        lambda: durable.read_stream(pk, "key"),
    ):
        with pytest.raises(durable.WorkflowNotFound):
            call()


@pytest.mark.parametrize("pk", [None, 7, b"w"])
def test_an_id_is_a_string(pk):
    for call in (
        lambda: durable.send(pk, 1),
        lambda: durable.get_event(pk, "key"),
        lambda: durable.read_stream(pk, "key"),
        lambda: durable.on_result(pk),
    ):
        with pytest.raises(TypeError, match="workflow_id must be a string"):
            call()


@pytest.mark.parametrize(
    ("offset", "error"),
    [(-1, ValueError), (2**63, ValueError), (1.5, TypeError), (True, TypeError)],
)
def test_offsets_are_checked(offset, error):
    handle = workflows.receiver.start()

    for read in (durable.read_stream, durable.aread_stream):
        with pytest.raises(error, match="offset"):
            read(handle, "log", offset=offset)


def test_first_of_takes_what_can_be_waited_for():
    assert tried(tries, "first_of")[0] == "ValueError"
    assert tried(tries, "first_of", 5)[0] == "TypeError"


def test_send_many_takes_messages():
    with pytest.raises(TypeError, match="Message objects"):
        durable.send_many([("w", 1)])
    durable.send_many([])


def test_a_schema_is_a_dataclass_or_a_model():
    assert tried(tries, "recv", schema=5)[0] == "TypeError"


@pytest.mark.parametrize(
    ("call", "twin"),
    [
        ("send", "asend"),
        ("recv", "arecv"),
        ("set_event", "aset_event"),
        ("get_event", "aget_event"),
        ("write_stream", "awrite_stream"),
        ("read_stream", "aread_stream"),
    ],
)
def test_a_sync_call_on_an_event_loop_names_its_twin(call, twin):
    async def make():
        getattr(durable, call)("w", "x")

    if call == "recv":

        async def make():
            durable.recv()

    with pytest.raises(SynchronousOnlyOperation, match=twin):
        async_to_sync(make)()
