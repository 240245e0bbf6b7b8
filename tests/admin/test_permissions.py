"""Who may open what: every address, every kind of user, GET and POST."""

import logging

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver

from django_durable.models import Workflow
from tests.admin.everywhere import ALL, READ_ONLY, addresses
from tests.admin.pages import LIST, answer, finished, queued

pytestmark = [pytest.mark.django_db, pytest.mark.once]

LOGIN = "/admin/login/"
# What there is to see without a selection, a run, a question or a worker.
WITHOUT_A_PAGE = {
    "bulk": 302,
    "stream": 404,
    "bulk_run": 404,
    "api_bulk": 404,
    "workflow_answer": 302,
    "worker_change": 302,
    "worker_drain": 404,
}
# Django's own, for nobody: nothing is added or deleted by hand.
NEVER = {"workflow_add", "worker_add", "worker_delete", "worker_history"}


@pytest.fixture
def workflow():
    """Return a workflow that every page can show, and that nobody may change."""
    return finished()


@pytest.fixture(autouse=True)
def silence():
    """Log no refusal: each would be written with its traceback."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


def user_with(*codenames, **flags):
    user = User.objects.create_user("x", **{"is_staff": True, **flags})
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def answers(user, workflow):
    """Return {(page, method): what it answers with}; what only reads is not posted."""
    client = Client()
    if user is not None:
        client.force_login(user)
    return {
        (name, method): seen(getattr(client, method)(address))
        for name, (address, _needed) in addresses(workflow.pk).items()
        for method in ("get", "post")
        if not (name in READ_ONLY and method == "post")
    }


def seen(response):
    is_login = response.status_code == 302 and LOGIN in response["Location"]
    return "login" if is_login else response.status_code


def unchanged(workflow):
    return list(Workflow.objects.order_by("pk").values_list("pk", "status", "claim"))


@pytest.mark.parametrize("flags", [None, {"is_staff": False}])
def test_who_is_not_of_the_staff_is_sent_to_the_login(workflow, flags):
    user = user_with(*ALL, **flags) if flags else None

    assert set(answers(user, workflow).values()) == {"login"}


def test_staff_without_a_permission_sees_nothing(workflow):
    assert set(answers(user_with(), workflow).values()) == {403}


@pytest.mark.parametrize("codename", ALL)
def test_a_single_permission_opens_only_what_needs_nothing_else(workflow, codename):
    before = unchanged(workflow)

    found = answers(user_with(codename), workflow)

    for name, (_address, needed) in addresses(workflow.pk).items():
        is_open = needed <= {codename}
        assert (found[name, "get"] != 403) == is_open, name
        if name not in READ_ONLY:
            assert (found[name, "post"] != 403) == is_open, name
    assert unchanged(workflow) == before


def test_a_permission_beside_that_to_look_opens_its_own_pages(client, workflow):
    user = user_with()
    client.force_login(user)
    for codename in ALL:
        given = {"view_workflow", codename}
        user.user_permissions.set(Permission.objects.filter(codename__in=given))

        for name, (address, needed) in addresses(workflow.pk).items():
            if name in ("changelist", "change", "history", "export_csv"):
                continue  # These need nothing beside.
            is_open = client.get(address).status_code != 403
            assert is_open == (needed <= given), (codename, name)


def test_a_superuser_may_open_everything(workflow):
    user = User.objects.create_superuser("root")

    found = answers(user, workflow)

    pages = {
        name: status for (name, method), status in found.items() if method == "get"
    }
    assert {name: pages.pop(name) for name in WITHOUT_A_PAGE} == WITHOUT_A_PAGE
    assert set(pages.values()) == {200}


def test_the_table_knows_every_address_of_the_console(workflow):
    known = {f"django_durable_workflow_{name}" for name in addresses(workflow.pk)}
    known |= {f"django_durable_{name}" for name in addresses(workflow.pk)}
    admin = dict(get_resolver().namespace_dict)["admin"][1]

    existing = {
        name
        for name in admin.reverse_dict
        if isinstance(name, str) and name.startswith("django_durable_")
    }

    assert existing - known == {f"django_durable_{name}" for name in NEVER}


def test_looking_writes_nothing(workflow):
    client = Client()
    client.force_login(User.objects.create_superuser("root"))

    for address, _needed in addresses(workflow.pk).values():
        with CaptureQueriesContext(connection) as executed:
            response = client.get(address)
            b"".join(response)
        written = [
            query["sql"]
            for query in executed.captured_queries
            if not query["sql"].lstrip("( \n").startswith(("SELECT", "WITH"))
        ]
        assert written == [], address


def test_every_post_needs_the_token_against_forged_requests():
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("root"))
    workflow = queued()

    for name, (address, _needed) in addresses(workflow.pk).items():
        assert client.post(address, answer()).status_code == 403, name
    assert client.post(LIST, {"action": "cancel_selected"}).status_code == 403
    assert Workflow.objects.get().status == Workflow.Status.ENQUEUED


def test_a_project_may_decide_for_each_workflow(client, operator, monkeypatch):
    operator("view_workflow", "cancel_workflow")
    workflow = queued()
    allowed = lambda self, request, obj=None: obj is None  # noqa: E731
    owner = type(client.get(LIST).context["cl"].model_admin)
    monkeypatch.setattr(owner, "has_cancel_permission", allowed)

    address = addresses(workflow.pk)["cancel"][0]

    assert client.get(address).status_code == 403
    assert client.post(address, answer()).status_code == 403
