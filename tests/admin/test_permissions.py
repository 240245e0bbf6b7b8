"""Who may open what: every address, every kind of user, GET and POST."""

import logging

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import resolve, reverse

from django_durable.bulk.selection import Selection
from django_durable.models import Notification, Worker, Workflow
from tests.admin.everywhere import (
    ALL,
    NEVER,
    NEVER_OF_A_WORKER,
    NOBODY,
    OF_A_QUEUE,
    OF_A_SCHEDULE,
    OF_ONE,
    READ_ONLY,
    addresses,
    everything_there,
)
from tests.admin.pages import LIST, answer, choice, finished, queued
from tests.counting import noted_writes
from tests.people import allow, user_with

pytestmark = pytest.mark.django_db

LOGIN = "/admin/login/"
DASHBOARD = reverse("admin:app_list", args=["django_durable"])
RUNS = reverse("admin:django_durable_bulk")
# What there is to see without a selection, a run, a question, a worker, a queue or a
# schedule.
WITHOUT_A_PAGE = {
    "stream": 404,
    "api_stream": 404,
    "bulk_run": 404,
    "api_bulk": 404,
    "bulk_abort": 404,
    "workflow_answer": 302,
    "worker_change": 302,
    "worker_drain": 404,
    **dict.fromkeys((*OF_A_QUEUE, *OF_A_SCHEDULE), 404),
    "worker_history": 302,
    "api_worker": 404,
}
# Leads on to the page of what it names, as Django has it; it has no name itself.
OLD_PLACE = "admin:None"
FORBIDDEN = dict.fromkeys((*NEVER, *NEVER_OF_A_WORKER), 403)
# Django's own pages take a POST like a GET, or refuse it by themselves.
POSTED = {"change": 403, "worker_change": 403, "history": 200, "worker_history": 200}
POSTED |= {"worker_changelist": 200}


@pytest.fixture(autouse=True)
def silence():
    """Log no refusal: each would be written with its traceback."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def pages():
    """Return the addresses of everything, which is all there, with the dashboard."""
    workflow, there = everything_there()
    return addresses(workflow.pk, there)


def logged_in(user):
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def seen(client, address, method="get", given=None):
    """Return what is answered; nothing may be written meanwhile."""
    with noted_writes() as written:
        response = getattr(client, method)(address, given)
        if response.streaming:
            b"".join(response)
    assert written == [], (address, method)
    is_login = response.status_code == 302 and LOGIN in response["Location"]
    return "login" if is_login else response.status_code


def filled_in():
    """Return what would do something on every page, if it were allowed."""
    given = answer(name="x", topic="verdict", message="1", step="1", answer="yes")
    given |= {"action": "cancel_selected", "CHANGE_FORM-action": "cancel"}
    return {**given, "_selected_action": "order-1"}


def statuses():
    rows = Workflow.objects.order_by("pk").values_list("pk", "status", "claim")
    return list(rows), Notification.objects.count(), list(Worker.objects.values())


@pytest.mark.parametrize("flags", [None, {"is_staff": False}])
def test_who_is_not_of_the_staff_is_sent_to_the_login(pages, flags):
    client = logged_in(user_with(*ALL, **flags) if flags else None)

    for address in (DASHBOARD, *(address for address, _needed in pages.values())):
        assert seen(client, address) == "login"
        assert seen(client, address, "post", filled_in()) == "login"


def test_staff_without_a_permission_sees_nothing(pages):
    client = logged_in(user_with(is_staff=True))

    for name, (address, _needed) in pages.items():
        assert seen(client, address) == 403, name
        assert seen(client, address, "post", filled_in()) == 403, name
    # Django says of applications of which one may see nothing that they are not there.
    assert seen(client, DASHBOARD) == seen(client, DASHBOARD, "post") == 404


@pytest.mark.once
def test_a_single_permission_opens_only_what_needs_nothing_else(pages):
    user = user_with(is_staff=True)
    client, before = logged_in(user), statuses()

    for codename in ALL:
        allow(user, codename)
        for name, (address, needed) in pages.items():
            if not needed <= {codename}:
                # A GET of who lacks something is asked below.
                posted = seen(client, address, "post", filled_in())
                assert posted == 403, (codename, name)
        shows = codename in ("view_workflow", "view_worker")
        assert (seen(client, DASHBOARD) == 200) == shows, codename
    assert statuses() == before


# So no other permission, nor several, can stand for one of them.
def test_what_a_page_needs_is_enough_and_of_that_nothing_may_be_missing(pages):
    user = user_with(is_staff=True)
    client, before = logged_in(user), statuses()

    for name, (address, needed) in pages.items():
        if needed == {NOBODY}:
            continue
        allow(user, *needed)
        # An action of the list that needs another permission is none.
        given = filled_in() if name == "changelist" else {}
        posted = seen(client, address, "post", given)
        assert seen(client, address) in (200, 302), name
        if name in READ_ONLY:
            assert posted == POSTED.get(name, 405), name
        else:
            assert posted in (200, 302, 400), name
        for missing in needed:
            allow(user, *{*ALL} - {missing})
            posted = seen(client, address, "post", filled_in())
            assert (seen(client, address), posted) == (403, 403), (name, missing)
    assert statuses() == before


def test_a_superuser_may_open_everything_and_looking_writes_nothing(pages):
    client = logged_in(User.objects.create_superuser("root"))

    found = {name: seen(client, address) for name, (address, _) in pages.items()}

    assert {name: found.pop(name) for name in FORBIDDEN} == FORBIDDEN
    assert set(found.values()) == {200}
    assert seen(client, DASHBOARD) == 200


def test_what_is_not_there_is_said_not_to_be(client):
    client.force_login(User.objects.create_superuser("root"))
    missing = addresses(finished().pk)

    found = {name: seen(client, missing[name][0]) for name in WITHOUT_A_PAGE}

    assert found == WITHOUT_A_PAGE


def test_nobody_may_add_or_delete_by_hand(client, pages):
    client.force_login(User.objects.create_superuser("root"))

    found = {name: seen(client, pages[name][0], "post", {}) for name in FORBIDDEN}

    assert found == FORBIDDEN


@pytest.mark.once
def test_the_table_knows_every_address_of_the_console():
    places = (address.partition("?")[0] for address, _ in addresses("w").values())
    known = {resolve(place).view_name for place in places}

    existing = {
        f"{admin.site.name}:{pattern.name}"
        for model, owner in admin.site._registry.items()
        if model._meta.app_label == "django_durable"
        for pattern in owner.get_urls()
    }

    assert existing == known | {OLD_PLACE}


@pytest.mark.once
@pytest.mark.parametrize("workflow_id", ["queues", "schedules", "runs", "a/api"])
def test_no_page_of_the_console_stands_in_the_place_of_one_of_a_workflow(workflow_id):
    for name in OF_ONE:
        place = addresses(workflow_id)[name][0].partition("?")[0]
        assert resolve(place).view_name == f"admin:django_durable_workflow_{name}"


def test_every_post_needs_the_token_against_forged_requests(pages):
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("root"))
    before = statuses()

    for name, (address, _needed) in pages.items():
        assert seen(client, address, "post", filled_in()) == 403, name
    assert seen(client, DASHBOARD, "post") == 403
    assert statuses() == before


def test_a_signed_selection_does_not_stand_for_the_permission():
    user, workflow = user_with(is_staff=True), queued()
    client = logged_in(user)
    needed = {
        "cancel": "cancel_workflow",
        "resume": "resume_workflow",
        "restart": "fork_workflow",
        "delete": "delete_workflow",
    }

    def confirmed(action):
        chosen = Selection(**choice(user, action, count=1, ids=(workflow.pk,)))
        return {"selection": chosen.signed(), "reason": ""}

    for action, codename in needed.items():
        allow(user, *{*ALL} - {codename})
        assert seen(client, RUNS, "post", confirmed(action)) == 403, action
    allow(user, "view_workflow", "cancel_workflow")
    client.post(RUNS, confirmed("cancel"))
    assert Workflow.objects.exclude(pk=workflow.pk).exists()


def test_a_project_may_decide_for_each_workflow(client, operator, monkeypatch):
    operator("view_workflow", "cancel_workflow")
    workflow = queued()
    allowed = lambda self, request, obj=None: obj is None  # noqa: E731
    owner = type(client.get(LIST).context["cl"].model_admin)
    monkeypatch.setattr(owner, "has_cancel_permission", allowed)

    address = addresses(workflow.pk)["cancel"][0]

    assert client.get(address).status_code == 403
    assert client.post(address, answer()).status_code == 403
