"""The dashboard shows each user what is theirs to see, and writes nothing."""

import html
import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

import django_durable as durable
from django_durable import clock
from django_durable.admin.figures import condition
from django_durable.models import Worker, Workflow
from django_durable.testing import run_until_idle
from tests.admin.rows import add, asks, register

pytestmark = [pytest.mark.django_db, pytest.mark.once]

Status = Workflow.Status
HOME = reverse("admin:app_list", args=["django_durable"])
PAGES = {
    "dashboard": HOME,
    "queues": reverse("admin:django_durable_queues"),
    "approvals": reverse("admin:django_durable_approvals"),
}
ENDPOINTS = [
    reverse(f"admin:django_durable_api_{name}") for name in ("status", "queues", "rows")
]
EVIL = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title></script><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{ settings.SECRET_KEY }}{% debug %}",
    "\u202egnp.exe\u200b",
    "a" + "\u0301" * 10_000,
]


@durable.workflow
def fails(text):
    raise ValueError(text)


class Elements(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_the_dashboard_leads_from_each_number_to_what_it_counts(client, operator):
    operator("view_workflow", "view_worker")
    worker = register()
    add("a", Status.ENQUEUED, queue_name="mail")
    add("b", Status.PENDING, worker=worker)
    add("c", Status.ERROR)
    asks.using(workflow_id="asks").start()

    text = client.get(HOME).text

    for name in ("running", "ready", "waiting", "failed", "dead"):
        assert f"state={name}" in text
    assert "queue=mail" in text
    assert "1 running, " in text
    assert "1 / 1" in text
    assert "slots 1/16" in text
    assert "python manage.py run_workflows" not in text


@pytest.fixture
def busy():
    """Workflows and workers beside those that the figures count."""
    day = 24 * 3600
    long_ago = clock.now() - timedelta(days=3)
    for name in ("mail", "reports"):
        add(f"due-{name}", Status.ENQUEUED, queue_name=name)
        add(f"delayed-{name}", Status.ENQUEUED, queue_name=name, ago=-3600)
        add(f"runs-{name}", Status.PENDING, queue_name=name, created_at=long_ago)
    add("waits", Status.WAITING, created_at=long_ago)
    add("failed-early", Status.ERROR, ago=day + 60)
    add("failed-late", Status.ERROR, created_at=long_ago)
    add("killed", Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED, created_at=long_ago)
    add("child", Status.ERROR, parent_id="failed-late")
    register(queues=["mail"])
    register(queues=["mail"], ago=3600)
    register(state=Worker.State.STOPPED)
    register(Worker.Kind.DIRECT)
    register()


def listed_at(client, address):
    return client.get(html.unescape(address)).context["cl"].result_count


@pytest.mark.usefixtures("busy")
def test_each_number_of_the_dashboard_is_that_of_the_list_behind_it(client, operator):
    operator("view_workflow", "view_worker")
    text = client.get(HOME).text

    found = re.findall(r'<a href="([^"]+)"[^>]*>(?:<strong[^>]*>)?([\d/ ]+)<', text)
    counted = [(address, int(number.split("/")[-1])) for address, number in found]

    assert len(counted) == 6 + 2 * 2
    assert [(at, listed_at(client, at)) for at, _ in counted] == counted
    assert {number for _, number in counted} >= {1, 2, 3}


@pytest.mark.usefixtures("busy")
def test_each_number_of_the_queues_is_that_of_the_list_behind_it(client, operator):
    operator("view_workflow", "view_worker")
    text = client.get(PAGES["queues"]).text

    found = re.findall(r'<td class="dd-number"><a href="([^"]+)"[^>]*>(\d+)<', text)
    counted = [(address, int(number)) for address, number in found]

    assert len(counted) == 2 * 3
    assert [(at, listed_at(client, at)) for at, _ in counted] == counted


def test_a_dashboard_of_nothing_says_what_to_type(client, operator):
    operator("view_workflow")

    text = client.get(HOME).text

    assert "python manage.py run_workflows" in text
    assert "human=True" in text
    assert "Nothing has failed." in text


def test_work_without_a_worker_and_missing_migrations_are_alarms(
    client, operator, monkeypatch
):
    operator("view_workflow")
    add("a", Status.ENQUEUED)

    for address in PAGES.values():
        assert "1 workflows are queued and no worker is running." in (
            client.get(address).text
        )

    monkeypatch.setattr(condition, "missing_migrations", lambda using: ["0009_more"])
    text = client.get(HOME).text
    assert "0009_more. Apply them: python manage.py migrate" in text
    assert "dd-tile" not in text


def test_the_name_of_the_installation_stands_above_every_page(
    client, operator, settings
):
    operator("view_workflow")
    settings.DURABLE = {"ENV_LABEL": "staging <1>"}

    for address in PAGES.values():
        assert "staging &lt;1&gt;" in client.get(address).text


def test_who_may_not_see_workflows_sees_no_numbers_of_them(client, operator):
    operator("view_worker")
    add("secret-1", Status.ERROR)

    text = client.get(HOME).text

    assert "secret-1" not in text
    assert "dd-tile" not in text


def test_the_message_of_an_error_is_for_those_who_may_see_data(client, operator):
    operator("view_workflow")
    fails.using(workflow_id="failed").start("card 4242")
    run_until_idle()

    assert "card 4242" not in client.get(HOME).text
    assert "ValueError" in client.get(HOME).text

    operator("view_workflow_data")
    assert "ValueError: card 4242" in client.get(HOME).text


@pytest.mark.parametrize("address", [*PAGES.values(), *ENDPOINTS])
def test_a_page_needs_its_permission_and_writes_nothing(client, operator, address):
    add("a", Status.ENQUEUED)
    asks.start()
    assert client.get(address).status_code in (403, 404)

    operator("view_workflow")
    with CaptureQueriesContext(connection) as queries:
        response = client.get(address)

    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"] or address == HOME
    verbs = {q["sql"].split(maxsplit=1)[0] for q in queries}
    assert verbs <= {"SELECT", "WITH", "SAVEPOINT", "RELEASE"}
    client.logout()
    assert client.get(address).status_code == 302


def test_the_dashboard_takes_six_statements_beside_those_of_the_session(
    client, operator
):
    operator("view_workflow", "view_workflow_data")
    register()
    for number, status in enumerate(Status.values):
        add(f"row-{number}", status)
    asks.start()
    run_until_idle()
    client.get(HOME)

    with CaptureQueriesContext(connection) as queries:
        client.get(HOME)

    ours = [q["sql"] for q in queries if "django_durable_" in q["sql"]]
    assert len(ours) == 6


@pytest.mark.parametrize("evil", EVIL)
def test_what_workflows_say_is_text_on_every_page(client, operator, evil, settings):
    operator("view_workflow", "view_workflow_data")
    settings.DURABLE = {"ENV_LABEL": "e" + evil[:60]}
    asks.using(workflow_id=f"id{evil[:200].replace('/', '|')}", queue_name="q").start()
    fails.using(workflow_id="failed").start(evil)
    run_until_idle()
    add("queued", Status.ENQUEUED, queue_name=evil)
    Workflow.objects.update(summary=evil, name=evil)
    Worker.objects.update(host=evil)

    for address in PAGES.values():
        text = client.get(address).text
        elements = Elements(text).found
        assert "alert(1)>" not in text
        assert "\u202e" not in text
        assert "\u0301" * 10 not in text
        assert "{{ settings.SECRET_KEY }}" in text or "{{" not in evil
        assert not [tag for tag, _ in elements if tag in ("img", "object")]
        for tag, attributes in elements:
            assert not [name for name in attributes if name.startswith("on")]
            assert not str(attributes.get("href")).startswith("javascript:")
            assert "style" not in attributes or tag == "svg"


@pytest.mark.parametrize("address", PAGES.values())
def test_our_pages_have_no_inline_code(client, operator, address):
    operator("view_workflow")
    add("a", Status.SUCCESS)
    text = client.get(address).text

    for tag, attributes in Elements(text).found:
        assert tag != "style"
        assert "style" not in attributes
        assert tag != "script" or "src" in attributes
    assert re.findall(r"<script[^>]*>\s*[^<\s]", text) == []


def test_the_numbers_are_served_as_json_with_a_tag(client, operator):
    operator("view_workflow")
    add("a", Status.ENQUEUED, queue_name="mail")
    address = ENDPOINTS[0]

    first = client.get(address)
    same = client.get(address, headers={"If-None-Match": first["ETag"]})
    add("b", Status.ENQUEUED, queue_name="mail")
    other = client.get(address, headers={"If-None-Match": first["ETag"]})

    assert first.json()["figures"]["queued"] == "1"
    assert "no-store" in first["Cache-Control"]
    assert (same.status_code, same.content) == (304, b"")
    assert other.json()["figures"]["queued"] == "2"
    assert other.json()["version"] == first.json()["version"]


def test_rows_are_served_by_their_ids(client, operator):
    operator("view_workflow")
    add("a", Status.SUCCESS)
    add("b", Status.ERROR, summary="<b>")

    found = client.get(ENDPOINTS[2], {"ids": ["a", "b", "nobody", "\x00"]}).json()

    assert set(found["rows"]) == {"a", "b"}
    assert found["rows"]["a"]["status"]["kind"] == "success"
    assert found["rows"]["b"]["summary"] == "<b>"


@pytest.mark.parametrize(
    "name", ["{:08}-0000-7000-8000-000000000000", "{:03}é" + "x" * 250]
)
def test_a_list_asks_with_an_address_that_every_server_takes(client, operator, name):
    operator("view_workflow")
    for number in range(110):
        status = Status.PENDING if number < 10 else Status.SUCCESS
        add(name.format(number), status, ago=3600 - number * (number > 9))

    page = client.get(reverse("admin:django_durable_workflow_changelist"), {"all": ""})
    (address,) = re.findall(r'dd-live="([^"]*api/rows[^"]*)"', page.text)
    asked = client.get(address).json()["rows"]

    assert len(f"GET {address} HTTP/1.1") < 4094
    assert {name.format(number) for number in range(10)} <= set(asked)
    assert len(asked) > 100 or len(name) > 200


def test_a_workflow_tells_when_its_page_has_something_new(client, operator):
    operator("view_workflow")
    asks.using(workflow_id="asks").start()
    address = reverse("admin:django_durable_api_live", args=["asks"])

    first = client.get(address).json()
    run_until_idle()
    second = client.get(address).json()

    assert first["rows"]["asks"]["status"]["kind"] == "queued"
    assert second["rows"]["asks"]["status"]["kind"] == "waiting"
    assert first["version"] != second["version"]
    gone = client.get(address.replace("asks", "nobody")).json()
    assert gone["version"] == "gone"


@pytest.mark.parametrize("name", ["status", "rows", "live"])
def test_an_open_page_reads_no_payload_again_and_again(client, operator, name):
    operator("view_workflow")
    asks.using(workflow_id="asks").start()
    run_until_idle()
    add("failed", Status.ERROR)
    of_one = ["asks"] if name == "live" else []
    address = reverse(f"admin:django_durable_api_{name}", args=of_one)

    with CaptureQueriesContext(connection) as queries:
        client.get(address, {"ids": "asks"})

    ours = [q["sql"] for q in queries if "workflow" in q["sql"]]
    assert ours
    for column in ("inputs", "output", "error"):
        assert not [sql for sql in ours if f'"{column}",' in sql]


def test_queues_tell_who_serves_them(client, operator):
    operator("view_workflow")
    register(queues=["mail", "idle"])
    add("a", Status.ENQUEUED, queue_name="mail")
    add("b", Status.ENQUEUED, queue_name="reports")

    text = client.get(PAGES["queues"]).text

    for name in ("mail", "idle", "reports"):
        assert name in text
    assert text.count("nobody serves it") == 1


def test_the_inbox_tells_who_asks_what_until_when(client, operator):
    operator("view_workflow")
    asks.using(workflow_id="asks").start(timeout=3600)
    run_until_idle()
    Workflow.objects.update(summary="Order 42")

    text = client.get(PAGES["approvals"]).text

    for part in ("asks", "verdict", "Order 42", "in 59 m"):
        assert part in text
    assert "Answer…" not in text
