"""Pages on which purchases are asked for and decided."""

from django import forms
from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

import django_durable as durable
from example_project.approvals.models import Purchase
from example_project.approvals.workflows import approve_purchase


class PurchaseForm(forms.ModelForm):
    """What to buy, and who asks for it."""

    class Meta:
        model = Purchase
        fields = ["title", "price", "asked_by"]


class DecisionForm(forms.Form):
    """A yes or a no, and why."""

    answer = forms.ChoiceField(choices=[("yes", "Approve"), ("no", "Reject")])
    reason = forms.CharField(max_length=200, required=False)


@require_GET
def list_purchases(request: HttpRequest) -> HttpResponse:
    """Show all purchases, and a form to ask for another."""
    return render_list(request, PurchaseForm())


@require_POST
def ask_for_purchase(request: HttpRequest) -> HttpResponse:
    """Store a purchase and start the workflow that waits for its decision."""
    form = PurchaseForm(request.POST)
    if not form.is_valid():
        return render_list(request, form, status=400)
    with transaction.atomic():
        purchase = form.save()
        approve_purchase.using(
            workflow_id=purchase.workflow_id, subject=purchase
        ).start(purchase.pk)
    return redirect(purchase)


@require_GET
def show_purchase(request: HttpRequest, purchase_id: int) -> HttpResponse:
    """Show a purchase, and to the staff the buttons that decide it."""
    return render_purchase(request, get_object_or_404(Purchase, pk=purchase_id))


@staff_member_required
@require_POST
def decide(request: HttpRequest, purchase_id: int) -> HttpResponse:
    """Send the decision to the workflow that waits for it."""
    purchase = get_object_or_404(Purchase, pk=purchase_id)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return render_purchase(request, purchase, status=400)
    answer = form.cleaned_data
    message = {"approved": answer["answer"] == "yes", "reason": answer["reason"]}
    # The name and the message are stored together, or neither is.
    with transaction.atomic():
        is_first = Purchase.objects.decide(purchase_id, request.user.get_username())
        if is_first:
            durable.send(purchase.workflow_id, message, "decision")
    if not is_first:
        purchase.refresh_from_db()
        return render_purchase(request, purchase, status=409)
    messages.success(request, "Your decision was sent to the workflow.")
    return redirect(purchase)


def render_list(
    request: HttpRequest, form: PurchaseForm, *, status: int = 200
) -> HttpResponse:
    """Render the list around a form, fresh or refused."""
    context = {"form": form, "purchases": Purchase.objects.all()[:20]}
    return render(request, "approvals/purchases.html", context, status=status)


def render_purchase(
    request: HttpRequest, purchase: Purchase, *, status: int = 200
) -> HttpResponse:
    """Render the page of a purchase."""
    is_open = purchase.status == Purchase.Status.ASKED and not purchase.decided_by
    context = {"purchase": purchase, "is_open": is_open}
    return render(request, "approvals/purchase.html", context, status=status)
