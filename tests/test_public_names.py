"""What the root of the package promises."""

import subprocess
import sys
from io import StringIO

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command

import django_durable
from django_durable import exceptions

PERMISSIONS = {
    "view_workflow",
    "view_workflow_data",
    "view_stream",
    "start_workflow",
    "cancel_workflow",
    "resume_workflow",
    "fork_workflow",
    "send_workflow_message",
    "delete_workflow",
    "manage_queue",
    "manage_schedule",
}


def run(code):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
    )


def test_importing_the_package_loads_no_django_module():
    found = run(
        "import sys, django_durable;"
        "print([m for m in sys.modules if m == 'django' or m.startswith('django.')])"
    )

    assert found.stderr == ""
    assert found.stdout.strip() == "[]"


def test_definitions_can_be_written_before_the_apps_are_ready():
    found = run(
        "import django_durable as durable\n"
        "@durable.step(max_attempts=3)\n"
        "def charge(amount): return amount\n"
        "@durable.workflow(version='1')\n"
        "def checkout(amount): return charge(amount)\n"
        "print(checkout.name, charge(5))\n"
        "checkout.start(5)"
    )

    assert found.stdout.strip() == "__main__.checkout 5"
    assert "add 'django_durable' to INSTALLED_APPS" in found.stderr


def test_the_public_names_are_sorted_and_unique():
    assert django_durable.__all__ == sorted(set(django_durable.__all__))


@pytest.mark.parametrize("name", django_durable.__all__)
def test_every_public_name_can_be_imported(name):
    value = getattr(django_durable, name)

    assert value is getattr(django_durable, name)
    assert name in dir(django_durable)
    assert getattr(value, "__doc__", None), f"{name} has no docstring"


def test_every_public_name_has_one_place():
    places = [name for names in django_durable._PLACES.values() for name in names]

    assert sorted(places) == django_durable.__all__


def test_every_error_is_public():
    errors = {
        name
        for name, value in vars(exceptions).items()
        if isinstance(value, type) and issubclass(value, exceptions.DurableError)
    }

    assert errors <= set(django_durable.__all__)


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'wrokflow'"):
        django_durable.wrokflow  # noqa: B018


def test_every_blocking_call_has_a_twin():
    twins = {name[1:] for name in django_durable.__all__ if name[0] == "a"}
    blocking = {
        "cancel_workflow",
        "now",
        "random",
        "resume_workflow",
        "retrieve_workflow",
        "run_step",
        "sleep",
        "sleep_until",
        "start_workflow",
        "uuid4",
    }

    assert blocking <= twins


@pytest.mark.django_db
def test_no_model_has_changed_without_a_migration():
    out = StringIO()

    call_command("makemigrations", check_changes=True, dry_run=True, stdout=out)

    assert "No changes" in out.getvalue()


@pytest.mark.django_db
def test_the_permissions_of_the_console_exist():
    of_us = Permission.objects.filter(content_type__app_label="django_durable")

    assert set(of_us.values_list("codename", flat=True)) >= PERMISSIONS
