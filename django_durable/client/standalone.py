"""Django for a process that is no Django project: set-up, connections, forks.

Where settings exist already, the process is a project: its connections are its
own business, and it is only asked whether it means the same database.
"""

import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any
from weakref import WeakSet

import django
from asgiref.sync import sync_to_async
from django.apps import apps
from django.conf import ENVIRONMENT_VARIABLE, settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from django_durable import conf
from django_durable.client.database_url import identity
from django_durable.definitions.context import refuse_running_loop

_lock = threading.RLock()
_is_ours = False
_is_checked = False
_used: WeakSet[BaseDatabaseWrapper] = WeakSet()
# Those that a fork finds, and those that this process has from its parents.
_forked: list[BaseDatabaseWrapper] = []
_inherited: list[BaseDatabaseWrapper] = []


def set_up(database: dict[str, Any], durable: Mapping[str, Any] | None) -> None:
    """Configure Django for this database, or see that it is so already.

    Raises ImproperlyConfigured.
    """
    with _lock:
        if not settings.configured and ENVIRONMENT_VARIABLE not in os.environ:
            _configure(database, durable or {})
        if not apps.ready:
            django.setup()
        if not apps.is_installed("django_durable"):
            raise ImproperlyConfigured(
                "This process is a Django project without django_durable. Add"
                " 'django_durable' to INSTALLED_APPS, or use DurableClient in a"
                f" process without settings and without {ENVIRONMENT_VARIABLE}."
            )
        _compare_database(database)
        _compare_settings(durable or {})


def prepare(call: str, twin: str) -> None:
    """Make this thread's connection fit for a call.

    Raises SynchronousOnlyOperation where an event loop runs, and
    ImproperlyConfigured for a database without the durable tables.
    """
    refuse_running_loop(call, twin)
    check()


async def aprepare() -> None:
    """See prepare()."""
    await sync_to_async(check)()


def check() -> None:
    """See prepare()."""
    if _is_ours:
        connection = _connection()
        with _lock:
            _used.add(connection)
        # In a block the connection is what the transaction lives on.
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
    if not _is_checked:
        _check_tables()


def close() -> None:
    """Give back the connections of all threads, and stop listening for hints.

    The next call opens them again. Those of a project are left to it, and so is
    one whose transaction is open.
    """
    if not _is_ours:
        return
    _hub().close()
    with _lock:
        used = list(_used)
    for connection in used:
        _close_idle(connection)


def _configure(database: dict[str, Any], durable: Mapping[str, Any]) -> None:
    global _is_ours
    _check_settings(durable)
    settings.configure(
        DATABASES={"default": database},
        DURABLE=dict(durable),
        INSTALLED_APPS=["django_durable"],
        USE_TZ=True,
        TIME_ZONE="UTC",
        # What is logged, and where to, is the process's own affair.
        LOGGING_CONFIG=None,
    )
    _is_ours = True
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork,
        after_in_child=_after_fork_in_child,
    )


def _check_settings(durable: Mapping[str, Any]) -> None:
    problems = [f"{each.message} {each.hint}" for each in conf.problems(durable)]
    if "DATABASE" in durable:
        problems.append("DATABASE is chosen by the database URL: leave it out.")
    if problems:
        raise ImproperlyConfigured(" ".join(problems))


def _compare_database(database: dict[str, Any]) -> None:
    asked, present = identity(database), identity(_connection().settings_dict)
    if asked != present:
        raise ImproperlyConfigured(
            f"This process uses {' '.join(present)}, and DurableClient was given"
            f" {' '.join(asked)}. One process works with one database of workflows:"
            " give the same URL, or use another process."
        )


def _compare_settings(durable: Mapping[str, Any]) -> None:
    present = getattr(settings, "DURABLE", {})
    differing = [key for key in durable if present.get(key) != durable[key]]
    if differing:
        raise ImproperlyConfigured(
            f"DurableClient was given settings that differ from those in force here:"
            f" {', '.join(map(str, differing))}. Change DURABLE in the settings of"
            " this project, or give every client of a process the same."
        )


def _check_tables() -> None:
    global _is_checked
    connection = _connection()
    models = apps.get_app_config("django_durable").get_models()
    needed = {model._meta.db_table for model in models}
    missing = needed - set(connection.introspection.table_names())
    if missing:
        raise ImproperlyConfigured(
            f"Tables of django_durable are missing from"
            f" {' '.join(identity(connection.settings_dict))}:"
            f" {', '.join(sorted(missing))}. Run `python manage.py migrate` in the"
            " Django project that has the workflows, or check the database URL."
        )
    _is_checked = True


def _connection() -> BaseDatabaseWrapper:
    return connections[conf.current().database]


def _before_fork() -> None:
    """Leave nothing to a child process that two must not share."""
    _lock.acquire()  # Else the child may inherit it taken, for ever.
    _forked.extend(_used)
    if apps.ready:
        with suppress(Exception):  # Nobody could catch what os.fork() prints.
            _close_idle(_connection())


def _after_fork() -> None:
    _forked.clear()
    _lock.release()


def _after_fork_in_child() -> None:
    # They belong to threads of the parent: to close one would end it there, too.
    _used.clear()
    # Kept for good: a driver that sees an open connection die complains.
    _inherited.extend(_forked)
    _after_fork()


def _hub() -> Any:
    # It needs the models, which cannot be imported before a client has set up.
    return import_module("django_durable.wakeup").hub


def _close_idle(connection: BaseDatabaseWrapper) -> None:
    if connection.in_atomic_block:
        return
    connection.inc_thread_sharing()
    try:
        connection.close()
    finally:
        connection.dec_thread_sharing()
