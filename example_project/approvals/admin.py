from django.contrib import admin

from example_project.approvals.models import Purchase


@admin.register(Purchase)
class PurchaseAdmin(admin.ModelAdmin):
    list_display = ["title", "price", "asked_by", "status", "decided_by"]
    list_filter = ["status"]
