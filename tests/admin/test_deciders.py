"""The inbox names who may answer: by permission, and by what the project decides."""

import html
import re

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

import django_durable as durable
from django_durable.admin.approvals import deciders
from django_durable.admin.approvals.holders import holders
from django_durable.admin.workflow import DurableWorkflowAdmin
from django_durable.testing import run_until_idle

pytestmark = pytest.mark.django_db

INBOX = reverse("admin:django_durable_approvals")
NEEDED = ("view_workflow", "send_workflow_message")
OURS = "django.contrib.auth.backends.ModelBackend"


@durable.workflow
def asks(topic="verdict"):
    return durable.recv(topic, human=True)


@pytest.fixture
def question():
    """Have a workflow that asks a person."""
    ask("w")


def ask(workflow_id, topic="verdict"):
    asks.using(workflow_id=workflow_id).start(topic)
    run_until_idle()


def person(name, *codenames, **flags):
    user = User.objects.create_user(name, **{"is_staff": True, **flags})
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def people(number):
    return [person(f"p{n:02}", *NEEDED) for n in range(number)]


def told(client):
    """Return who may answer each question, as the page says it."""
    text = client.get(INBOX).text
    cells = re.findall(r'<td class="dd-who">(.*?)</td>', text, re.DOTALL)
    plain = (re.sub(r"<[^>]*>", " ", cell) for cell in cells)
    return [re.sub(r" +(?=,)", "", " ".join(cell.split())) for cell in plain]


@pytest.fixture
def decided(monkeypatch):
    """Return how to let the project decide."""

    def decide(**methods):
        for name, method in methods.items():
            monkeypatch.setattr(DurableWorkflowAdmin, name, method, raising=False)

    return decide


@pytest.mark.usefixtures("question")
def test_those_with_both_permissions_are_named_you_first(client, operator):
    operator(*NEEDED)
    group = Group.objects.create(name="deciders")
    group.permissions.set(Permission.objects.filter(codename__in=NEEDED))
    person("zoe", *NEEDED)
    person("bob").groups.add(group)
    for number, codename in enumerate(NEEDED):
        person(f"half {number}", codename)
    person("gone", *NEEDED, is_active=False)
    person("customer", *NEEDED, is_staff=False)

    assert told(client) == ["you, bob, zoe"]
    User.objects.create_superuser("adam")
    assert told(client) == ["you, adam, bob + 1 more adam, bob, zoe"]


@pytest.mark.once
@pytest.mark.usefixtures("question")
def test_who_may_only_look_reads_who_is_to_be_asked(client, operator):
    operator("view_workflow")

    assert told(client) == ["nobody"]
    people(4)
    assert told(client) == ["p00, p01, p02 + 1 more p00, p01, p02, p03"]


@pytest.mark.once
@pytest.mark.usefixtures("question")
def test_of_very_many_some_are_named(client, root, monkeypatch):
    monkeypatch.setattr(deciders, "MOST_ASKED", 3)
    people(3)
    whole = told(client)
    person("p99", *NEEDED)

    assert whole == ["you, p00, p01 + 1 more p00, p01, p02"]
    assert told(client) == [f"{whole[0]} perhaps others"]


@pytest.mark.once
def test_a_project_that_decides_by_topic_is_asked_about_everybody(
    client, root, decided
):
    for topic in ("refund", "trip", "leave"):
        ask(topic, topic)
    people(2)
    mine = {"root": ["refund"], "p00": ["refund", "trip"], "p01": ["refund"]}
    decided(
        has_topic_permission=lambda self, request, obj, topic: (
            obj.pk == topic in mine[request.user.username]
        )
    )

    found = dict(zip(("leave", "refund", "trip"), told(client), strict=True))

    assert found == {"leave": "nobody", "refund": "you, p00, p01", "trip": "p00"}


@pytest.mark.once
@pytest.mark.usefixtures("question")
def test_one_who_is_allowed_without_the_permission_is_named(client, root, decided):
    person("bob", "view_workflow")
    person("eve", "view_workflow")
    decided(
        has_send_permission=lambda self, request, obj=None: (
            request.user.username != "eve"
        )
    )

    assert told(client) == ["you, bob"]
    client.force_login(User.objects.get(username="bob"))
    assert told(client) == ["you, root"]
    (link,) = re.findall(r'href="([^"]*/answer/[^"]*)"', client.get(INBOX).text)
    assert client.get(html.unescape(link)).status_code == 200


@pytest.mark.usefixtures("question")
def test_one_for_whom_the_workflow_does_not_exist_is_not_named(client, root, decided):
    people(2)
    real = DurableWorkflowAdmin.get_queryset

    def get_queryset(self, request):
        rows = real(self, request)
        return rows.none() if request.user.username == "p00" else rows

    decided(get_queryset=get_queryset)

    assert told(client) == ["you, p01"]


@pytest.mark.once
@pytest.mark.usefixtures("question")
def test_one_who_may_not_see_the_workflow_is_not_named(client, root, decided):
    people(2)
    decided(
        has_view_permission=lambda self, request, obj=None: (
            request.user.username != "p00"
        )
    )

    assert told(client) == ["you, p01"]


@pytest.mark.once
@pytest.mark.usefixtures("question")
@pytest.mark.parametrize("name", ["has_topic_permission", "has_send_permission"])
def test_a_project_whose_code_fails_names_nobody_and_says_perhaps(
    client, root, decided, caplog, name
):
    people(2)

    def broken(self, request, obj=None, topic=""):
        if request.user.username != "p01":
            raise LookupError("no such region")
        return True

    decided(**{name: broken})

    assert told(client) == ["p01 perhaps others"]
    (record,) = [each for each in caplog.records if each.exc_info]
    assert (record.name, record.exc_info[0]) == ("django_durable", LookupError)


@pytest.mark.once
@pytest.mark.usefixtures("question")
def test_a_project_that_refuses_by_an_exception_has_refused(
    client, root, decided, caplog
):
    people(2)

    def has_topic_permission(self, request, obj, topic):
        if request.user.username == "p00":
            raise PermissionDenied
        return True

    decided(has_topic_permission=has_topic_permission)

    assert told(client) == ["you, p01"]
    assert caplog.records == []


class OpenSite(AdminSite):
    def has_permission(self, request):
        return request.user.is_active and request.user.username != "p00"


@pytest.mark.once
@pytest.mark.usefixtures("question")
def test_the_site_says_who_may_work_in_it(client, root, monkeypatch):
    people(2)
    person("customer", *NEEDED, is_staff=False)
    site = client.get(INBOX).context["model_admin"].admin_site
    monkeypatch.setattr(site, "__class__", OpenSite)

    assert told(client) == ["you, customer, p01"]


def statements_of(client):
    with CaptureQueriesContext(connection) as executed:
        asked = told(client)
    return len(executed), len(asked)


@pytest.mark.parametrize("is_asked", [False, True])
def test_more_questions_cost_no_further_statement(client, root, decided, is_asked):
    people(3)
    calls = []

    def has_topic_permission(self, request, obj, topic):
        calls.append(request.user.pk)
        return request.user.has_perm("auth.view_user")

    if is_asked:
        decided(has_topic_permission=has_topic_permission)
    ask("w1")
    few = statements_of(client)
    calls.clear()
    for number in range(2, 6):
        ask(f"w{number}")

    many = statements_of(client)

    assert (few[1], many[1]) == (1, 5)
    assert many[0] == few[0]
    assert len(calls) == (5 * 4 if is_asked else 0)


@pytest.mark.once
@pytest.mark.usefixtures("question")
def test_a_name_that_others_chose_becomes_no_markup(client, root):
    person("a<b>\u202ec", *NEEDED)

    text = client.get(INBOX).text

    assert "a&lt;b&gt;" in text
    assert "a<b>" not in text
    assert "\u202e" not in text


# Backends.


class Second(ModelBackend):
    """Knows the same people, and one more."""

    def with_perm(self, *args, **options):
        return User.objects.filter(username="known elsewhere")


class Mute(ModelBackend):
    """Gives permissions, and cannot tell whom."""

    with_perm = None

    def __getattribute__(self, name):
        if name == "with_perm":
            raise AttributeError(name)
        return super().__getattribute__(name)


class WithoutGroups(ModelBackend):
    """What Django's does with users that know no groups and permissions."""

    def with_perm(self, *args, **options):
        return User.objects.filter(no_such_field=1)


class Listing(ModelBackend):
    def with_perm(self, *args, **options):
        return ["ana"]


class Down(ModelBackend):
    """Cannot reach who knows the permissions."""

    def with_perm(self, *args, **options):
        raise ConnectionError("no directory")


class Distinct(ModelBackend):
    """What the querysets of other backends cannot be combined with."""

    def with_perm(self, *args, **options):
        return User.objects.filter(groups__name="deciders").distinct()


class First(ModelBackend):
    def with_perm(self, *args, **options):
        return User.objects.all()[:9]


class LogsIn(BaseBackend):
    """Gives no permission to anybody."""


@pytest.mark.once
@pytest.mark.usefixtures("question")
@pytest.mark.parametrize(
    ("backends", "expected"),
    [
        (["LogsIn", OURS], "you, p00"),
        ([OURS, "Second"], "you, known elsewhere, p00"),
        (["Mute", OURS], "you, p00 perhaps others"),
        (["Mute"], "you perhaps others"),
        (["WithoutGroups"], "you perhaps others"),
        (["Listing"], "you perhaps others"),
        ([OURS, "Down"], "you perhaps others"),
        ([OURS, "Distinct"], "you perhaps others"),
        (["First"], "you perhaps others"),
    ],
)
def test_every_backend_is_asked_whom_it_knows(client, settings, backends, expected):
    paths = [each if "." in each else f"{__name__}.{each}" for each in backends]
    settings.AUTHENTICATION_BACKENDS = paths
    people(1)
    person("known elsewhere")
    client.force_login(User.objects.create_superuser("root"), backend=paths[-1])

    assert told(client) == [expected]


@pytest.mark.once
@pytest.mark.usefixtures("question")
def test_where_nobody_can_be_named_it_says_what_one_needs(client, settings):
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.Mute"]
    looking = person("ana", "view_workflow")
    client.force_login(looking, backend=f"{__name__}.Mute")

    assert told(client) == ["whoever may send messages"]
    assert holders(["django_durable.view_workflow"]) == (None, False)


def test_an_empty_inbox_looks_for_nobody(client, root, monkeypatch):
    looked = []
    monkeypatch.setattr(deciders, "holders", looked.append)

    assert told(client) == looked == []
