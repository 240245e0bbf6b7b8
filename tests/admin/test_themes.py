"""The console in Django's own admin and under two themes: shown, and without code."""

import copy
import re

import pytest

import django_durable as durable
from django_durable.testing import run_until_idle
from tests import workflows
from tests.admin.everywhere import NO_PAGES, There, addresses
from tests.admin.markup import Markup, inline_code
from tests.admin.pages import LIST, answer, finished, page
from tests.admin.schedules import scheduled

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.once,
    # Of a theme that is behind Django.
    pytest.mark.filterwarnings("ignore:Overriding get_action_choices"),
]


@pytest.fixture(params=["plain", "unfold", "jazzmin"])
def theme(request, settings):
    """Put the admin under a theme."""
    if request.param == "unfold":
        settings.INSTALLED_APPS = [
            "unfold.apps.BasicAppConfig",
            *settings.INSTALLED_APPS,
        ]
        settings.ROOT_URLCONF = "tests.admin.themes"
    elif request.param == "jazzmin":
        settings.INSTALLED_APPS = ["jazzmin", *settings.INSTALLED_APPS]
    return request.param


def pages(client):
    """Yield the name and the answer of every page."""
    finished("w")
    talks.using(workflow_id="talker").start()
    run_until_idle()
    for name, (address, _needed) in addresses("w").items():
        if name not in NO_PAGES:
            yield name, client.get(address)
    yield "talker", client.get(page("talker") + "?watch=log")
    there = There(schedule=f"?schedule={scheduled().pk}", queue="?queue=default")
    found = addresses("w", there)
    for name in ("schedule", "schedule_backfill", "schedule_run", "queue_limit"):
        response = client.get(found[name][0])
        ours = "".join(text for text, ours in Markup(response.text).text if ours)
        assert ("Queue default" if "queue" in name else "Schedule report") in ours
        yield name, response
    yield "fork place", client.get(page("w", "fork"))
    chosen = {"action": "restart_selected", "_selected_action": "w"}
    yield "bulk", client.post(LIST, chosen)
    yield "told", client.post(page("talker", "cancel"), answer(), follow=True)


def test_every_page_is_shown_and_holds_no_code_of_ours(client, root, theme):
    for name, response in pages(client):
        assert response.status_code == 200, name
        assert name == "history" or "dd-" in response.text, name
        # The themes have code of their own; without one there is none at all.
        found = inline_code(response.text, only_ours=theme != "plain")
        assert found == [], name


def test_the_links_to_actions_stand_in_every_theme(client, root, theme):
    finished("w")

    links = {
        attributes.get("href")
        for _tag, attributes, _ours in Markup(client.get(page("w")).text).elements
    }
    listed = client.get(LIST).text

    for action in ("restart", "fork", "delete", "history"):
        assert page("w", action) in links, action
    assert "export.csv" in listed
    assert "/start/" in listed
    assert "dd-strip" in listed


def test_every_script_and_style_of_ours_carries_the_nonce(client, root, settings):
    templates = copy.deepcopy(settings.TEMPLATES)
    processors = templates[0]["OPTIONS"]["context_processors"]
    processors.append("tests.admin.test_themes.nonce")
    settings.TEMPLATES = templates
    finished("w")

    text = client.get(page("w")).text

    ours = re.findall(r"<(?:link|script)[^>]*django_durable[^>]*>", text)
    assert len(ours) == 4
    assert all('nonce="abc"' in tag for tag in ours)


def nonce(request):
    """Stand for the context processor of Django 6."""
    return {"csp_nonce": "abc"}


@durable.workflow
def talks():
    durable.set_event("url", "/pay")
    durable.write_stream("log", 1)
    workflows.add(1, 2)
    durable.recv("more")
