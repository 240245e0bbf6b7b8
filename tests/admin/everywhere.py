"""Every page of the console, with what it needs."""

import uuid
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib.admin.utils import quote
from django.urls import reverse

from django_durable import bulk
from django_durable.models import Stream, Worker
from tests.admin.pages import asking, finished
from tests.admin.schedules import NAME, scheduled

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
    "export": {"view_workflow"},
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
    "start": {"start_workflow"},
}
# The pages around them, by their whole names.
OVERVIEWS = {
    "api_status": {"view_workflow"},
    "api_queues": {"view_workflow"},
    "api_rows": {"view_workflow"},
    "api_runs": {"view_workflow"},
    "api_approvals": {"view_workflow"},
    "api_workers": {"view_worker"},
    "queues": {"view_workflow"},
    "queue_pause": {"view_workflow", "manage_queue"},
    "queue_resume": {"view_workflow", "manage_queue"},
    "queue_limit": {"view_workflow", "manage_queue"},
    "schedules": {"view_workflow"},
    "api_schedules": {"view_workflow"},
    "schedule": {"view_workflow"},
    "schedule_pause": {"view_workflow", "manage_schedule"},
    "schedule_resume": {"view_workflow", "manage_schedule"},
    "schedule_run": {"view_workflow", "manage_schedule"},
    "schedule_backfill": {"view_workflow", "manage_schedule"},
    "schedule_delete": {"view_workflow", "manage_schedule"},
    "workflow_prune": {"view_workflow", "delete_workflow"},
    "approvals": {"view_workflow"},
    "bulk": {"view_workflow"},
    "stream": {"view_workflow", "view_stream"},
    "api_stream": {"view_workflow", "view_stream"},
    "worker_changelist": {"view_worker"},
}
# Of these, those that are about the queue or the schedule that their address names.
OF_A_QUEUE = ("queue_pause", "queue_resume", "queue_limit")
ABOUT_A_SCHEDULE = ("pause", "resume", "run", "backfill", "delete")
OF_A_SCHEDULE = ("schedule", *(f"schedule_{name}" for name in ABOUT_A_SCHEDULE))
OF_A_RUN = {
    "bulk_run": {"view_workflow"},
    "api_bulk": {"view_workflow"},
    "bulk_abort": {"view_workflow", "cancel_workflow"},
}
OF_A_WORKFLOW = {
    "api_live": {"view_workflow"},
    "workflow_answer": {"view_workflow", "send_workflow_message"},
}
OF_A_WORKER = {
    "worker_change": {"view_worker"},
    "worker_drain": {"view_worker", "manage_queue"},
    "worker_history": {"view_worker"},
    "api_worker": {"view_worker"},
}
# Django's own, for nobody: nothing is added or deleted by hand.
NOBODY = "nobody"
NEVER = {"workflow_add": {NOBODY}, "worker_add": {NOBODY}}
NEVER_OF_A_WORKER = {"worker_delete": {NOBODY}}
# What they show of the workflow.
QUERIES = {"payload": "?of=inputs", "fork": "?step=1"}
# These are only read: a POST has nothing to say to them.
READ_ONLY = {"change", "history", "payload", "export_csv", "export_json", "api_live"}
READ_ONLY |= {*OVERVIEWS, *OF_A_RUN, "worker_change", "worker_history", "export"}
READ_ONLY |= {"api_worker"}
READ_ONLY -= {"bulk", "bulk_abort", *OF_A_QUEUE, *OF_A_SCHEDULE} - {"schedule"}
# Files, JSON, and what is for nobody or for answers only.
NO_MARKUP = {"payload", "export", "export_csv", "export_json", "api_bulk"}
NO_MARKUP |= {"api_status", "api_queues", "api_rows", "api_live", "api_stream"}
NO_MARKUP |= {"api_runs", "api_approvals", "api_workers", "api_worker"}
NO_MARKUP |= {"api_schedules"}
NO_MARKUP |= {*NEVER, *NEVER_OF_A_WORKER}
# What is not there without a run, a question, a worker, a stream, a queue or a
# schedule.
NO_PAGES = {*NO_MARKUP, "stream", *OF_A_RUN, "workflow_answer", *OF_A_WORKER}
NO_PAGES |= {*OF_A_QUEUE, *OF_A_SCHEDULE}


@dataclass(frozen=True, slots=True)
class There:
    """What some pages are about; by default it is not there."""

    run: str = str(uuid.UUID(int=1))
    worker: str = str(uuid.UUID(int=1))
    asking: str = ""
    place: str = ""
    stream: str = ""
    queue: str = ""
    schedule: str = ""


def everything_there():
    """Make something for every page; return the workflow, and what else there is."""
    workflow = finished()
    asked = asking()
    run = str(uuid.uuid4())
    facts = {"action": "cancel", "by": "ana", "reason": "", "total": 1}
    bulk.bulk.using(workflow_id=f"bulk-{run}", attributes=facts).start({})
    worker = Worker.objects.register(Worker.Kind.WORKER)
    stream = Stream.objects.get()
    return workflow, There(
        run=run,
        worker=str(worker.pk),
        asking=asked.workflow_id,
        place="?branch=&step=2",
        stream=f"?{urlencode({'workflow': stream.workflow_id, 'key': stream.key})}",
        queue=f"?{urlencode({'queue': 'a/b@c:d & é'})}",
        schedule=f"?{urlencode({'schedule': scheduled(NAME).pk})}",
    )


def addresses(workflow_id, there=None):
    """Return {name: (address, needed permissions)} of all pages."""
    there = there or There()
    found = {
        name: (reverse(f"admin:django_durable_workflow_{name}"), needed)
        for name, needed in OF_ALL.items()
    }
    for name, needed in OF_ONE.items():
        address = reverse(
            f"admin:django_durable_workflow_{name}", args=[quote(workflow_id)]
        )
        found[name] = (address + QUERIES.get(name, ""), needed)
    queries = dict.fromkeys(("stream", "api_stream"), there.stream)
    queries |= dict.fromkeys(OF_A_QUEUE, there.queue)
    queries |= dict.fromkeys(OF_A_SCHEDULE, there.schedule)
    queries["workflow_answer"] = there.place
    for names, arguments in (
        (OVERVIEWS, []),
        (NEVER, []),
        (OF_A_RUN, [there.run]),
        (OF_A_WORKFLOW, [quote(there.asking or workflow_id)]),
        (OF_A_WORKER, [there.worker]),
        (NEVER_OF_A_WORKER, [there.worker]),
    ):
        for name, needed in names.items():
            address = reverse(f"admin:django_durable_{name}", args=arguments)
            found[name] = (address + queries.get(name, ""), needed)
    return found
