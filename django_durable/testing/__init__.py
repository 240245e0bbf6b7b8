"""Tools for plain tests of workflows: no worker, no sleeping, no second process.

Everything here runs on the test's own thread, connection and transaction: in a
``django.test.TestCase``, with pytest-django's ``db``, and in tests with real
commits.
"""

from django_durable.testing.crashes import crash_everywhere
from django_durable.testing.idle import arun_until_idle, run_until_idle
from django_durable.testing.steps import assert_steps, fail_step
from django_durable.testing.time import VirtualTime, virtual_time

__all__ = [
    "VirtualTime",
    "arun_until_idle",
    "assert_steps",
    "crash_everywhere",
    "fail_step",
    "run_until_idle",
    "virtual_time",
]
