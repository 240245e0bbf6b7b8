"""The addresses of the pages that act."""

from django_durable.admin.actions import forking, sending, single, starting
from django_durable.admin.pages import Page

LOOK = ("view_workflow",)

PAGES = (
    Page("start/", "workflow_start", starting.page, ("start_workflow",), is_form=True),
    *(
        Page(
            f"<path:object_id>/{name}/",
            f"workflow_{name}",
            single.view(name),
            LOOK,
            is_form=True,
        )
        for name in ("cancel", "resume", "restart", "delete")
    ),
    Page("<path:object_id>/fork/", "workflow_fork", forking.page, LOOK, is_form=True),
    Page("<path:object_id>/send/", "workflow_send", sending.page, LOOK, is_form=True),
)
