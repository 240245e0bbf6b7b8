"""``workflows workers``, ``settings`` and ``roles``: the installation."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db.models import F

from django_durable import conf
from django_durable.management.workflows.settings import MASK, masked
from django_durable.models import Worker, Workflow
from tests import workflows

pytestmark = pytest.mark.once


def register(state="running", *, silent=0, kind=Worker.Kind.WORKER, **options):
    worker = Worker.objects.register(kind, **options)
    Worker.objects.filter(pk=worker.pk).update(
        state=state, heartbeat_at=F("heartbeat_at") - timedelta(seconds=silent)
    )
    return worker


def test_workers_are_listed_with_how_long_they_are_silent(cli, patience):
    register(silent=0, queues=["slow", "mail"], concurrency=4, rss_bytes=300 * 2**20)
    register(silent=600)
    register("draining", silent=5000)
    register("stopped", silent=1)

    answer = cli("workers")

    assert answer.code == 0
    lines = answer.out.splitlines()[1:]
    assert [line.split()[4] for line in lines] == ["fresh", "late", "lost"]
    assert lines[0].endswith("300.0 MB  slow, mail")
    assert lines[1].split()[-2] == "–"
    assert lines[1].endswith("all")
    assert "stopped" in cli("workers", "--ended").out


def test_programs_are_told_what_a_worker_runs(cli, patience):
    pair = [workflows.total.name, workflows.total.version]
    worker = register(silent=200, definitions=[pair], rss_bytes=2**32)
    register("stopped")
    workflows.total.using(workflow_id="sum").start(1)
    Workflow.objects.update(status="PENDING", worker=worker)

    record, ended = cli("workers", "--ended", "--json").records[::-1]

    assert record["id"] == str(worker.pk)
    assert (record["condition"], record["running"]) == ("fresh", 1)
    assert record["definitions"] == [pair]
    assert (record["rss_bytes"], ended["rss_bytes"]) == (2**32, None)
    assert 200 <= record["silent_seconds"] < 500


def test_without_a_worker_it_says_how_to_start_one(cli):
    answer = cli("workers")

    assert answer.code == 3
    assert "python manage.py run_workflows" in answer.err
    assert cli("workers", "--json").out == ""


def test_settings_are_those_in_force(cli, settings):
    settings.DURABLE = {"LEASE": timedelta(seconds=30)}

    document = cli("settings", "--json").document

    assert document["settings"].keys() == conf.KEYS.keys()
    assert document["settings"]["LEASE"] == 30
    assert document["settings"]["HEARTBEAT"] == 2
    assert document["set"] == ["LEASE"]
    assert document["problems"] == []
    assert document["database"]["ENGINE"].startswith("django.db.backends.")
    assert ["LEASE", "30.0", "(set)"] in cli("settings").rows


def test_settings_that_cannot_work_are_told_all_at_once(cli, settings):
    settings.DURABLE = {"LEASE": "30", "HARTBEAT": 1, "CONCURRENCY": 0}

    answer = cli("settings", "--json")

    assert answer.code == 1
    assert {each["key"] for each in answer.document["problems"]} == {
        "LEASE",
        "HARTBEAT",
        "CONCURRENCY",
    }
    assert "did you mean" in cli("settings").err
    settings.DURABLE = ["LEASE"]
    assert cli("settings").code == 1


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("SECRET_KEY", "x", MASK),
        ("PASSWORD", "x", MASK),
        ("PASSWORD", "", ""),
        ("API_TOKEN", "x", MASK),
        ("STREAM_TOKEN_AGE", 900, 900),
        ("URL", "redis://ana:secret@host:1/0", f"redis://ana:{MASK}@host:1/0"),
        ("OPTIONS", {"sslkey": "x"}, {"sslkey": "x"}),
        ("OPTIONS", {"db_password": "x"}, {"db_password": MASK}),
        ("OPTIONS", {"sslpassword": "x"}, {"sslpassword": MASK}),
        ("OPTIONS", {"passwd": "x"}, {"passwd": MASK}),
        (
            "OPTIONS",
            {"pool": {"kwargs": {"pwd": "x"}}},
            {"pool": {"kwargs": {"pwd": MASK}}},
        ),
        ("OPTIONS", {"passfile": "~/.pgpass"}, {"passfile": "~/.pgpass"}),
        (
            "OPTIONS",
            {"apiKey": "x", "x-api-key": "x"},
            {"apiKey": MASK, "x-api-key": MASK},
        ),
        ("OPTIONS", {"authToken": "x"}, {"authToken": MASK}),
        ("HOSTS", ["redis://:secret@host"], [f"redis://:{MASK}@host"]),
        ("HOSTS", {"redis://:secret@host"}, [f"redis://:{MASK}@host"]),
        (
            "URL",
            "postgresql://ana:se/cr@et@host/db",
            f"postgresql://ana:{MASK}@host/db",
        ),
        (
            "URL",
            "postgresql://host/db?sslpassword=secret&sslmode=require",
            f"postgresql://host/db?sslpassword={MASK}&sslmode=require",
        ),
        (
            "NAME",
            r"host=db password='se\' cret' user=ana passwd=secret",
            f"host=db password={MASK} user=ana passwd={MASK}",
        ),
    ],
)
def test_secrets_are_masked(key, value, shown):
    assert masked(key, value) == shown


def test_a_secret_that_cannot_work_is_not_told(cli, settings):
    settings.DURABLE = {"METRICS_TOKEN": ["hunter2"]}

    for words in (["settings"], ["settings", "--json"], ["doctor"]):
        answer = cli(*words)
        assert answer.code == 1
        assert "METRICS_TOKEN" in answer.out + answer.err
        assert "hunter2" not in answer.out + answer.err


def test_a_secret_in_an_unknown_key_is_masked(cli, settings):
    settings.DURABLE = {"FERNET_KEYS": ["abc"], "DSN": "abc"}

    answer = cli("settings", "--json")

    assert answer.document["settings"]["FERNET_KEYS"] == MASK
    assert "abc" not in answer.document["settings"]["DSN"]


def test_roles_are_made_once_and_completed(cli):
    assert "does not exist" in cli("roles").out
    assert Group.objects.count() == 0

    made = cli("roles", "--create")
    viewer = Group.objects.get(name="Durable viewer")
    viewer.permissions.remove(Permission.objects.get(codename="view_worker"))
    viewer.permissions.add(Permission.objects.get(codename="cancel_workflow"))
    again = cli("roles", "--create", "--json").records

    assert made.out.count(": made") == 3
    assert Group.objects.count() == 3
    assert [each["added"] for each in again] == [["view_worker"], [], []]
    assert viewer.permissions.filter(codename="cancel_workflow").exists()
    assert "lacks" not in cli("roles").out


def test_each_role_may_what_its_name_says(cli):
    cli("roles", "--create")
    users = {}
    for role in ("viewer", "operator", "admin"):
        users[role] = User.objects.create_user(role)
        users[role].groups.add(Group.objects.get(name=f"Durable {role}"))

    def who(codename):
        name = f"django_durable.{codename}"
        return [role for role, user in users.items() if user.has_perm(name)]

    assert who("view_workflow") == ["viewer", "operator", "admin"]
    assert who("view_workflow_data") == ["operator", "admin"]
    assert who("cancel_workflow") == ["operator", "admin"]
    assert who("send_workflow_message") == ["operator", "admin"]
    assert who("delete_workflow") == ["admin"]
    assert who("fork_workflow") == ["admin"]
    ours = Permission.objects.filter(content_type__app_label="django_durable")
    assert who("start_workflow") == ["admin"]
    assert users["admin"].groups.get().permissions.count() == ours.count()


def test_roles_need_their_permissions_in_the_database(cli):
    Permission.objects.filter(codename="cancel_workflow").delete()

    answer = cli("roles", "--create")

    assert (answer.code, Group.objects.count()) == (1, 0)
    assert "cancel_workflow: run python manage.py migrate." in answer.err
