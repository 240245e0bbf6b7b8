"""Waits for a person: marked as such, and out of memory at once."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import pytest

import django_durable as durable
from django_durable.definitions.schemas import at_path, path_of
from django_durable.models import Wait
from django_durable.testing import run_until_idle
from tests.communication import workflows

pytestmark = pytest.mark.django_db


@dataclass
class Verdict:
    approved: bool


@durable.workflow
def asks(human=True):
    return durable.recv("verdict", schema=Verdict, human=human).approved


@durable.workflow
async def asks_twice():
    verdict, note = await asyncio.gather(
        durable.arecv("verdict", schema=Verdict, human=True),
        durable.arecv("note"),
    )
    return [verdict.approved, note]


@durable.workflow
def asks_or_gives_up():
    answer = durable.on_message("verdict", human=True)
    winner, value = durable.first_of(answer, durable.on_timer(timedelta(days=1)))
    return value if winner is answer else "too late"


def marks():
    rows = Wait.objects.order_by("key").exclude(kind="timer")
    return list(rows.values_list("key", "is_human", "schema"))


@pytest.mark.parametrize("is_human", [True, False])
def test_a_wait_tells_whether_it_is_for_a_person_and_what_is_expected(is_human):
    handle = asks.start(human=is_human)
    run_until_idle()
    assert marks() == [("verdict", is_human, f"{__name__}:Verdict")]

    durable.send(handle, {"approved": True}, "verdict")
    run_until_idle()

    assert handle.get_result() is True


def test_a_person_is_asked_by_one_of_several_branches():
    handle = asks_twice.start()
    run_until_idle()

    assert marks() == [
        ("note", False, ""),
        ("verdict", True, f"{__name__}:Verdict"),
    ]

    durable.send(handle, {"approved": False}, "verdict")
    durable.send(handle, "hm", "note")
    run_until_idle()
    assert handle.get_result() == [False, "hm"]


def test_a_person_may_be_one_of_several_things_to_wait_for():
    asks_or_gives_up.start()
    run_until_idle()

    assert marks() == [("verdict", True, "")]


def test_a_wait_that_another_release_has_written_is_for_nobody():
    workflows.receiver.start("news")
    run_until_idle()

    assert marks() == [("news", False, "")]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "Verdict",
        f"{__name__}:Missing",
        f"{__name__}:asks",
        "nowhere.to.be.found:Verdict",
        "os:system",
        "subprocess:Popen",
        f"{__name__}:Verdict.__init__",
    ],
)
@pytest.mark.once
def test_a_path_leads_to_schemas_that_are_loaded_and_to_nothing_else(path):
    assert at_path(path) is None


@pytest.mark.once
def test_a_schema_is_found_again_by_its_path():
    assert at_path(path_of(Verdict)) is Verdict
    assert path_of(None) == ""
