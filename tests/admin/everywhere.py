"""Every page of the console, with what it needs."""

import uuid

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
    "view_worker",
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
# The pages around them, by their whole names.
OVERVIEWS = {
    "api_status": {"view_workflow"},
    "api_queues": {"view_workflow"},
    "api_rows": {"view_workflow"},
    "queues": {"view_workflow"},
    "approvals": {"view_workflow"},
    "bulk": {"view_workflow"},
    "stream": {"view_workflow", "view_stream"},
    "worker_changelist": {"view_worker"},
}
OF_A_RUN = {"bulk_run": {"view_workflow"}, "api_bulk": {"view_workflow"}}
OF_A_WORKFLOW = {
    "api_live": {"view_workflow"},
    "workflow_answer": {"view_workflow", "send_workflow_message"},
}
OF_A_WORKER = {
    "worker_change": {"view_worker"},
    "worker_drain": {"view_worker", "manage_queue"},
}
# What they answer with to GET beside 200.
QUERIES = {"payload": "?of=inputs", "fork": "?step=1"}
# These are only read, or answer POST with something else than a change.
READ_ONLY = {"change", "history", "payload", "changelist", "export_csv", "export_json"}
READ_ONLY |= {*OVERVIEWS, *OF_A_RUN, "api_live", "worker_change"} - {"bulk"}
# Files, JSON, and what is not there without a run, a question, a worker or a stream.
NO_PAGES = {"payload", "export_csv", "export_json", "bulk", "stream"}
NO_PAGES |= {"api_status", "api_queues", "api_rows", "api_live", *OF_A_RUN}
NO_PAGES |= {"workflow_answer", *OF_A_WORKER}


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
    nobody = str(uuid.uuid4())
    for names, arguments in (
        (OVERVIEWS, []),
        (OF_A_RUN, [nobody]),
        (OF_A_WORKFLOW, [quote(workflow_id)]),
        (OF_A_WORKER, [nobody]),
    ):
        for name, needed in names.items():
            address = reverse(f"admin:django_durable_{name}", args=arguments)
            found[name if name != "bulk" else "all_bulk"] = (address, needed)
    return found
