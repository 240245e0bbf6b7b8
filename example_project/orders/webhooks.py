"""What the fraud checker and the carrier report about orders."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse

from example_project.orders.models import Order
from example_project.webhooks import Notice, YesOrNo, pass_on, webhook


class FraudVerdict(Notice):
    """Whether an order is above suspicion."""

    approved = YesOrNo()
    risk_score = forms.FloatField(min_value=0, max_value=1, required=False)


class DeliveryReport(Notice):
    """Whether a parcel has reached its customer."""

    delivered = YesOrNo()


@webhook("fraud_check", FraudVerdict)
def receive_verdict(
    request: HttpRequest, verdict: dict[str, Any], order_id: int
) -> HttpResponse:
    """Pass a verdict on to the order's workflow."""
    return pass_on(verdict, Order(pk=order_id).workflow_id, "fraud_check")


@webhook("carrier", DeliveryReport)
def receive_delivery(
    request: HttpRequest, report: dict[str, Any], order_id: int
) -> HttpResponse:
    """Pass the carrier's report on to the order's workflow."""
    return pass_on(report, Order(pk=order_id).workflow_id, "delivery")
