from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from django_durable.admin import WorkflowInline
from example_project.orders.models import Order, OrderItem, ServiceCall


class OrderItemInline(admin.TabularInline):
    model = OrderItem
    extra = 0


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    list_display = ["__str__", "customer", "status", "total", "created_at"]
    list_filter = ["status", "payment"]
    search_fields = ["customer"]
    inlines = [OrderItemInline, WorkflowInline]


@admin.register(ServiceCall)
class ServiceCallAdmin(admin.ModelAdmin):
    list_display = ["called_at", "service", "request", "answer", "idempotency_key"]
    list_filter = ["service"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Leave the ledger to the services."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Leave the ledger to the services."""
        return False
