"""The addresses of the console's own pages, below the list of workflows."""

from django_durable.admin import live, pruning, streams
from django_durable.admin.approvals import answering, inbox
from django_durable.admin.pages import Page
from django_durable.admin.queues import acting as queue, limiting, listing as queues
from django_durable.admin.runs import aborting, listing, pages as runs
from django_durable.admin.schedules import acting, backfilling, listing as schedules

LOOK = ("view_workflow",)
WATCH = ("view_workflow", "view_stream")
MANAGE = ("view_workflow", "manage_queue")
PLAN = ("view_workflow", "manage_schedule")

PAGES = (
    Page("api/status/", "api_status", live.status, LOOK),
    Page("api/queues/", "api_queues", live.queues, LOOK),
    # It asks has_send_permission(), as the page does that sends.
    Page(
        "<path:object_id>/answer/",
        "workflow_answer",
        answering.page,
        LOOK,
        is_form=True,
    ),
    Page("stream/", "stream", streams.page, WATCH),
    Page("api/stream/", "api_stream", streams.news, WATCH),
    Page("runs/", "bulk", runs.page, LOOK, is_form=True),
    Page("runs/<uuid:key>/", "bulk_run", runs.one, LOOK),
    Page("runs/<uuid:key>/api/", "api_bulk", runs.progress, LOOK),
    Page(
        "runs/<uuid:key>/abort/",
        "bulk_abort",
        aborting.page,
        LOOK,
        is_form=True,
    ),
    Page("api/runs/", "api_runs", listing.follow, LOOK),
    Page("api/rows/", "api_rows", live.rows, LOOK),
    Page(
        "prune/",
        "workflow_prune",
        pruning.page,
        ("view_workflow", "delete_workflow"),
    ),
    Page("queues/", "queues", queues.page, LOOK),
    Page("queues/one/pause/", "queue_pause", queue.pause, MANAGE, is_form=True),
    Page("queues/one/limit/", "queue_limit", limiting.page, MANAGE, is_form=True),
    Page("queues/one/resume/", "queue_resume", queue.resume, MANAGE, is_form=True),
    Page("schedules/", "schedules", schedules.page, LOOK),
    Page("schedules/one/", "schedule", schedules.one, LOOK),
    Page("api/schedules/", "api_schedules", schedules.follow, LOOK),
    *(
        Page(f"schedules/one/{name}/", f"schedule_{name}", view, PLAN, is_form=True)
        for name, view in (
            ("pause", acting.pause),
            ("resume", acting.resume),
            ("run", acting.run),
            ("backfill", backfilling.page),
            ("delete", acting.delete),
        )
    ),
    Page("approvals/", "approvals", inbox.page, LOOK),
    Page("api/approvals/", "api_approvals", inbox.follow, LOOK),
    Page("<path:object_id>/api/live/", "api_live", live.workflow, LOOK),
)
