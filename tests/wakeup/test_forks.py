"""A forked child has a hub of its own."""

import os
import warnings

from django_durable.wakeup import Hub


def forked(call):
    """Return the exit code of a child that makes a call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python's own about forks and threads.
        child = os.fork()
    if child == 0:
        code = 1
        try:
            code = int(not call())
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_fork_at_a_bad_moment_leaves_the_child_a_hub_that_works():
    hub, rung = Hub(lambda hub: None), []

    def use():
        with hub.subscribe(["news"], lambda: rung.append("child")):
            hub.ring(["news"])
        return rung == ["child"]

    with hub.subscribe(["news"], lambda: rung.append("parent")):
        with hub._lock:  # As another thread would hold it.
            code = forked(use)
        hub.ring(["news"])

    assert code == 0
    assert rung == ["parent"]
