"""Rows with text that others wrote, wherever a row can have any."""

import json
import uuid
from urllib.parse import urlencode

from django.utils import timezone

from django_durable.models import (
    Event,
    Notification,
    Queue,
    Schedule,
    Step,
    Stream,
    StreamEntry,
    Tick,
    Wait,
    Worker,
    Workflow,
)
from django_durable.models.targets import message_target
from django_durable.models.wait import WaitRow
from tests.admin.everywhere import There

Status = Workflow.Status

EVIL = (
    "<canary oncanary=alert(1)>"
    "\"><canary oncanary=alert(1)>'><canary oncanary=1>"
    "</script></title></textarea></style><canary oncanary=1>"
    '" oncanary="alert(1)'
    "{{ settings.SECRET_KEY }}{% debug %}"  # B22
)
HIDDEN = "\u202eevil\u200b\x1b[31m" + "e" + "\u0301" * 2_000  # B23


def written_everywhere(workflow_id, evil):
    """Write a text into every column; return what there is to see of it."""
    now = timezone.now()
    stored = "json:" + json.dumps({evil: evil})
    error = "json:" + json.dumps(
        {"type": f"m:{evil}", "message": evil, "traceback": evil, "notes": [evil]}
    )
    worker = Worker.objects.register(Worker.Kind.WORKER)
    Worker.objects.update(host=evil)
    Workflow.objects.create(
        id=workflow_id,
        name=evil,
        version=evil,
        status=Status.WAITING,
        queue_name=evil,
        inputs=stored,
        output=stored,
        error=error,
        summary=evil,
        pause_reason=evil,
        cancel_reason=evil,
        subject_type=evil,
        subject_id=evil,
        attributes={evil: evil},
        worker=worker,
        parent_id=workflow_id,
        forked_from_id=workflow_id,
        run_after=now,
        created_at=now,
        started_at=now,
        changed_at=now,
    )
    for step_id, fields in (1, {"output": stored}), (2, {"error": error}):
        Step.objects.create(
            workflow_id=workflow_id,
            step_id=step_id,
            name=evil,
            kind=Step.Kind.STEP,
            child_id=workflow_id,
            claim=1,
            worker_id=worker.pk,
            started_at=now,
            completed_at=now,
            **fields,
        )
    stated = {"paused_at": now, "paused_by": evil, "pause_reason": evil}
    Queue.objects.create(name=evil, concurrency=0, rate=1, period=1, **stated)
    Schedule.objects.create(
        name=evil,
        workflow_name=evil,
        cron=evil,
        time_zone=evil,
        overlap="skip",
        catch_up="one",
        queue_name=evil,
        inputs=stored,
        next_at=now,
        created_at=now,
        changed_at=now,
        **stated,
    )
    Tick.objects.create(
        schedule_id=evil, scheduled_at=now, workflow_id=workflow_id, created_at=now
    )
    target = message_target(workflow_id, evil[:200], is_human=True)
    Wait.objects.keep(workflow_id, [WaitRow("", 3, target)])
    Notification.objects.create(
        destination_id=workflow_id, topic=f"{evil}.", message=stored, sent_at=now
    )
    Stream.objects.create(workflow_id=workflow_id, key=evil, next_offset=1)
    StreamEntry.objects.create(
        workflow_id=workflow_id,
        key=evil,
        offset=0,
        step_id=1,
        value=stored,
        written_at=now,
    )
    run = str(uuid.uuid4())
    Workflow.objects.create(
        id=f"bulk-{run}",
        name="django_durable.bulk",
        version="1",
        inputs=stored,
        attributes={"action": evil, "by": evil, "reason": evil, "total": 1},
        run_after=now,
        created_at=now,
        changed_at=now,
    )
    progress = "json:" + json.dumps({"done": 0, "refused": 1, "reasons": {evil: evil}})
    for pk, key, value in (
        (workflow_id, evil, stored),
        (f"bulk-{run}", "progress", progress),
    ):
        Event.objects.create(workflow_id=pk, key=key, value=value, updated_at=now)
    # Page by page: what shows a stream as it grows is a part of the project's pages.
    shown = {"workflow": workflow_id, "key": evil, "offset": 0}
    # Of the text as much as can be the name of a queue.
    queue = "".join(filter(str.isprintable, evil)).replace(",", "")[:64]
    return There(
        run=run,
        worker=str(worker.pk),
        asking=workflow_id,
        place="?branch=&step=3",
        stream=f"?{urlencode(shown)}",
        queue=f"?{urlencode({'queue': queue})}",
        schedule=f"?{urlencode({'schedule': evil})}",
    )
