"""Every page of the console that is about workflows, with what it needs."""

from django.contrib.admin.utils import quote
from django.urls import reverse

ALL = (
    "view_workflow",
    "view_workflow_data",
    "start_workflow",
    "cancel_workflow",
    "resume_workflow",
    "fork_workflow",
    "send_workflow_message",
    "delete_workflow",
    "manage_queue",
    "manage_schedule",
    "view_stream",
)
# Pages of one workflow, and the permissions that each needs.
OF_ONE = {
    "change": {"view_workflow"},
    "history": {"view_workflow"},
    "payload": {"view_workflow", "view_workflow_data"},
    "cancel": {"view_workflow", "cancel_workflow"},
    "resume": {"view_workflow", "resume_workflow"},
    "restart": {"view_workflow", "fork_workflow"},
    "fork": {"view_workflow", "fork_workflow"},
    "send": {"view_workflow", "send_workflow_message"},
    "delete": {"view_workflow", "delete_workflow"},
}
OF_ALL = {
    "changelist": {"view_workflow"},
    "export_csv": {"view_workflow"},
    "export_json": {"view_workflow"},
    "bulk": {"view_workflow"},
    "start": {"start_workflow"},
}
# What they answer with to GET beside 200.
QUERIES = {"payload": "?of=inputs", "fork": "?step=1"}
# These are only read, or answer POST with something else than a change.
READ_ONLY = {"change", "history", "payload", "changelist", "export_csv", "export_json"}


def addresses(workflow_id):
    """Return {name: (address, needed permissions)} of all pages."""
    found = {
        name: (reverse(f"admin:django_durable_workflow_{name}"), needed)
        for name, needed in OF_ALL.items()
    }
    for name, needed in OF_ONE.items():
        address = reverse(
            f"admin:django_durable_workflow_{name}", args=[quote(workflow_id)]
        )
        found[name] = (address + QUERIES.get(name, ""), needed)
    return found
