"""The programs of python_notifications: workflows that send to each other."""

from dataclasses import dataclass
from datetime import timedelta

import django_durable as durable
from tests.workflows import calls

# Basic send and receive


@durable.workflow
def receiver():
    """Wait for a message and process it."""
    message = durable.recv()
    durable.logger.info("Received message: %s", message)
    return f"Processed: {message}"


@durable.workflow
def sender():
    """Start a workflow and send it a message after some work."""
    handle = receiver.start()
    durable.sleep(2)
    durable.send(handle.workflow_id, "Hello from the sender!")
    return handle.get_result()


# Topics


@durable.workflow
def multi_topic_receiver():
    """Receive in an order of its own, whatever the order of sending."""
    return {
        "command": durable.recv("command"),
        "data": durable.recv("data"),
        "status": durable.recv("status"),
    }


@durable.workflow
def multi_topic_sender():
    """Send on three topics, in another order than they are received."""
    handle = multi_topic_receiver.start()
    durable.send(handle.workflow_id, "active", "status")
    durable.send(handle.workflow_id, "start", "command")
    durable.send(handle.workflow_id, {"value": 42}, topic="data")
    return handle.get_result()


# Timeouts


@durable.workflow
def impatient_receiver():
    """Go on with a default when nothing has come in half a minute."""
    try:
        message = durable.recv(timeout=30)
    except TimeoutError:
        durable.logger.warning("No message received, using the default")
        return "Default value"
    return f"Received: {message}"


@durable.workflow
def conditional_sender(should_send):
    """Send, or leave the receiver to its time-out."""
    handle = impatient_receiver.start()
    if should_send:
        durable.send(handle.workflow_id, "Important data")
    return handle.get_result()


# Workflow coordination


@durable.step
def process_task(task):
    calls.append(("process", task["id"]))
    return {"task_id": task["id"], "status": "completed"}


@durable.workflow
def worker_workflow(worker_id):
    """Process tasks until told to stop; a minute without any is an error."""
    results = []
    while (message := durable.recv(timeout=60)) != "STOP":
        results.append(process_task(message))
    return {"worker_id": worker_id, "results": results}


@durable.workflow
def coordinator(tasks):
    """Deal tasks out to three workers, stop them, and collect their results."""
    workers = [worker_workflow.start(f"worker-{number}") for number in range(3)]
    for number, task in enumerate(tasks):
        durable.send(workers[number % len(workers)].workflow_id, task)
    for handle in workers:
        durable.send(handle.workflow_id, "STOP")
    return [handle.get_result() for handle in workers]


# External notifications


@durable.step
def send_approval_request(request_id):
    calls.append(("mail", f"Approval required: {request_id}"))


@durable.step
def process_request(request_id):
    calls.append(("processed", request_id))


@durable.workflow
def approval_workflow(request_id):
    """Ask for an approval and wait a day for it."""
    send_approval_request(request_id)
    try:
        approval = durable.recv("approval", timeout=timedelta(hours=24))
    except TimeoutError:
        return {"status": "timeout", "request_id": request_id}
    if not approval["approved"]:
        reason = approval.get("reason")
        return {"status": "rejected", "reason": reason, "request_id": request_id}
    process_request(request_id)
    return {"status": "approved", "request_id": request_id}


# Event-driven workflows


@durable.step
def process_data(payload):
    calls.append(("data", payload))


@durable.step
def update_config(config):
    calls.append(("config", config))


@durable.step
def clean_up():
    calls.append("clean up")


@durable.step
def perform_maintenance():
    calls.append("maintenance")


@durable.workflow
def event_driven():
    """React to events, and tidy up in each minute without one."""
    state = {"running": True, "events_processed": 0}
    while state["running"]:
        try:
            event = durable.recv(timeout=60)
        except TimeoutError:
            perform_maintenance()
            continue
        if event["type"] == "data":
            process_data(event["payload"])
            state["events_processed"] += 1
        elif event["type"] == "config_update":
            update_config(event["config"])
        elif event["type"] == "shutdown":
            state["running"] = False
            clean_up()
    return state


# Release gate pattern


@durable.step
def deploy(version, stage):
    calls.append(("deploy", version, stage))


@durable.step
def finalize_deployment(version):
    calls.append(("finalize", version))


@durable.step
def rollback_deployment(version):
    calls.append(("rollback", version))


@durable.workflow
def gated_deployment(version):
    """Deploy in two stages; people, or their silence, open the gates."""
    deploy(version, "staging")
    durable.logger.info("Deployed to staging, awaiting approval")
    durable.recv("staging_approved")
    deploy(version, "production")
    durable.logger.info("Deployed to production, monitoring")
    verification = durable.recv(
        "production_verified",
        timeout=timedelta(hours=1),
        default={"success": False, "reason": "nobody has verified it"},
    )
    if verification["success"]:
        finalize_deployment(version)
        return {"status": "success", "version": version}
    rollback_deployment(version)
    return {"status": "rolled_back", "reason": verification["reason"]}


# Async send and receive


@durable.workflow
async def async_receiver():
    """Receive three messages, each on a topic of its own."""
    return [await durable.arecv(f"topic-{number}") for number in range(3)]


@durable.workflow
async def async_sender():
    """Send three messages to a workflow that this one has started."""
    handle = await async_receiver.astart()
    for number in range(3):
        await durable.asend(
            handle.workflow_id, f"msg-{number}", topic=f"topic-{number}"
        )
    return await handle.aget_result()


# Idempotent sends


@durable.workflow
def collector(topic):
    """Take the messages of a topic until a second passes without one."""
    messages = []
    while (message := durable.recv(topic, timeout=1, default=None)) is not None:
        messages.append(message)
    return messages


# Best practices: error handling


@dataclass
class Approval:
    """What an approval has to look like."""

    approved: bool
    reason: str = ""


@durable.workflow
def validated_approval():
    """Receive an approval as an object, not as whatever somebody sent."""
    approval = durable.recv("approval", timeout=60, schema=Approval)
    return f"{type(approval).__name__}: {approval.approved}, {approval.reason}"
