"""Where executions run: threads for sync workflows, one event loop for async."""

import asyncio
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any

from django.db import connections

from django_durable.execution.running import install_task_factory
from django_durable.models.connection import give_back, reserve_connection

logger = logging.getLogger("django_durable")

Job = Callable[[], None]

# How long a closing worker waits for helpers to give their connections back.
CLOSING_SECONDS = 1.0
# After so long an idle thread, or one that waits for another, looks whether its
# connection is needed elsewhere.
IDLE_SECONDS = 5.0
SPARE_SECONDS = 1.0
# How long idle helpers wait for each other, so that each gets a call.
LOOK_SECONDS = 0.05


class ThreadSlots:
    """A fixed number of threads, started when they are first needed.

    Each has a connection to ``using`` of its own, beside any pool, and keeps
    it, whatever CONN_MAX_AGE says.
    """

    def __init__(self, using: str, size: int, on_free: Callable[[], None]) -> None:
        self.size = size
        self._using = using
        self._on_free = on_free
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._busy = 0
        self._threads: list[threading.Thread] = []

    @property
    def free(self) -> int:
        """How many jobs could start now."""
        return self.size - self._busy

    def run(self, job: Job) -> None:
        """Run a job in a free slot; the caller has looked at ``free``."""
        with self._lock:
            if self._busy >= len(self._threads):
                thread = threading.Thread(
                    target=self._work,
                    name=f"durable-slot-{len(self._threads) + 1}",
                    daemon=True,
                )
                thread.start()
                self._threads.append(thread)
            self._busy += 1
        self._jobs.put(job)

    def close(self) -> None:
        """Let idle threads end; a busy one ends after its job."""
        for _ in self._threads:
            self._jobs.put(None)

    def join(self, seconds: float) -> None:
        """Wait for threads that are ending, at most ``seconds`` each."""
        for thread in self._threads:
            thread.join(timeout=seconds)

    def _next(self) -> Job | None:
        """Wait for a job; an idle thread can spare its connection."""
        while True:
            try:
                return self._jobs.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                give_back()

    def _work(self) -> None:
        reserve_connection(self._using)
        try:
            while (job := self._next()) is not None:
                try:
                    job()
                except BaseException:
                    logger.exception("An execution ended in an unexpected way")
                with self._lock:
                    self._busy -= 1
                self._on_free()
        finally:
            connections.close_all()


class LoopSlots:
    """Tasks on one event loop in a thread of its own, started at first use."""

    def __init__(
        self, size: int, threads: "HelperThreads", on_free: Callable[[], None]
    ) -> None:
        self.size = size
        self._threads = threads
        self._on_free = on_free
        self._lock = threading.Lock()
        self._busy = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def free(self) -> int:
        """How many tasks could start now."""
        return self.size - self._busy

    def run(self, make: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run the coroutine that ``make()`` returns as a task."""
        with self._lock:
            self._busy += 1
            if self._loop is None:
                self._start()
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._begin, make)

    def close(self) -> None:
        """Stop the loop."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._loop.stop)

    def join(self, seconds: float) -> None:
        """Wait for the loop to end, at most ``seconds``."""
        if self._thread is not None:
            self._thread.join(timeout=seconds)

    def _start(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(self._threads.executor)
        install_task_factory(self._loop)
        self._thread = threading.Thread(
            target=self._turn, name="durable-loop", daemon=True
        )
        self._thread.start()

    def _turn(self) -> None:
        assert self._loop is not None
        asyncio.set_event_loop(self._loop)
        try:
            self._run_until_stopped()
        finally:
            self._loop.close()
            connections.close_all()

    def _run_until_stopped(self) -> None:
        """Turn the loop; a task that raised SystemExit does not end the others.

        asyncio gives such an exception to the task and to run_forever() both.
        """
        assert self._loop is not None
        while True:
            try:
                self._loop.run_forever()
            except (SystemExit, KeyboardInterrupt):
                continue
            return

    def _begin(self, make: Callable[[], Coroutine[Any, Any, None]]) -> None:
        assert self._loop is not None
        task = self._loop.create_task(make())
        self._tasks.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("An execution ended in an unexpected way", exc_info=error)
        with self._lock:
            self._busy -= 1
        self._on_free()


class HelperThreads:
    """Threads beside the slots: branches of gather, sync steps of async code."""

    def __init__(self, using: str, size: int, name: str = "durable-helper") -> None:
        self._using = using
        self._started: list[threading.Thread] = []
        self._sparing: list[Future[None]] = []
        self.executor = ThreadPoolExecutor(
            size,
            thread_name_prefix=name,
            initializer=self._begin,
        )

    def _begin(self) -> None:
        self._started.append(threading.current_thread())
        reserve_connection(self._using)

    def side_by_side(self, calls: Sequence[Job]) -> None:
        """Run all calls; the caller's thread takes its share, so none starves."""
        todo = deque(calls)
        helpers = [
            self.executor.submit(_take_from, todo) for _ in range(len(calls) - 1)
        ]
        _take_from(todo)
        for helper in helpers:
            if not helper.cancel():
                _await(helper)

    def spare(self) -> None:
        """Let idle threads give back what connections are needed elsewhere."""
        if not all(sparing.done() for sparing in self._sparing):
            return
        all_here = threading.Barrier(max(1, len(self._started)))
        with suppress(RuntimeError):  # It is being closed.
            self._sparing = [
                self.executor.submit(_spare, all_here) for _ in self._started
            ]

    def close(self) -> None:
        """Let the threads end after what they do now, and give connections back."""
        all_here = threading.Barrier(max(1, len(self._started)))
        closings = [
            self.executor.submit(_close_connections, all_here) for _ in self._started
        ]
        wait(closings, timeout=CLOSING_SECONDS)
        self.executor.shutdown(wait=False, cancel_futures=True)


def _await(helper: Future[None]) -> None:
    """Wait for a helper, who may be in need of this thread's connection."""
    while helper not in wait([helper], timeout=SPARE_SECONDS).done:
        give_back()
    helper.result()


def _spare(all_here: threading.Barrier) -> None:
    give_back()
    with suppress(threading.BrokenBarrierError):  # A busy thread cannot spare its own.
        all_here.wait(LOOK_SECONDS)


def _close_connections(all_here: threading.Barrier) -> None:
    connections.close_all()
    with suppress(threading.BrokenBarrierError):  # A busy thread keeps its own.
        all_here.wait(CLOSING_SECONDS)  # One call for each thread.


def _take_from(todo: deque[Job]) -> None:
    while True:
        try:
            call = todo.popleft()
        except IndexError:
            return
        call()
