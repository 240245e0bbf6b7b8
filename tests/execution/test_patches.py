"""Patches: new code for workflows that had not come so far, the old for the rest."""

import asyncio
from datetime import timedelta

import pytest
from django.core.exceptions import SynchronousOnlyOperation

import django_durable as durable
from django_durable.definitions import registry
from django_durable.exceptions import NotInWorkflow
from django_durable.models import Step, Workflow
from django_durable.testing import (
    crash_everywhere,
    fail_step,
    run_until_idle,
    virtual_time,
)
from tests.running import row_of
from tests.workflows import calls

pytestmark = pytest.mark.django_db

Status = Workflow.Status
NAME = "patches.deployed"
PATCH = "patch(check stock)"


@durable.step(name="reserve")
def reserve():
    calls.append("reserve")


@durable.step(name="check")
def check():
    calls.append("check")


@durable.step(name="charge", max_attempts=3)
def charge():
    calls.append("charge")


@durable.step(name="areserve")
async def areserve(name):
    calls.append(name)


@durable.workflow(name="patches.child")
def child():
    calls.append("child")
    durable.recv("go")


# One workflow in the course of its life.


def before():
    reserve()
    durable.recv("go")
    charge()


def patched():
    reserve()
    if durable.patch("check stock"):
        check()
    durable.recv("go")
    charge()


def patched_later():
    reserve()
    durable.recv("go")
    if durable.patch("check stock"):
        check()
    charge()


def deprecated():
    reserve()
    durable.deprecate_patch("check stock")
    check()
    durable.recv("go")
    charge()


def without():
    reserve()
    check()
    durable.recv("go")
    charge()


async def abefore():
    await areserve("reserve")
    await durable.arecv("go")


async def apatched():
    await areserve("reserve")
    if await durable.apatch("check stock"):
        await areserve("check")
    await durable.arecv("go")


async def adeprecated():
    await areserve("reserve")
    await durable.adeprecate_patch("check stock")
    await areserve("check")
    await durable.arecv("go")


@pytest.fixture
def deploy(monkeypatch):
    """Replace the code of one name, as a deploy does between two processes."""

    def deploy(function):
        monkeypatch.setattr(registry, "_definitions", dict(registry._definitions))
        registry._definitions.pop(NAME, None)
        return durable.workflow(NAME, version="1")(function)

    return deploy


def names_of(handle):
    return [name for _, name in steps_of(handle)]


def steps_of(handle):
    """Return (branch, name) of the recorded steps."""
    rows = Step.objects.filter(workflow_id=handle.workflow_id)
    return list(rows.order_by("branch", "step_id").values_list("branch", "name"))


def begun_with(deploy, function):
    """Start a workflow with some code and let it come as far as it can."""
    handle = deploy(function).start()
    run_until_idle()
    return handle


def ended_with(deploy, function, handle):
    """Let other code bring it to its end; return what was recorded."""
    deploy(function)
    durable.send(handle, "go", "go")
    run_until_idle()
    assert row_of(handle).status == Status.SUCCESS, row_of(handle).pause_reason
    return names_of(handle)


OLD = ["reserve", "recv(go)", "charge"]
NEW = ["reserve", PATCH, "check", "recv(go)", "charge"]


def test_a_new_workflow_takes_the_patch_and_keeps_to_it(deploy):
    handle = begun_with(deploy, patched)

    assert ended_with(deploy, patched, handle) == NEW
    assert calls == ["reserve", "check", "charge"]


def test_one_that_waited_behind_the_patch_goes_on_as_before(deploy):
    handle = begun_with(deploy, before)

    assert ended_with(deploy, patched, handle) == OLD


def test_one_that_has_recorded_more_goes_on_as_before(deploy):
    def longer():
        reserve()
        check()
        durable.recv("go")
        charge()

    def patched_longer():
        reserve()
        if durable.patch("check stock"):
            charge()
        check()
        durable.recv("go")
        charge()

    handle = begun_with(deploy, longer)

    names = ended_with(deploy, patched_longer, handle)
    assert names == ["reserve", "check", "recv(go)", "charge"]


def test_one_that_had_not_come_so_far_takes_the_patch(deploy):
    handle = begun_with(deploy, before)

    names = ended_with(deploy, patched_later, handle)

    assert names == ["reserve", "recv(go)", PATCH, "check", "charge"]


def test_a_marker_may_be_deprecated_and_no_new_one_is_made(deploy):
    handle = begun_with(deploy, patched)

    assert ended_with(deploy, deprecated, handle) == NEW
    fresh = begun_with(deploy, deprecated)
    assert ended_with(deploy, without, fresh) == [n for n in NEW if n != PATCH]


def test_a_marker_that_the_code_forgot_pauses_the_workflow(deploy):
    handle = begun_with(deploy, patched)

    deploy(without)
    durable.send(handle, "go", "go")
    run_until_idle()

    row = row_of(handle)
    assert row.status == Status.PAUSED
    assert repr(PATCH) in row.pause_reason


def test_async_code_has_twins(deploy):
    old, new = begun_with(deploy, abefore), begun_with(deploy, apatched)

    assert ended_with(deploy, apatched, old) == ["areserve", "recv(go)"]
    assert ended_with(deploy, adeprecated, new) == [
        "areserve",
        PATCH,
        "areserve",
        "recv(go)",
    ]


def test_the_first_answer_for_a_name_holds_for_the_branch(deploy):
    def twice():
        if durable.patch("check stock"):
            check()
        durable.recv("go")
        if durable.patch("check stock"):
            check()
        charge()

    def never():
        durable.recv("go")
        charge()

    old, new = begun_with(deploy, never), begun_with(deploy, twice)

    assert ended_with(deploy, twice, old) == ["recv(go)", "charge"]
    assert ended_with(deploy, twice, new) == [
        PATCH,
        "check",
        "recv(go)",
        "check",
        "charge",
    ]


def test_a_second_patch_may_stand_before_the_first(deploy):
    def two():
        reserve()
        if durable.patch("earlier"):
            check()
        if durable.patch("check stock"):
            check()
        durable.recv("go")
        charge()

    handle = begun_with(deploy, patched)

    assert ended_with(deploy, two, handle) == NEW
    fresh = ended_with(deploy, two, begun_with(deploy, two))
    assert fresh[1:4] == ["patch(earlier)", "check", PATCH]


def test_branches_decide_for_themselves(deploy):
    async def line(name, is_patched):
        await areserve(name)
        if name == "late":
            await durable.arecv("go")
        if is_patched and await durable.apatch("check stock"):
            await areserve("check")
        await durable.arecv("end")

    async def unpatched_lines():
        await asyncio.gather(line("early", False), line("late", False))

    async def patched_lines():
        await asyncio.gather(line("early", True), line("late", True))

    handle = begun_with(deploy, unpatched_lines)
    deploy(patched_lines)
    for topic in ("go", "end", "end"):
        durable.send(handle, "x", topic)
        run_until_idle()

    assert row_of(handle).status == Status.SUCCESS, row_of(handle).pause_reason
    assert steps_of(handle) == [
        ("1", "areserve"),
        ("1", "recv(end)"),
        ("2", "areserve"),
        ("2", "recv(go)"),
        ("2", PATCH),
        ("2", "areserve"),
        ("2", "recv(end)"),
    ]


def test_a_sleep_that_has_begun_is_not_begun_anew(deploy):
    def sleeping():
        durable.sleep(3600)

    def patched_sleeping():
        if durable.patch("check stock"):
            check()
        durable.sleep(3600)

    with virtual_time() as time:
        handle = begun_with(deploy, sleeping)
        time.run_for(1800)
        deploy(patched_sleeping)
        time.run_for(1800)

        assert names_of(handle) == ["sleep"]


def test_a_step_that_is_being_tried_again_keeps_its_count(deploy):
    def patched_charge():
        if durable.patch("check stock"):
            check()
        charge()

    with virtual_time() as time, fail_step(charge, ValueError("no"), times=1):
        handle = begun_with(deploy, lambda: charge())
        deploy(patched_charge)
        time.run_for(timedelta(hours=1))

    assert names_of(handle) == ["charge"]


def test_a_child_that_was_called_is_not_called_again(deploy):
    def patched_call():
        if durable.patch("check stock"):
            check()
        child()

    handle = begun_with(deploy, lambda: child())
    Workflow.objects.filter(pk=handle.workflow_id).update(status=Status.ENQUEUED)
    row_of(handle).waits.all().delete()  # As after a crash beside its running child.
    deploy(patched_call)
    run_until_idle()

    assert Workflow.objects.count() == 2
    assert names_of(handle) == []


def test_a_crash_does_not_change_the_answer(deploy):
    definition = deploy(patched)

    def scenario():
        handle = definition.start()
        durable.send(handle, "go", "go")
        run_until_idle()
        return names_of(handle)

    assert crash_everywhere(scenario) >= 10


def test_it_belongs_into_the_body_of_a_workflow(deploy):
    for call in (durable.patch, durable.deprecate_patch):
        with pytest.raises(NotInWorkflow):
            call("check stock")
    handle = begun_with(deploy, lambda: durable.run_step(durable.patch, "inside"))
    with pytest.raises(NotInWorkflow):
        handle.get_result()


def test_a_sync_call_on_an_event_loop_names_the_twin(deploy):
    async def wrong():
        durable.patch("check stock")

    handle = begun_with(deploy, wrong)

    with pytest.raises(SynchronousOnlyOperation, match="apatch"):
        handle.get_result()


@pytest.mark.parametrize("name", ["", "a\0", "x" * 256, None, 3])
def test_a_name_that_cannot_be_recorded_is_refused(name):
    with pytest.raises((TypeError, ValueError), match=r"patch\(\)"):
        durable.patch(name)
