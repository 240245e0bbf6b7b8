"""How a report is written, line by line."""

import time
from decimal import Decimal

from django.conf import settings
from django.db.models import F, Sum

import django_durable as durable
from example_project.orders.catalogue import PRODUCTS
from example_project.orders.models import Order, OrderItem

CENT = Decimal("0.01")


@durable.schedule("0 6 * * *", name="morning-report", time_zone="Europe/Berlin")
@durable.workflow
def write_sales_report() -> str:
    """Write what was sold of each product; return the total."""
    durable.write_stream("lines", "Sales of the teahouse")
    total = Decimal(0)
    for sku, product in PRODUCTS.items():
        pieces, amount = count_sales(sku)
        durable.write_stream("lines", f"{product.title}: {pieces} for {amount} €")
        total += amount
    list_customers()
    durable.write_stream("lines", f"Total: {total} €")
    durable.close_stream("lines")
    return str(total)


@durable.step
def count_sales(sku: str) -> tuple[int, Decimal]:
    """Return how many pieces of a product were sold, and for how much."""
    time.sleep(settings.ORDERS_SERVICE_DELAY)  # It is a very large shop.
    sales = OrderItem.objects.filter(sku=sku).aggregate(
        pieces=Sum("quantity"), amount=Sum(F("quantity") * F("price"))
    )
    return sales["pieces"] or 0, (sales["amount"] or Decimal(0)).quantize(CENT)


@durable.step
def list_customers() -> int:
    """Write a line for each customer from inside the step, and return their number."""
    customers = Order.objects.order_by("customer").values_list("customer", flat=True)
    names = list(customers.distinct()[:1000])
    for name in names:
        durable.write_stream("lines", f"Customer: {name}")
    return len(names)
