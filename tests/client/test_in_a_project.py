"""A client in a process that is a Django project: this one."""

import asyncio

import pytest
from django.core.exceptions import ImproperlyConfigured, SynchronousOnlyOperation
from django.db import connection, transaction

import django_durable as durable
from django_durable.models import Workflow
from django_durable.testing import run_until_idle
from tests.client.conftest import client_url
from tests.running import result_of, worker

NAME = "tests.workflows.order"


@pytest.fixture
def client():
    return durable.DurableClient(client_url())


@durable.workflow(name="client.add", version="1", queue_name="sums")
def add(left, right):
    return left + right


@pytest.mark.django_db
def test_a_name_that_this_process_knows_is_started_as_its_definition(client):
    handle = client.start_workflow("client.add", 1, right=2)
    same = client.using(workflow_id="a", priority=3).start_workflow(add, 3, 4)

    run_until_idle()

    row = Workflow.objects.get(pk="a")
    assert (handle.get_result(), same.get_result()) == (3, 7)
    assert (row.version, row.queue_name, row.priority) == ("1", "sums", 3)


@pytest.mark.django_db
def test_arguments_are_bound_before_anything_is_written(client):
    with pytest.raises(TypeError, match=r"client\.add"):
        client.start_workflow("client.add", 1)
    with pytest.raises(TypeError, match="registered name"):
        client.start_workflow(len)

    assert not Workflow.objects.exists()


@pytest.mark.django_db
def test_an_unknown_option_is_refused_at_once(client):
    with pytest.raises(TypeError, match="priority"):
        client.using(prioritiy=1)
    with pytest.raises(ValueError, match="-100 to 100"):
        client.using(priority=1000)


@pytest.mark.django_db
def test_using_leaves_the_client_as_it_was(client):
    client.using(workflow_id="a")

    handle = client.start_workflow(add, 1, 2)

    assert handle.workflow_id != "a"


@pytest.mark.django_db
def test_a_start_belongs_to_the_transaction_around_it(client):
    with transaction.atomic():
        client.using(workflow_id="a").start_workflow(add, 1, 2)
        transaction.set_rollback(True)

    assert not Workflow.objects.exists()


@pytest.mark.django_db
def test_closing_leaves_the_connection_of_the_project_alone(client):
    raw = connection.connection

    with client:
        client.close()

    assert connection.connection is raw is not None


@pytest.mark.django_db
def test_a_client_inside_a_workflow_starts_a_child(client):
    @durable.workflow(name="client.parent", version="1")
    def parent():
        return client.start_workflow("client.add", 1, 2).get_result()

    handle = parent.using(workflow_id="p").start()
    run_until_idle()

    assert handle.get_result() == 3
    assert Workflow.objects.get(parent="p").pk == "p/1"


@pytest.mark.django_db(transaction=True)
def test_an_event_loop_is_not_blocked_by_a_sync_call(client):
    async def calls():
        for call in (
            lambda: client.start_workflow(add, 1, 2),
            lambda: client.retrieve_workflow("a"),
            lambda: client.cancel_workflow("a"),
            lambda: client.resume_workflow("a"),
            lambda: client.run_schedule("a"),
            lambda: client.pause_schedule("a"),
            lambda: client.send("a", 1),
            lambda: client.send_many([]),
            lambda: client.get_event("a", "b"),
            lambda: client.get_events("a"),
            lambda: client.read_stream("a", "b"),
            lambda: client.close(),
        ):
            with pytest.raises(SynchronousOnlyOperation, match=r"client\.a"):
                call()

    asyncio.run(calls())


@pytest.mark.django_db(transaction=True)
def test_a_client_and_a_worker_can_share_a_process(client):
    with worker():
        handle = client.start_workflow(add, 1, 2)
        result = result_of(handle)
        client.close()

        assert result == 3
        assert result_of(client.start_workflow(add, 2, 2)) == 4


@pytest.mark.django_db
def test_another_database_is_refused():
    with pytest.raises(ImproperlyConfigured, match="elsewhere") as caught:
        durable.DurableClient("postgresql://ada:s3cret@elsewhere/shop")

    assert "s3cret" not in str(caught.value)


@pytest.mark.django_db
def test_other_settings_are_refused():
    with pytest.raises(ImproperlyConfigured, match="APP_VERSION"):
        durable.DurableClient(client_url(), settings={"APP_VERSION": "1"})


@pytest.mark.django_db
def test_the_repr_of_a_client_hides_the_password(client):
    client._shown = "postgresql://ada:***@db/shop"

    assert repr(client) == "<DurableClient postgresql://ada:***@db/shop>"
    assert repr(client.using(priority=1)) == repr(client)
