"""Threads, forks, lost connections and the end of a client, in real processes."""

import pytest
from django.db import connection

from django_durable.models import Workflow
from tests.client.conftest import CLIENT
from tests.journeys.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def backends():
    """Return the process ids of the server's backends for clients."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = %s", [CLIENT]
        )
        return [pid for (pid,) in cursor.fetchall()]


def cut(pids):
    """End backends, as a restart of the server does."""
    with connection.cursor() as cursor:
        for pid in pids:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    wait_until(lambda: not set(pids) & set(backends()), "the end of the backends")


def test_threads_share_a_client(client, shop_worker):
    told = client.run(
        """
        from concurrent.futures import ThreadPoolExecutor

        client = durable.DurableClient(URL)

        def double(number):
            handle = client.start_workflow("shop.double", number)
            return handle.get_result(timeout=20)[0]

        with ThreadPoolExecutor(8) as threads:
            tell(*threads.map(double, range(24)))
            client.close()
        """
    )

    assert told == [[2 * number for number in range(24)]]


def test_threads_that_begin_at_once_set_up_one_process(client, shop_worker):
    told = client.run(
        """
        import threading
        from concurrent.futures import ThreadPoolExecutor

        start = threading.Barrier(8)

        def double(number):
            start.wait()
            client = durable.DurableClient(URL)
            return client.start_workflow("shop.double", number).get_result(20)[0]

        with ThreadPoolExecutor(8) as threads:
            tell(*threads.map(double, range(8)))
            durable.DurableClient(URL).close()
        """
    )

    assert told == [[2 * number for number in range(8)]]


def test_a_fork_leaves_parent_and_child_a_client_each(client, shop_worker):
    told = client.run(
        """
        client = durable.DurableClient(URL)

        def double(number):
            return client.start_workflow("shop.double", number).get_result(20)[0]

        before = double(1)  # By now it has a connection, and listens.
        child = os.fork()
        if child == 0:
            code = 0 if [double(2), double(3)] == [4, 6] else 1
            client.close()
            os._exit(code)
        meanwhile = double(4)
        _, status = os.waitpid(child, 0)
        tell(before, meanwhile, status, double(5))
        client.close()
        """
    )

    assert told == [[2, 8, 0, 10]]


def test_a_fork_while_another_thread_waits_does_not_disturb_it(client, shop_worker):
    told = client.run(
        """
        import threading, time

        client = durable.DurableClient(URL)
        from django_durable.wakeup import hub

        waiting = client.start_workflow("shop.inbox", 1)
        got = []

        def wait():
            got.append(waiting.get_result(timeout=20))
            client.close()  # While the thread lives, and its connection with it.

        thread = threading.Thread(target=wait)
        thread.start()
        while hub.is_idle:
            time.sleep(0.01)
        child = os.fork()
        if child == 0:
            client.send(waiting, "from the child")
            client.close()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        thread.join()
        tell(status, *got)
        client.close()
        """
    )

    assert told == [[0, ["from the child"]]]


def test_a_client_survives_that_all_its_connections_are_cut(client, server, tmp_path):
    process = client.start(
        """
        import time

        client = durable.DurableClient(URL, settings={"APP_VERSION": "1"})
        handle = client.using(workflow_id="a").start_workflow("shop.double", 1)
        try:
            handle.get_result(timeout=0.5)
        except durable.WaitTimeout:
            tell("connected")
        while not os.path.exists(os.environ["GATE"]):
            time.sleep(0.01)
        client.using(workflow_id="b").start_workflow("shop.double", 2)
        tell(handle.get_status())
        client.close()
        """,
        GATE=str(tmp_path / "gate"),
    )
    process.wait_for("connected")

    cut(backends())

    (tmp_path / "gate").touch()
    process.wait_for('["ENQUEUED"]')
    assert process.ended() == 0
    assert Workflow.objects.filter(pk="b").exists()


def test_a_wait_goes_on_when_its_listener_is_cut(client, server, shop_worker):
    process = client.start(
        """
        client = durable.DurableClient(URL)
        handle = client.using(workflow_id="a").start_workflow("shop.inbox", 1)
        tell(handle.get_result(timeout=20))
        client.close()
        """
    )
    listening = wait_until(listeners, "a client that listens")

    cut(listening)

    client.run("durable.DurableClient(URL).send('a', 'heard')")
    assert process.ended() == 0
    assert '[["heard"]]' in process.log


def listeners():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE application_name = %s AND query LIKE 'LISTEN%%'",
            [CLIENT],
        )
        return [pid for (pid,) in cursor.fetchall()]


def test_close_gives_back_every_connection_and_the_next_call_opens_one(
    client, shop_worker
):
    told = client.run(
        """
        from pathlib import Path
        from concurrent.futures import ThreadPoolExecutor

        def opened():
            names = [os.readlink(p) for p in Path("/proc/self/fd").iterdir()
                     if os.path.lexists(p)]
            return sum("sqlite3" in name or "socket" in name for name in names)

        def double(number):
            return client.start_workflow("shop.double", number).get_result(20)[0]

        first = opened()
        client = durable.DurableClient(URL)
        with ThreadPoolExecutor(4) as threads:
            results = list(threads.map(double, range(8)))
            in_use = opened()
            client.close()
            closed = opened()
        tell(in_use > first, closed == first)
        tell(client.start_workflow("shop.double", 5).get_result(timeout=20)[0])
        with client:
            pass
        tell(opened() == first)
        """
    )

    assert told == [[True, True], [10], [True]]
