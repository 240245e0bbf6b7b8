"""The climate: a loop that lives on messages, and tidies up when there are none."""

import itertools

import pytest

import django_durable
from django_durable.models import Notification, Workflow
from example_project.climate.models import Reading
from example_project.climate.workflows import watch_room

pytestmark = pytest.mark.django_db

ADDRESS = "/climate/rooms/cellar/messages/"


class Sensors:
    """The sensors of a room that is watched, in virtual time."""

    def __init__(self, durable, deliver):
        self.durable = durable
        self._deliver = deliver
        self._numbers = itertools.count()

    def report(self, kind, **content):
        notice = {"event_id": f"e{next(self._numbers)}", "type": kind, **content}
        response = self._deliver(ADDRESS, "sensors", notice)
        self.durable.run_until_idle()
        return response


@pytest.fixture
def sensors(client, durable, deliver):
    """Return the sensors of the cellar, which is watched."""
    client.post("/climate/watch/", {"room": "cellar"})
    durable.run_until_idle()
    return Sensors(durable, deliver)


def readings():
    return list(Reading.objects.order_by("pk").values_list("celsius", "is_too_warm"))


def watch():
    return django_durable.retrieve_workflow("climate-cellar")


def test_what_is_reported_is_written_down_in_its_order(sensors):
    for celsius in (18, 19.5, 31):
        sensors.report("data", celsius=celsius)

    assert readings() == [(18, False), (19.5, False), (31, True)]
    assert watch().get_status() == "WAITING"


def test_another_limit_counts_from_then_on(sensors):
    sensors.report("data", celsius=22)

    sensors.report("config_update", limit=20)
    sensors.report("data", celsius=22)

    assert readings() == [(22, False), (22, True)]
    assert django_durable.get_event("climate-cellar", "limit") == 20


def test_an_hour_without_a_message_is_used_to_tidy_up(sensors):
    for number in range(12):
        sensors.report("data", celsius=number)

    sensors.durable.run_for(minutes=59)
    before = len(readings())
    sensors.durable.run_for(minutes=1)

    assert before == 12
    assert [celsius for celsius, _ in readings()] == list(range(2, 12))


def test_it_tidies_up_again_and_again(sensors):
    sensors.durable.run_for(hours=5)

    steps = Workflow.objects.get().steps.filter(name__endswith="tidy_up")
    assert steps.count() == 5


def test_a_message_begins_the_hour_anew(sensors):
    sensors.durable.run_for(minutes=59)
    sensors.report("data", celsius=18)
    sensors.durable.run_for(minutes=59)

    steps = Workflow.objects.get().steps.filter(name__endswith="tidy_up")
    assert steps.count() == 0


def test_a_shutdown_ends_the_watch_after_what_was_sent_before(sensors):
    sensors.report("data", celsius=18)

    sensors.report("shutdown")
    sensors.report("data", celsius=19)

    assert watch().get_result() == 1
    assert readings() == [(18, False)]


def test_a_message_that_is_delivered_twice_is_written_down_once(sensors, deliver):
    notice = {"event_id": "e1000", "type": "data", "celsius": 18}

    for _ in range(2):
        deliver(ADDRESS, "sensors", notice)
    sensors.durable.run_until_idle()

    assert readings() == [(18, False)]


@pytest.mark.parametrize(
    "content",
    [
        {"type": "data"},
        {"type": "data", "celsius": "warm"},
        {"type": "data", "celsius": 1000},
        {"type": "config_update", "celsius": 20},
        {"type": "explosion"},
        {},
    ],
)
def test_an_ill_formed_message_does_not_reach_the_loop(sensors, deliver, content):
    response = deliver(ADDRESS, "sensors", {"event_id": "e1", **content})

    assert response.status_code == 400
    assert Notification.objects.count() == 0


def test_a_message_for_a_room_that_nobody_watches_is_answered_with_404(deliver):
    notice = {"event_id": "e1", "type": "shutdown"}

    assert deliver(ADDRESS, "sensors", notice).status_code == 404


def test_a_person_can_report_by_hand(client, sensors):
    address = "/climate/rooms/cellar/report/"

    accepted = client.post(address, {"type": "data", "celsius": "26.5"})
    refused = client.post(address, {"type": "data", "celsius": ""})
    sensors.durable.run_until_idle()

    page = client.get("/climate/rooms/cellar/").content.decode()
    assert (accepted.status_code, refused.status_code) == (302, 400)
    assert "26.5 °C, too warm" in page
    assert "25.0 °C" in page


def test_a_room_can_be_watched_again_after_its_shutdown(client, sensors):
    sensors.report("shutdown")

    client.post("/climate/watch/", {"room": "cellar"})

    assert watch().get_status() == "ENQUEUED"


def test_a_room_is_watched_once(client, sensors):
    client.post("/climate/watch/", {"room": "cellar"})

    assert Workflow.objects.count() == 1


def test_what_nobody_watches_has_no_page(client):
    assert client.get("/climate/rooms/attic/").status_code == 404
    assert client.post("/climate/watch/", {"room": "no room"}).status_code == 400
    form = {"type": "shutdown"}
    assert client.post("/climate/rooms/attic/report/", form).status_code == 404


def test_the_rooms_are_listed(client, sensors):
    page = client.get("/climate/").content.decode()

    assert 'href="/climate/rooms/cellar/"' in page


@pytest.mark.once
def test_no_crash_loses_or_repeats_a_reading(durable):
    def scenario():
        handle = watch_room.start("cellar")
        django_durable.send(handle, {"type": "data", "celsius": 18})
        django_durable.send(handle, {"type": "shutdown"})
        durable.run_until_idle()
        return readings(), handle.get_result()

    durable.crash_everywhere(scenario)
