"""python_notifications, from its first section to idempotent sends."""

import pytest

import django_durable as durable
from django_durable.testing import crash_everywhere, run_until_idle, virtual_time
from tests.seeds import python_notifications as programs
from tests.workflows import calls

pytestmark = pytest.mark.django_db

GREETING = "Processed: Hello from the sender!"


def test_a_message_from_a_workflow_reaches_the_one_it_started():
    """Basic send and receive."""
    with virtual_time() as time:
        handle = programs.sender.start()
        time.run_for(seconds=2)

    assert handle.get_result() == GREETING


def test_the_receiver_may_crash_anywhere_while_it_waits():
    """Basic send and receive: safe to restart while waiting."""

    def scenario():
        handle = programs.receiver.start()
        run_until_idle()
        durable.send(handle.workflow_id, "Hello from the sender!")
        run_until_idle()
        return handle.get_result()

    crash_everywhere(scenario)

    assert scenario() == GREETING


def test_topics_are_received_in_another_order_than_they_were_sent():
    """Topics."""
    handle = programs.multi_topic_sender.start()

    run_until_idle()

    expected = {"command": "start", "data": {"value": 42}, "status": "active"}
    assert handle.get_result() == expected


def test_a_message_in_time_is_received():
    """Timeouts: the message comes."""
    with virtual_time():
        handle = programs.conditional_sender.start(True)
        run_until_idle()

    assert handle.get_result() == "Received: Important data"


def test_without_a_message_the_receiver_takes_its_default_in_time():
    """Timeouts: nothing comes."""
    with virtual_time() as time:
        handle = programs.conditional_sender.start(False)
        time.run_for(seconds=29)
        assert handle.get_status() == "WAITING"
        time.run_for(seconds=1)

    assert handle.get_result() == "Default value"


def test_a_coordinator_deals_tasks_out_to_its_workers():
    """Workflow coordination."""
    handle = programs.coordinator.start([{"id": number} for number in range(7)])

    run_until_idle()

    done = {
        each["worker_id"]: [result["task_id"] for result in each["results"]]
        for each in handle.get_result()
    }
    assert done == {"worker-0": [0, 3, 6], "worker-1": [1, 4], "worker-2": [2, 5]}
    assert sorted(calls) == [("process", number) for number in range(7)]


def test_a_worker_that_nobody_needs_ends_with_a_timeout():
    """Workflow coordination: a worker waits for a minute."""
    with virtual_time() as time:
        handle = programs.worker_workflow.start("idle")
        time.run_for(seconds=60)

    with pytest.raises(TimeoutError):
        handle.get_result()
    assert handle.get_status() == "ERROR"


def start_approval(request_id="req-12345"):
    with durable.SetWorkflowID(f"approval-{request_id}"):
        handle = durable.start_workflow(programs.approval_workflow, request_id)
    run_until_idle()
    return handle


def test_an_approval_is_waited_for_and_processed():
    """External notifications: approved."""
    handle = start_approval()
    assert handle.get_status() == "WAITING"

    durable.send("approval-req-12345", {"approved": True}, topic="approval")
    run_until_idle()

    assert handle.get_result() == {"status": "approved", "request_id": "req-12345"}
    assert calls == [
        ("mail", "Approval required: req-12345"),
        ("processed", "req-12345"),
    ]


def test_a_rejected_request_is_not_processed_and_keeps_the_reason():
    """External notifications: rejected."""
    handle = start_approval()

    durable.send(
        "approval-req-12345",
        {"approved": False, "reason": "too dear"},
        topic="approval",
    )
    run_until_idle()

    assert handle.get_result() == {
        "status": "rejected",
        "reason": "too dear",
        "request_id": "req-12345",
    }
    assert calls == [("mail", "Approval required: req-12345")]


def test_an_approval_that_does_not_come_times_out_after_a_day():
    """External notifications: nobody decides."""
    with virtual_time() as time:
        handle = start_approval()
        time.run_for(hours=23)
        assert handle.get_status() == "WAITING"
        time.run_for(hours=1)

    assert handle.get_result() == {"status": "timeout", "request_id": "req-12345"}


@pytest.mark.django_db(transaction=True)
def test_an_external_system_approves_with_nothing_but_the_database_url(external):
    """External notifications: the client."""
    handle = start_approval()

    external("approve", "req-12345")
    run_until_idle()

    assert handle.get_result() == {"status": "approved", "request_id": "req-12345"}


def test_an_event_loop_reacts_to_each_kind_of_event():
    """Event-driven workflows: events."""
    handle = programs.event_driven.start()
    run_until_idle()

    events = [
        {"type": "data", "payload": {"n": 1}},
        {"type": "config_update", "config": {"rate": 5}},
        {"type": "data", "payload": {"n": 2}},
        {"type": "shutdown"},
    ]
    durable.send_many([durable.Message(handle.workflow_id, each) for each in events])
    run_until_idle()

    assert handle.get_result() == {"running": False, "events_processed": 2}
    assert calls == [
        ("data", {"n": 1}),
        ("config", {"rate": 5}),
        ("data", {"n": 2}),
        "clean up",
    ]


def test_an_event_loop_does_its_maintenance_while_nothing_happens():
    """Event-driven workflows: idle time."""
    with virtual_time() as time:
        handle = programs.event_driven.start()
        time.run_for(minutes=2)
        durable.send(handle.workflow_id, {"type": "shutdown"})
        run_until_idle()

    assert handle.get_result() == {"running": False, "events_processed": 0}
    assert calls == ["maintenance", "maintenance", "clean up"]


def deployed_to_staging():
    handle = programs.gated_deployment.start("1.2")
    run_until_idle()
    assert calls == [("deploy", "1.2", "staging")]
    return handle


def test_a_deployment_waits_at_each_of_its_gates():
    """Release gate pattern: success."""
    handle = deployed_to_staging()

    durable.send(handle.workflow_id, True, topic="staging_approved")
    run_until_idle()
    assert calls[1:] == [("deploy", "1.2", "production")]
    durable.send(handle.workflow_id, {"success": True}, topic="production_verified")
    run_until_idle()

    assert handle.get_result() == {"status": "success", "version": "1.2"}
    assert calls[2:] == [("finalize", "1.2")]


def test_the_staging_gate_has_no_deadline():
    """Release gate pattern: the first gate waits for ever."""
    with virtual_time() as time:
        handle = deployed_to_staging()
        time.run_for(days=365)

    assert handle.get_status() == "WAITING"


def test_a_failed_verification_rolls_the_deployment_back():
    """Release gate pattern: verified as broken."""
    handle = deployed_to_staging()

    durable.send(handle.workflow_id, True, topic="staging_approved")
    verification = {"success": False, "reason": "too slow"}
    durable.send(handle.workflow_id, verification, topic="production_verified")
    run_until_idle()

    assert handle.get_result() == {"status": "rolled_back", "reason": "too slow"}
    assert calls[-1] == ("rollback", "1.2")


def test_an_unverified_deployment_is_rolled_back_after_an_hour():
    """Release gate pattern: nobody verifies."""
    with virtual_time() as time:
        handle = deployed_to_staging()
        durable.send(handle.workflow_id, True, topic="staging_approved")
        time.run_for(hours=1)

    reason = "nobody has verified it"
    assert handle.get_result() == {"status": "rolled_back", "reason": reason}


def test_async_workflows_send_and_receive():
    """Async send and receive."""
    handle = programs.async_sender.start()

    run_until_idle()

    assert handle.get_result() == ["msg-0", "msg-1", "msg-2"]


def test_a_send_that_is_repeated_with_its_key_arrives_once():
    """Idempotent sends."""
    with virtual_time() as time:
        handle = programs.collector.using(workflow_id="workflow-123").start("data")
        for _ in range(2):
            durable.send(
                "workflow-123",
                "important data",
                topic="data",
                idempotency_key="send-key-1",
            )
        time.run_for(seconds=2)

    assert handle.get_result() == ["important data"]


@pytest.mark.django_db(transaction=True)
def test_an_external_system_that_sends_twice_with_one_key_is_heard_once(external):
    """Idempotent sends: the client."""
    with virtual_time() as time:
        handle = programs.collector.using(workflow_id="workflow-123").start("data")
        external("send_twice", "workflow-123")
        time.run_for(seconds=2)

    assert handle.get_result() == ["important data"]


def test_a_schema_shapes_the_message():
    """Best practices, error handling: validate structure and content."""
    handle = programs.validated_approval.start()
    message = {"approved": True, "reason": "cheap"}
    durable.send(handle.workflow_id, message, topic="approval")

    run_until_idle()

    assert handle.get_result() == "Approval: True, cheap"
