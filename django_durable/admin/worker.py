"""Workers in the admin."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from django_durable.admin.base import ReadOnlyAdmin
from django_durable.models import Worker


class DurableWorkerAdmin(ReadOnlyAdmin):
    """Who executes workflows, and when it was last heard of."""

    list_display = (
        "id",
        "host",
        "pid",
        "kind",
        "state",
        "shown_queues",
        "concurrency",
        "started_at",
        "heartbeat_at",
    )
    list_filter = ("state", "kind")
    search_fields = ("host",)
    ordering = ("-heartbeat_at",)

    @admin.display(description=_("queues"))
    def shown_queues(self, worker: Worker) -> str:
        """Name the queues."""
        return ", ".join(worker.queues) if worker.queues is not None else str(_("all"))
