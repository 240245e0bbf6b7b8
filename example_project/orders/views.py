"""The shop's pages. Each answers scripts that accept JSON as well."""

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from example_project.orders.forms import OrderForm
from example_project.orders.models import Order
from example_project.orders.progress import progress_of
from example_project.orders.workflows import fulfil_order


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Show an order form and the latest orders."""
    return render_home(request, OrderForm())


@require_POST
def place_order(request: HttpRequest) -> HttpResponse:
    """Store an order and start the workflow that fulfils it."""
    form = OrderForm(request.POST)
    if not form.is_valid():
        if wants_json(request):
            return JsonResponse({"errors": form.errors}, status=400)
        return render_home(request, form, status=400)

    # One transaction: there is never an order without its workflow, nor a workflow
    # without its order.
    with transaction.atomic():
        order = form.save()
        fulfil_order.using(workflow_id=order.workflow_id, subject=order).start(
            order.pk, order.customer, order.payment, form.items
        )

    if wants_json(request):
        return JsonResponse(progress_of(order).as_json(), status=201)
    return redirect(order)


@require_GET
def show_order(request: HttpRequest, order_id: int) -> HttpResponse:
    """Show how far an order has come."""
    progress = progress_of(get_object_or_404(Order, pk=order_id))
    if wants_json(request):
        return JsonResponse(progress.as_json())
    return render(request, "orders/order.html", {"progress": progress})


def render_home(
    request: HttpRequest, form: OrderForm, *, status: int = 200
) -> HttpResponse:
    """Render the home page around a form, fresh or refused."""
    context = {"form": form, "orders": Order.objects.all()[:20]}
    return render(request, "orders/home.html", context, status=status)


def wants_json(request: HttpRequest) -> bool:
    """Tell whether the client prefers JSON to a page."""
    preferred = request.get_preferred_type(["text/html", "application/json"])
    return preferred == "application/json"
