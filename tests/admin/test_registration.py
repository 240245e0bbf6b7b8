"""Which classes the admin gets."""

import subprocess
import sys

import pytest
from django.contrib import admin

from django_durable.admin import DurableWorkflowAdmin
from django_durable.admin.registration import register
from django_durable.models import Workflow

pytestmark = pytest.mark.once


class Ours(admin.ModelAdmin):
    """Stands for the ModelAdmin of a theme."""

    theme = "ours"


@pytest.fixture
def site(monkeypatch):
    """Put an empty site in the place of the project's."""
    empty = admin.AdminSite()
    monkeypatch.setattr(admin, "site", empty)
    return empty


@pytest.mark.parametrize("choice", [{}, {"ADMIN": True}])
def test_the_console_is_in_the_admin(site, settings, choice):
    settings.DURABLE = choice

    register({Workflow: DurableWorkflowAdmin})

    assert type(site.get_model_admin(Workflow)) is DurableWorkflowAdmin


def test_a_project_may_do_without_it(site, settings):
    settings.DURABLE = {"ADMIN": False}

    register({Workflow: DurableWorkflowAdmin})

    assert not site.is_registered(Workflow)


def test_without_the_admin_nothing_is_registered(site, settings):
    settings.INSTALLED_APPS = [
        app for app in settings.INSTALLED_APPS if app != "django.contrib.admin"
    ]

    register({Workflow: DurableWorkflowAdmin})

    assert not site.is_registered(Workflow)


def test_a_class_of_the_project_is_mixed_in(site, settings):
    settings.DURABLE = {"ADMIN": f"{__name__}.Ours"}

    register({Workflow: DurableWorkflowAdmin})

    found = site.get_model_admin(Workflow)
    assert isinstance(found, DurableWorkflowAdmin)
    assert (found.theme, found.list_per_page) == ("ours", 100)
    assert not found.has_change_permission(None)


def test_a_class_that_does_not_exist_is_left_to_the_checks(site, settings):
    settings.DURABLE = {"ADMIN": "no.such.ModelAdmin"}

    register({Workflow: DurableWorkflowAdmin})

    assert type(site.get_model_admin(Workflow)) is DurableWorkflowAdmin


@pytest.mark.parametrize("choice", [5, None, "", b"x"])
def test_what_cannot_be_a_class_registers_nothing(site, settings, choice):
    settings.DURABLE = {"ADMIN": choice}

    register({Workflow: DurableWorkflowAdmin})

    assert not site.is_registered(Workflow)


WRONG = """
from django.conf import settings
settings.configure(
    SECRET_KEY="x",
    INSTALLED_APPS=["django.contrib.admin", "django.contrib.auth",
                    "django.contrib.contenttypes", "django.contrib.messages",
                    "django.contrib.sessions", "django_durable"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    USE_TZ=True,
    DURABLE={"ADMIN": 5},
)
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "check"])
"""


def test_a_choice_that_is_none_is_said_to_be_by_the_checks_without_a_traceback():
    found = subprocess.run(
        [sys.executable, "-c", WRONG], capture_output=True, text=True, timeout=60
    )

    assert found.returncode == 1
    assert "django_durable.E003" in found.stderr
    assert "ADMIN" in found.stderr
    assert "Traceback" not in found.stderr


THEMED = """
from django.conf import settings
settings.configure(
    SECRET_KEY="x",
    INSTALLED_APPS={apps},
    TEMPLATES=[{{"BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True}}],
    DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3"}}}},
    DURABLE={{"ADMIN": "unfold.admin.ModelAdmin"}},
)
import django; django.setup()
from django.contrib import admin
from unfold.admin import ModelAdmin
from django_durable.models import Worker, Workflow
print([isinstance(admin.site.get_model_admin(model), ModelAdmin)
       for model in (Workflow, Worker)])
"""
APPS = ["auth", "contenttypes", "messages", "sessions"]


@pytest.mark.parametrize("place", [1, 9])
def test_a_theme_that_loads_our_tags_while_it_is_imported_is_mixed_in(place):
    apps = [
        "unfold",
        "django.contrib.admin",
        *(f"django.contrib.{app}" for app in APPS),
    ]
    apps.insert(place, "django_durable")

    found = subprocess.run(
        [sys.executable, "-c", THEMED.format(apps=apps)],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert found.stdout.strip() == "[True, True]", found.stderr
