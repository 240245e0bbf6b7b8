"""What operators do in the admin, in a real browser, under the strictest policy."""

from datetime import date, timedelta

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

import django_durable as durable
from django_durable import bulk
from django_durable.execution import scheduling
from django_durable.models import Worker, Workflow
from django_durable.testing import run_until_idle
from example_project.approvals.models import Purchase
from example_project.approvals.workflows import approve_purchase
from example_project.orders.models import Order
from example_project.orders.workflows import fulfil_order
from tests.browser.site.test_pages import PICTURES
from tests.streaming.scribe import Scribe

LIST = reverse("admin:django_durable_workflow_changelist")
SCHEDULES = reverse("admin:django_durable_schedules")
DESKTOP = {"viewport": {"width": 1200, "height": 800}}
PHONE = {"viewport": {"width": 320, "height": 720}, "has_touch": True}


def page_of(workflow_id, action="change"):
    """Return the address of a workflow in the console, or of an action on it."""
    name = f"admin:django_durable_workflow_{action}"
    return reverse(name, args=[quote(workflow_id)])


@pytest.fixture
def operator(site):
    """Return the test client of somebody who may do everything."""
    user = get_user_model().objects.create_superuser("grace")
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def purchase(site):
    """Have a purchase that waits for a decision."""
    purchase = Purchase.objects.create(title="A kettle", price=79, asked_by="Ada")
    start = approve_purchase.using(workflow_id=purchase.workflow_id).start
    start(purchase.pk)
    run_until_idle()
    return purchase


@pytest.fixture
def lost_order(site):
    """Have an order that fails, since nobody understands what the carrier says."""
    order = Order.objects.create(customer="Ada")
    start = fulfil_order.using(workflow_id=order.workflow_id).start
    handle = start(order.pk, "Ada", "good", {"kettle": 1, "tea": 2})
    durable.send(handle, {"approved": True}, "fraud_check")
    durable.send(handle, {"left": "at the neighbours'"}, "delivery")
    run_until_idle()
    assert status_of(order.workflow_id) == "ERROR"
    return order


def status_of(workflow_id):
    return Workflow.objects.get(pk=workflow_id).status


@pytest.mark.once
def test_a_waiting_workflow_is_found_and_cancelled(operator, purchase, visit):
    page = visit(LIST, client=operator, color_scheme="light", **DESKTOP)
    page.fill("#searchbar", purchase.workflow_id)
    page.press("#searchbar", "Enter")
    page.click(f"#result_list >> text={purchase.workflow_id}")
    page.wait_for_selector(".dd-waits >> text=decision")

    page.click(".object-tools >> text=Cancel")
    page.fill("[name=reason]", "The kettle is found.")
    page.click(".dd-form button")

    page.wait_for_selector(".messagelist >> text=It was cancelled.")
    page.wait_for_selector(".dd-head >> text=The kettle is found.")
    assert status_of(purchase.workflow_id) == "CANCELLED"


@pytest.mark.once
def test_a_bulk_action_is_begun_and_aborted(operator, purchase, visit):
    page = visit(LIST, client=operator, color_scheme="light", **DESKTOP)
    page.check("input[name=_selected_action]")
    page.select_option("select[name=action]", "cancel_selected")
    page.click(".actions button[name=index]")
    page.fill("[name=reason]", "The shop is closed.")
    page.click(".dd-form button")
    page.wait_for_selector("text=The shop is closed.")
    assert page.text_content("[data-dd-figure=left]") == "1"

    page.click(".dd-buttons >> text=Abort")
    page.click(".dd-form button")
    page.wait_for_selector(".dd-badge >> text=cancelled")
    run_until_idle()

    assert Workflow.objects.get(name=bulk.NAME).status == "CANCELLED"
    assert status_of(purchase.workflow_id) == "WAITING"


@pytest.mark.once
def test_a_purchase_is_approved_on_a_phone(operator, purchase, visit):
    address = page_of(purchase.workflow_id)
    page = visit(address, client=operator, color_scheme="dark", **PHONE)

    page.click(".object-tools >> text=Send message")
    page.check("[name=message_approved]")
    page.fill("[name=message_reason]", "It is well spent.")
    page.click(".dd-form button")
    page.wait_for_selector(".messagelist >> text=A message was sent")
    run_until_idle()

    purchase.refresh_from_db()
    assert (purchase.status, purchase.reason) == ("approved", "It is well spent.")
    page.reload()
    page.wait_for_selector(".dd-head .dd-badge >> text=success")


@pytest.mark.once
def test_an_approval_is_found_in_the_inbox_answered_and_gone(operator, purchase, visit):
    page = visit(LIST, client=operator, color_scheme="dark", **PHONE)
    page.click(".dd-places >> text=Approvals")
    row = f"tr:has-text('{purchase.workflow_id}')"
    page.wait_for_selector(f"{row} >> text=decision")
    page.click("[data-dd-pause]")
    kettle = Purchase.objects.create(title="Another", price=1, asked_by="Ben")
    approve_purchase.using(workflow_id=kettle.workflow_id).start(kettle.pk)
    run_until_idle()

    page.click("[data-dd-pause]")  # Goes on, and asks at once.
    page.click("[data-dd-stale] >> text=1 new — show")
    page.wait_for_selector(f"tr:has-text('{kettle.workflow_id}')")
    page.click(f"{row} >> text=Answer…")
    page.check("[name=message_approved][value=yes]")
    page.fill("[name=message_reason]", "It is well spent.")
    page.click(".dd-form button")

    page.wait_for_selector(".messagelist >> text=answered")
    page.wait_for_selector(f"tr:has-text('{kettle.workflow_id}')")
    assert page.locator(row).count() == 0
    run_until_idle()
    purchase.refresh_from_db()
    assert (purchase.status, purchase.reason) == ("approved", "It is well spent.")


@pytest.mark.once
def test_an_open_list_tells_what_is_new_unless_it_is_paused(
    operator, purchase, site, visit
):
    workflow = Workflow.objects.filter(pk=purchase.workflow_id)
    (code,) = workflow.values_list("name", "version")
    worker = Worker.objects.register(Worker.Kind.WORKER, definitions=[code])
    worker.heartbeat_at += timedelta(hours=1)  # It has no thread for its heart.
    worker.save()
    page = visit(LIST, client=operator, color_scheme="light", **DESKTOP)
    page.evaluate("window.isTheSame = true")
    page.click("[data-dd-pause]")
    scribe = Scribe()
    workflow.update(summary="<b>Two kettles</b>")
    assert page.is_hidden("[data-dd-stale]")

    page.click("[data-dd-pause]")  # Goes on, and asks at once.

    page.wait_for_selector("[data-dd-stale] >> text=1 new — show")
    page.wait_for_selector("#result_list >> text=<b>Two kettles</b>")
    assert page.locator(".dd-stranded").count() == 0
    page.click("[data-dd-pause]")
    workflow.update(version="older")
    page.click("[data-dd-pause]")
    page.wait_for_selector("#result_list .dd-stranded")
    assert page.evaluate("window.isTheSame")
    page.click("[data-dd-stale]")
    page.wait_for_selector(f"#result_list >> text={scribe.workflow_id}")


@pytest.mark.once
def test_the_page_of_a_worker_follows_it_until_it_is_gone(operator, site, visit):
    worker = Worker.objects.register(Worker.Kind.WORKER)
    worker.heartbeat_at += timedelta(hours=1)  # It has no thread for its heart.
    worker.save()
    address = reverse("admin:django_durable_worker_change", args=[worker.pk])
    page = visit(address, client=operator, color_scheme="light", **DESKTOP)
    page.click("[data-dd-pause]")
    Worker.objects.filter(pk=worker.pk).update(state="draining", rss_bytes=2**30)
    page.click("[data-dd-pause]")  # Goes on, and asks at once.
    page.wait_for_selector(".dd-badge >> text=draining")
    page.wait_for_selector("[data-dd-cell=memory] >> text=1.0 GB")
    worker.delete()

    page.click("[data-dd-pause]")
    page.click("[data-dd-pause]")

    page.wait_for_selector(".dd-badge >> text=no longer there")
    page.wait_for_selector("[data-dd-controls][data-dd-state=paused]")
    assert page.inner_text("[data-dd-stale]") == "It is no longer there"


OUTLINE = """() => {
  const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
  const ours = document.activeElement.closest(".dd-console");
  return [Boolean(ours), outlineStyle, parseFloat(outlineWidth)];
}"""


@pytest.mark.once
def test_the_keyboard_shows_where_it_is(operator, purchase, visit):
    inbox = reverse("admin:django_durable_approvals")
    page = visit(inbox, client=operator, color_scheme="dark", **DESKTOP)
    page.focus(".dd-console nav a")
    seen = []
    for _ in range(8):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(OUTLINE))

    ours = [look for is_ours, *look in seen if is_ours]
    assert len(ours) >= 6
    assert all(style == "solid" and width >= 2 for style, width in ours)


def test_a_failed_workflow_goes_another_way_from_a_step(operator, lost_order, visit):
    address = page_of(lost_order.workflow_id)
    page = visit(address, client=operator, color_scheme="dark", **DESKTOP)
    page.wait_for_selector("text=KeyError")

    page.click("#durable-steps tr:has-text('recv'):has-text('delivery') >> text=Fork")
    page.wait_for_selector("text=charge_customer")
    page.click(".dd-form button")
    page.wait_for_selector(".messagelist >> text=It was forked")
    fork = Workflow.objects.exclude(pk=lost_order.workflow_id).get()
    assert page.url.endswith(page_of(fork.pk))
    run_until_idle()

    page.click(".object-tools >> text=Send message")
    page.fill("[name=message]", '{"delivered": true}')
    page.click(".dd-form button")
    page.wait_for_selector(".messagelist >> text=A message was sent")
    run_until_idle()

    lost_order.refresh_from_db()
    assert lost_order.status == "delivered"
    assert (status_of(fork.pk), status_of(lost_order.workflow_id)) == (
        "SUCCESS",
        "ERROR",
    )


@pytest.mark.once
def test_a_running_workflow_moves_while_somebody_looks(operator, site, visit):
    scribe = Scribe()
    scribe.step("charge")
    address = page_of(scribe.workflow_id)
    page = visit(address, client=operator, color_scheme="light", **PHONE)
    page.wait_for_selector("#durable-steps >> text=charge")

    page.click("[data-dd-pause]")
    scribe.step("pack")
    page.click("[data-dd-pause]")  # Goes on, and asks at once.
    page.click("[data-dd-stale]")
    page.wait_for_selector("#durable-steps >> text=pack")
    page.evaluate("window.isTheSame = true")
    scribe.end()

    page.wait_for_selector(".dd-head .dd-badge >> text=success")
    assert page.evaluate("window.isTheSame")


SIZES = {
    "light": ("light", DESKTOP["viewport"]),
    "dark": ("dark", DESKTOP["viewport"]),
    "phone": ("dark", PHONE["viewport"]),
}
ALSO_DARK = ("dashboard", "failed", "approvals")


@pytest.mark.once
def test_the_console_fits_and_is_kept_as_pictures(
    operator, purchase, lost_order, site, visit
):
    """The pictures are for a person to look at."""
    waiting, failed = purchase.workflow_id, lost_order.workflow_id
    paths = {
        "dashboard": reverse("admin:app_list", args=["django_durable"]),
        "list": LIST,
        "waiting": page_of(waiting),
        "failed": page_of(failed),
        "cancel": page_of(waiting, "cancel"),
        "fork": f"{page_of(failed, 'fork')}?step=9",
        "send": page_of(waiting, "send"),
        "approvals": reverse("admin:django_durable_approvals"),
        "queues": reverse("admin:django_durable_queues"),
        "runs": reverse("admin:django_durable_bulk"),
        "clean-up": reverse("admin:django_durable_workflow_prune"),
        "workers": reverse("admin:django_durable_worker_changelist"),
    }
    page = visit(LIST, client=operator)
    PICTURES.mkdir(exist_ok=True)

    for name, path in paths.items():
        page.goto(f"{site.origin}{path}")
        for size, (scheme, viewport) in SIZES.items():
            if size == "dark" and name not in ALSO_DARK:
                continue
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size(viewport)
            page.screenshot(path=PICTURES / f"console-{name}-{size}.png")
            fits = "document.documentElement.scrollWidth <= innerWidth"
            assert page.evaluate(fits), f"{name}-{size}"


@pytest.mark.once
def test_a_schedule_is_backfilled_and_followed_on_a_phone(
    operator, visit, own_schedules
):
    declared = own_schedules["morning-report"]
    scheduling.declare("default", [declared])
    page = visit(SCHEDULES, client=operator, color_scheme="dark", **PHONE)
    page.click(".dd-table >> text=morning-report")
    page.click(".dd-buttons >> text=Backfill…")
    yesterday = date.today() - timedelta(days=1)
    page.fill("[name=start]", f"{yesterday - timedelta(days=1)}T00:00")
    page.fill("[name=end]", f"{yesterday}T12:00")
    page.click(".dd-form button")
    page.wait_for_selector(f".dd-chosen >> text={yesterday} 06:00")
    page.fill("[name=reason]", "The printer was out of paper.")
    page.click(".dd-form button >> text=Start 2 workflows")

    page.wait_for_selector(".messagelist >> text=2 were started.")
    assert Workflow.objects.for_schedule("morning-report").count() == 2
    page.wait_for_selector("li >> text=backfill: Of the ticks")
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    page.click("[data-dd-pause]")
    durable.pause_schedule("morning-report", "<b>moving</b>")
    page.click("[data-dd-pause]")  # Goes on, and asks at once.
    page.wait_for_selector("[data-dd-figure^=state] >> text=<b>moving</b>")
    assert page.is_visible("[data-dd-stale]")
