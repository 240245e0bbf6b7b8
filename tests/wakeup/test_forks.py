"""A forked child has a hub of its own."""

import os
import time
import warnings

from django_durable.wakeup import Hub, sqlite


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


def test_no_fork_meets_the_watcher_of_a_database_inside_sqlite(monkeypatch):
    driver = SlowDriver()
    monkeypatch.setattr(sqlite, "sqlite3", driver)
    monkeypatch.setattr(sqlite, "LOOK_SECONDS", 0.001)
    hub = Hub(lambda hub: sqlite.SQLiteSource(hub, "apart"))

    with hub.subscribe(["news"], lambda: None):
        codes = []
        while len(codes) < 5:
            time.sleep(0.02)
            codes.append(forked(lambda: not driver.is_inside))
        hub.close()

    assert driver.looks > 0
    assert codes == [0] * 5


class SlowDriver:
    """A database driver, and its connection, that spends its time inside."""

    Error = OSError

    def __init__(self):
        self.is_inside = False
        self.looks = 0

    def connect(self, *arguments, **options):
        self._spend_time()
        return self

    def execute(self, statement):
        self._spend_time()
        self.looks += 1
        return self

    def fetchone(self):
        return (self.looks,)

    def close(self):
        self._spend_time()

    def _spend_time(self):
        self.is_inside = True
        time.sleep(0.03)
        self.is_inside = False
