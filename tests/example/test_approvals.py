"""Purchases: a yes, a no, and a day without either."""

import pytest

from django_durable.models import Notification, Workflow
from example_project.approvals.models import Purchase
from example_project.approvals.workflows import approve_purchase

pytestmark = pytest.mark.django_db

WANTED = {"title": "A samovar", "price": "250.00", "asked_by": "Ada"}


@pytest.fixture
def purchase(client, durable):
    """Return a purchase that was asked for and waits for its decision."""
    client.post("/purchases/ask/", WANTED)
    durable.run_until_idle()
    return Purchase.objects.get()


def decide(browser, purchase, answer, reason=""):
    address = f"{purchase.get_absolute_url()}decide/"
    return browser.post(address, {"answer": answer, "reason": reason})


def seen(purchase, durable):
    durable.run_until_idle()
    purchase.refresh_from_db()
    return purchase


def result_of(purchase):
    workflow = Workflow.objects.for_subject(purchase).get()
    return approve_purchase.using(workflow_id=workflow.pk).start(purchase.pk)


def test_the_staff_is_asked_by_mail(purchase, mailoutbox):
    (mail,) = mailoutbox

    assert mail.subject == "Please decide: A samovar for 250.00 €"
    assert purchase.get_absolute_url() in mail.body


def test_an_approved_purchase_is_ordered(staff, purchase, durable, mailoutbox):
    response = decide(staff, purchase, "yes", "We need tea.")

    seen(purchase, durable)
    assert response.status_code == 302
    assert purchase.status == Purchase.Status.APPROVED
    assert (purchase.decided_by, purchase.reason) == ("grace", "We need tea.")
    assert mailoutbox[-1].to == ["sales@supplier.example"]
    assert result_of(purchase).get_result() == "approved"


def test_a_rejected_purchase_is_not_ordered(staff, purchase, durable, mailoutbox):
    decide(staff, purchase, "no", "Too dear.")

    seen(purchase, durable)
    assert purchase.status == Purchase.Status.REJECTED
    assert purchase.reason == "Too dear."
    assert len(mailoutbox) == 1
    assert result_of(purchase).get_result() == "rejected"


def test_a_purchase_expires_after_a_day_and_not_earlier(purchase, durable):
    durable.run_for(hours=23, minutes=59)
    before = seen(purchase, durable).status

    durable.run_for(minutes=1)

    assert before == Purchase.Status.ASKED
    assert seen(purchase, durable).status == Purchase.Status.EXPIRED
    assert result_of(purchase).get_result() == "expired"


def test_of_two_decisions_the_first_one_counts(staff, purchase, durable):
    decide(staff, purchase, "no")

    response = decide(staff, purchase, "yes")

    assert response.status_code == 409
    assert Notification.objects.count() == 1
    assert seen(purchase, durable).status == Purchase.Status.REJECTED


def test_a_decision_on_an_expired_purchase_is_refused(staff, purchase, durable):
    durable.run_for(days=1)

    response = decide(staff, purchase, "yes")

    assert response.status_code == 409
    assert "expired" in response.content.decode()
    assert Notification.objects.count() == 0


def test_a_decision_that_cannot_be_sent_is_not_written_down(staff, purchase):
    Workflow.objects.all().cancel()
    Workflow.objects.all().delete()
    staff.raise_request_exception = False

    response = decide(staff, purchase, "yes")

    purchase.refresh_from_db()
    assert response.status_code == 500
    assert purchase.decided_by == ""


@pytest.mark.parametrize("form", [{}, {"answer": "perhaps"}, {"answer": ""}])
def test_what_is_no_decision_is_refused(staff, purchase, form):
    response = staff.post(f"{purchase.get_absolute_url()}decide/", form)

    assert response.status_code == 400
    assert Notification.objects.count() == 0


def test_only_the_staff_decides(client, purchase):
    response = decide(client, purchase, "yes")

    page = client.get(purchase.get_absolute_url()).content.decode()
    assert response.status_code == 302
    assert response.url.startswith("/admin/login/")
    assert "Log in as staff" in page
    assert 'value="yes"' not in page
    assert Notification.objects.count() == 0


def test_the_staff_sees_buttons_as_long_as_there_is_something_to_decide(
    staff, purchase, durable
):
    before = staff.get(purchase.get_absolute_url()).content.decode()
    decide(staff, purchase, "yes")
    after = staff.get(purchase.get_absolute_url()).content.decode()

    assert 'value="yes"' in before
    assert 'value="yes"' not in after
    assert "Your decision was sent" in after


def test_an_ill_formed_request_stores_nothing(client):
    response = client.post("/purchases/ask/", {**WANTED, "price": "much"})

    assert response.status_code == 400
    assert not Purchase.objects.exists()
    assert not Workflow.objects.exists()


def test_the_purchases_are_listed(client, purchase):
    page = client.get("/purchases/").content.decode()

    assert "A samovar" in page
    assert "waits for a decision" in page


@pytest.mark.once
def test_no_crash_changes_what_is_decided(client, staff, durable):
    def scenario():
        client.post("/purchases/ask/", WANTED)
        durable.run_until_idle()
        purchase = Purchase.objects.get()
        decide(staff, purchase, "yes")
        return seen(purchase, durable).status

    durable.crash_everywhere(scenario)


def test_a_decision_in_the_moment_of_the_deadline_does_not_look_like_one(
    staff, purchase, durable
):
    durable.advance(days=1)
    decide(staff, purchase, "yes")
    Notification.objects.all().delete()  # As if the time-out had been recorded first.

    seen(purchase, durable)

    assert purchase.status == Purchase.Status.EXPIRED
    assert purchase.decided_by == ""
