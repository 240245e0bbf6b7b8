"""The pictures of the documentation: python -m tests.browser.screenshots.

They show the example's console after the week of ``manage.py seed_example``, with a
worker that is idle, in a database of their own.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "images"
SIZE = {"width": 1100, "height": 720}
# The list of all apps would be half of each picture.
WITHOUT_SIDEBAR = "localStorage.setItem('django.admin.navSidebarIsOpen', 'false')"


def main() -> None:
    """Take all pictures anew."""
    with TemporaryDirectory() as directory:
        os.environ |= {
            "DATABASE_URL": f"sqlite:///{directory}/db.sqlite3",
            "DJANGO_SETTINGS_MODULE": "example_project.settings",
            "APP_VERSION": "2026.11",
            "PYTHONPATH": str(ROOT),
        }
        _fill()
        with _process("run_workflows", "--processes", "2"), _site() as origin:
            _take(origin)


def _fill() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    call_command("seed_example", verbosity=0)


@contextmanager
def _process(*arguments: str) -> Iterator[Any]:
    command = [sys.executable, "-m", "django", *arguments]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=ROOT, **quiet) as process:
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def _site() -> Iterator[str]:
    from tests.journeys.processes import wait_until
    from tests.streaming.servers import free_port

    place = f"127.0.0.1:{free_port()}"
    with _process("runserver", "--noreload", place):
        wait_until(lambda: _answers(f"http://{place}/admin/login/"), "the site")
        yield f"http://{place}"


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _paths() -> dict[str, str]:
    """Return the pages that are shown, by the names of their pictures."""
    from django.contrib.admin.utils import quote
    from django.urls import reverse

    from django_durable.models import Wait, Workflow

    def page(action: str, **which: Any) -> str:
        workflow = Workflow.objects.filter(parent=None, **which).earliest("created_at")
        name = f"admin:django_durable_workflow_{action}"
        return reverse(name, args=[quote(workflow.pk)])

    asked = Wait.objects.filter(is_human=True, branch="").earliest("pk")
    return {
        "dashboard": reverse("admin:app_list", args=["django_durable"]),
        "list": reverse("admin:django_durable_workflow_changelist"),
        "detail": page("change", name__endswith="fulfil_order", status="SUCCESS"),
        "approvals": reverse("admin:django_durable_approvals"),
        "schedules": reverse("admin:django_durable_schedules"),
        "workers": reverse("admin:django_durable_worker_changelist")
        + "?state__exact=running",
        "clean-up": reverse("admin:django_durable_workflow_prune"),
        "approval": page("answer", waits=asked) + f"?step={asked.step_id}",
        "fork": page("fork", status="ERROR") + "?step=1",
    }


def _take(origin: str) -> None:
    from tests.browser.chromium import chromium, window

    PICTURES.mkdir(exist_ok=True)
    with chromium() as browser:
        page = window(browser, viewport=SIZE, color_scheme="light").new_page()
        page.add_init_script(WITHOUT_SIDEBAR)
        page.goto(f"{origin}/admin/login/")
        page.fill("[name=username]", "demo")
        page.fill("[name=password]", "demo")
        page.click("[type=submit]")
        paths = _paths()
        for name, path in paths.items():
            page.goto(f"{origin}{path}")
            page.screenshot(path=PICTURES / f"console-{name}.png")
        page.goto(f"{origin}{paths['list']}?state=failed&window=all")
        _order(page)


def _order(page: Any) -> None:
    """Start all that have failed anew, as a bulk action."""
    page.check("#action-toggle")
    page.select_option("[name=action]", "restart_selected")
    page.evaluate("document.querySelector('[name=select_across]').value = '1'")
    page.click(".actions button")
    page.fill("[name=reason]", "The carrier answers again.")
    page.screenshot(path=PICTURES / "console-bulk-question.png")
    page.click(".dd-form button")
    page.wait_for_selector(".dd-badge.dd-success, [data-dd-stale]:not([hidden])")
    page.reload()
    page.screenshot(path=PICTURES / "console-bulk.png")


if __name__ == "__main__":
    main()
