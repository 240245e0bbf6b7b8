"""The shop's pages. Each answers scripts that accept JSON as well."""

from django.conf import settings
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from example_project.orders.forms import OrderForm
from example_project.orders.models import Order
from example_project.orders.outsiders import answers_for, play
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
    order = get_object_or_404(Order, pk=order_id)
    progress = progress_of(order)
    if wants_json(request):
        return JsonResponse(progress.as_json())
    answers = answers_for(order) if settings.DEBUG else []
    context = {"progress": progress, "answers": answers}
    return render(request, "orders/order.html", context)


@require_POST
def play_outside_service(request: HttpRequest, order_id: int) -> HttpResponse:
    """Answer for the fraud checker or the carrier, who do not exist in development."""
    order = get_object_or_404(Order, pk=order_id)
    answer = request.POST.get("answer", "")
    if not settings.DEBUG or answer not in answers_for(order):
        raise Http404
    play(order, answer)
    return redirect(order)


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
