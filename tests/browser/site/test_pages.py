"""Pages that follow their workflow, in a real browser, of a real site."""

from pathlib import Path

import pytest

from django_durable.models import Workflow
from django_durable.testing import run_until_idle
from example_project.approvals.models import Purchase
from example_project.approvals.workflows import approve_purchase
from example_project.orders.models import Order
from example_project.orders.workflows import fulfil_order
from tests.journeys.processes import wait_until
from tests.streaming.scribe import Scribe

PICTURES = Path(__file__).parents[1] / "pictures"


def is_live(page):
    """Wait until the page hears of its workflow; a mark tells it from a later page."""
    wait_until(lambda: page.get_attribute("durable-stream", "state") == "live")
    page.evaluate("window.isTheSame = true")


@pytest.mark.once
def test_an_order_is_followed_without_a_reload(visit):
    page = visit("/")
    page.fill("[name=customer]", "Ada")
    page.click("text=Place the order")
    is_live(page)

    run_until_idle()
    page.wait_for_selector("#steps >> text=request_fraud_check")
    page.click("text=Fraud check: all is well")
    is_live(page)
    run_until_idle()

    page.wait_for_selector("#order >> text=shipped")
    page.wait_for_selector("#calls >> text=payment")
    assert "carrier" in page.get_attribute("#order dd a", "href")
    assert page.evaluate("window.isTheSame")
    assert Order.objects.get().status == "shipped"


@pytest.mark.once
def test_a_decision_reaches_the_workflow_and_the_page(staff, visit):
    page = visit("/purchases/", client=staff)
    page.fill("[name=title]", "A second kettle")
    page.fill("[name=price]", "79")
    page.fill("[name=asked_by]", "Ada")
    page.click("main button")
    run_until_idle()

    page.fill("[name=reason]", "It is well spent.")
    page.click("text=Approve")
    is_live(page)
    assert page.is_visible("text=The decision is on its way to the workflow.")
    run_until_idle()

    page.wait_for_selector(".badge >> text=approved")
    assert page.evaluate("window.isTheSame")
    purchase = Purchase.objects.get()
    assert (purchase.decided_by, purchase.reason) == ("grace", "It is well spent.")
    assert Workflow.objects.get().status == "SUCCESS"


@pytest.mark.once
def test_a_page_without_sockets_asks_again_by_itself(site, visit):
    page = visit("/advice/")
    page.route_web_socket("**/*", lambda socket: socket.close())
    page.goto(f"{site.origin}/")
    page.fill("[name=customer]", "Ada")
    page.click("text=Place the order")
    wait_until(lambda: page.get_attribute("durable-stream", "state") == "failed")

    run_until_idle()

    page.wait_for_selector("#steps >> text=request_fraud_check")


@pytest.mark.once
def test_what_somebody_is_writing_is_left_alone(staff, visit):
    purchase = Purchase.objects.create(title="Tea", price=1, asked_by="Ada")
    scribe = Scribe(purchase.workflow_id)
    page = visit(purchase.get_absolute_url(), client=staff)
    is_live(page)
    page.fill("[name=reason]", "Because")

    asked = []
    page.on("request", lambda request: asked.append(request.url))

    def has_asked(times):
        # The browser tells of requests while it is asked for something.
        return page.title() and asked.count(page.url) >= times

    scribe.step("write_to_staff")
    wait_until(lambda: has_asked(1))
    scribe.step("order_goods")
    # Before it asks again the page has seen to what it was told before.
    wait_until(lambda: has_asked(2))

    assert page.input_value("[name=reason]") == "Because"


SIZES = {
    "light": ("light", {"width": 900, "height": 700}),
    "dark": ("dark", {"width": 900, "height": 700}),
    "phone": ("light", {"width": 360, "height": 720}),
}


@pytest.fixture
def paths(site, request):
    """Return the pages of a shop that has something to show."""
    purchase = Purchase.objects.create(title="A kettle", price=79, asked_by="Ada")
    order = Order.objects.create(customer="Ada")
    workflows = [
        fulfil_order.using(workflow_id=order.workflow_id),
        approve_purchase.using(workflow_id=purchase.workflow_id),
    ]
    workflows[0].start(order.pk, "Ada", "good", {"kettle": 1, "tea": 2})
    workflows[1].start(purchase.pk)
    run_until_idle()
    talk = request.getfixturevalue("talk")
    talk.write("A pot of stoneware keeps the warmth of the first cup ", "for ")
    return {
        "home": "/",
        "order": order.get_absolute_url(),
        "advice": "/advice/",
        "answer": talk.path,
        "purchases": "/purchases/",
        "purchase": purchase.get_absolute_url(),
    }


@pytest.mark.once
def test_pages_fit_and_are_kept_as_pictures(site, paths, talk, staff, visit):
    """The pictures are for a person to look at."""
    page = visit("/", talk=talk, client=staff)
    PICTURES.mkdir(exist_ok=True)

    for name, path in paths.items():
        page.goto(f"{site.origin}{path}")
        if page.locator("durable-stream").count():
            page.wait_for_selector("durable-stream[state=live]")
        for size, (scheme, viewport) in SIZES.items():
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size(viewport)
            page.screenshot(path=PICTURES / f"{name}-{size}.png", full_page=True)
            fits = "document.documentElement.scrollWidth <= innerWidth"
            assert page.evaluate(fits), f"{name}-{size}"
