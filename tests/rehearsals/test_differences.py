"""What is found where new code calls other steps, and what is not."""

import asyncio

import pytest

import django_durable as durable
from django_durable import failures
from django_durable.execution.divergence import Difference
from django_durable.models import Workflow
from django_durable.testing import run_until_idle
from tests.rehearsals.definitions import (
    HERE,
    added_before_the_wait,
    ends_before_the_wait,
    ends_early,
    is_rehearsing,
    line_of,
    original,
    other_kind,
    other_topic,
    patched,
    raises,
    raises_at_the_end,
    refuse,
    removed,
    renamed,
    renamed_locals,
    reordered,
    reserve,
    with_a_step_at_the_end,
)

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize(
    "new",
    [original, renamed_locals, with_a_step_at_the_end, patched],
    ids=lambda function: function.__name__,
)
def test_nothing_is_said_of_a_harmless_change(diverges, new, ended):
    assert diverges(original, new, ended=ended) is None


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize(
    ("new", "step_id", "recorded", "called", "line"),
    [
        (reordered, 1, "reserve", "pay", "pay()"),
        (removed, 2, "pay", "recv(go)", "recv"),
        (renamed, 1, "reserve", "book", "run_step"),
        (other_kind, 2, "pay (transaction)", "pay (step)", "run_step"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_another_step_than_the_recorded_one_is_found(
    diverges, new, step_id, recorded, called, line, ended
):
    found = diverges(original, new, ended=ended)

    assert found.difference is Difference.STEP
    assert (found.branch, found.step_id) == ("", step_id)
    assert (found.recorded, found.called) == (recorded, called)
    assert (found.file, found.line) == (HERE, line_of(new, line))


@pytest.mark.parametrize(
    ("new", "called", "line"),
    [
        (added_before_the_wait, "charge", "charge()"),
        (other_topic, "recv(come)", "recv"),
    ],
)
def test_another_call_than_the_wait_that_has_begun_is_found(
    diverges, new, called, line
):
    found = diverges(original, new)

    assert found.difference is Difference.BEGUN
    assert (found.step_id, found.recorded, found.called) == (3, "recv(go)", called)
    assert (found.file, found.line) == (HERE, line_of(new, line))


def test_a_step_before_a_wait_that_is_over_is_another_step(diverges):
    found = diverges(original, added_before_the_wait, ended=True)

    assert found.difference is Difference.STEP
    assert (found.recorded, found.called) == ("recv(go)", "charge")


@pytest.mark.parametrize(
    ("new", "ended", "step_id", "recorded"),
    [
        (ends_early, False, 2, "pay"),
        (ends_before_the_wait, False, 3, "recv(go)"),
        (ends_before_the_wait, True, 3, "recv(go)"),
    ],
)
def test_a_body_that_ends_before_its_history_is_found(
    diverges, new, ended, step_id, recorded
):
    found = diverges(original, new, ended=ended)

    assert found.difference is Difference.LEFT_OVER
    assert (found.step_id, found.recorded) == (step_id, recorded)
    assert (found.file, found.line) == (HERE, line_of(new, "def "))


def test_an_exception_in_the_middle_is_found(diverges):
    found = diverges(original, raises)

    assert found.difference is Difference.RAISED
    assert (found.called, found.recorded) == ("builtins:KeyError", "pay")
    assert (found.file, found.line) == (HERE, line_of(raises, '["items"]'))


def test_an_exception_instead_of_a_success_is_found(diverges):
    found = diverges(original, raises_at_the_end, ended=True)

    assert found.difference is Difference.RAISED
    assert (found.called, found.recorded) == ("builtins:LookupError", "SUCCESS")


def test_another_exception_than_the_recorded_one_is_found(diverges):
    def failing():
        refuse()

    def failing_otherwise():
        try:
            refuse()
        except ValueError as error:
            raise LookupError("no") from error

    assert diverges(failing, failing) is None
    found = diverges(failing, failing_otherwise)

    assert (found.recorded, found.called) == (
        "builtins:ValueError",
        "builtins:LookupError",
    )


def test_what_a_body_raises_on_its_way_out_is_no_end_of_it(diverges):
    def untidy():
        reserve()
        try:
            durable.recv("go")
        finally:
            raise LookupError("no such file")

    assert diverges(untidy, untidy) is None


@pytest.mark.parametrize("kind", [SystemExit, asyncio.CancelledError])
def test_the_oddest_ends_fit_themselves(diverges, kind):
    async def ending():
        raise kind

    assert diverges(ending, ending) is None


def test_an_interruption_ends_a_check_unless_it_is_recorded(deploy, rehearse):
    def interrupted():
        if is_rehearsing["now"]:
            raise KeyboardInterrupt
        durable.recv("go")

    deploy(interrupted).start()
    run_until_idle()
    with pytest.raises(KeyboardInterrupt):
        rehearse()
    error = failures.dump_exception(KeyboardInterrupt())
    Workflow.objects.update(status=Workflow.Status.ERROR, error=error)
    Workflow.objects.get().waits.all().delete()

    (found,) = rehearse()

    assert found.divergence is None
