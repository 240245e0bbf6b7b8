"""What an error says is hidden wherever errors are shown, or nowhere."""

import io

import pytest
from django.core.management import call_command
from django.urls import reverse

import django_durable as durable
from django_durable.testing import run_until_idle, virtual_time
from tests.admin.pages import LIST, page

pytestmark = [pytest.mark.django_db, pytest.mark.once]

SECRET = "4111 1111"
HOME = reverse("admin:app_list", args=["django_durable"])


@durable.step(max_attempts=2)
def charges():
    try:
        raise LookupError(f"unknown card {SECRET}")
    except LookupError as error:
        error.card = SECRET
        raise ValueError(f"refused card {SECRET}") from error


@durable.workflow
def pays():
    try:
        charges()
    except ValueError as error:
        error.add_note(f"noted {SECRET}")
        raise


@pytest.fixture
def everywhere(client, operator, settings, caplog):
    """Return all that displays say about errors that patterns hide."""

    def everywhere(*patterns):
        settings.DURABLE = {"REDACT": list(patterns)}
        operator("view_workflow", "view_workflow_data")
        with virtual_time() as time:
            pays.using(workflow_id="pays").start()
            run_until_idle()
            time.advance(10)
            run_until_idle()
        export = reverse("admin:django_durable_workflow_export_json")
        found = {
            "list": client.get(LIST).text,
            "dashboard": client.get(HOME).text,
            "page": client.get(page("pays")).text,
            "download": client.get(page("pays", "payload"), {"of": "error"}).text,
            "step": client.get(page("pays", "payload"), {"of": "step", "step": 1}).text,
            "export": b"".join(client.get(export).streaming_content).decode(),
            "show": command("show", "pays"),
            "steps": command("steps", "pays"),
            "as JSON": command("show", "pays", "--json"),
            "log": caplog.text,
        }
        return {name: text.replace("\\u2022", "•") for name, text in found.items()}

    return everywhere


def command(*words):
    out = io.StringIO()
    call_command("workflows", *words, stdout=out)
    return out.getvalue()


def test_an_error_is_shown_everywhere(everywhere):
    assert [name for name, text in everywhere().items() if SECRET not in text] == []


@pytest.mark.parametrize("pattern", ["error", "message", "error.message", "*"])
def test_a_hidden_message_is_shown_nowhere(everywhere, pattern):
    shown = everywhere(pattern)

    assert [name for name, text in shown.items() if SECRET in text] == []
    assert [name for name, text in shown.items() if "•••" not in text] == []
    assert [name for name, text in shown.items() if "ValueError" not in text] == []


@pytest.mark.parametrize("pattern", ["cause", "notes", "cause.message"])
def test_a_traceback_does_not_tell_what_is_hidden_beside_it(everywhere, pattern):
    shown = everywhere(pattern)

    for name in ("page", "download", "step", "export", "show", "as JSON"):
        assert "unknown card" not in shown[name] or pattern == "notes"
        assert "noted" not in shown[name] or pattern != "notes"
