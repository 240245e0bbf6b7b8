"""System checks: each has an id, a hint, and an entry in the reference."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.utils.connection import ConnectionDoesNotExist
from django.utils.module_loading import import_string

from django_durable import conf, lint
from django_durable.definitions import registry, schedules
from django_durable.exceptions import SerializationError
from django_durable.execution.scheduling import declaration_of
from django_durable.models import sql

TAG = "durable"
ENGINES = ("postgresql", "sqlite")

_IDS = {"unknown": "E001", "range": "E002", "type": "E003"}


def register() -> None:
    """Register every check."""
    for check in (
        check_settings,
        check_versions,
        check_schedules,
        check_database,
        check_sqlite,
        check_persistent_connections,
        check_isolation,
        check_time_zone,
        check_determinism,
        check_origins,
        check_authorizer,
        check_admin,
    ):
        checks.register(check, TAG)
    checks.register(check_serializer, TAG, deploy=True)


def check_settings(**_: Any) -> Sequence[checks.CheckMessage]:
    """E001 unknown key, E002 impossible value, E003 wrong type."""
    return [
        checks.Error(
            problem.message,
            hint=problem.hint,
            obj=f"DURABLE[{problem.key!r}]",
            id=f"django_durable.{_IDS[problem.kind]}",
        )
        for problem in conf.problems(getattr(settings, "DURABLE", {}))
    ]


def check_versions(**_: Any) -> Sequence[checks.CheckMessage]:
    """E006: a workflow without source, and without a version."""
    found: list[checks.CheckMessage] = []
    try:
        conf.current().app_version  # noqa: B018
    except ImproperlyConfigured:
        return found  # E002 or E003 says it.
    for definition in registry.all_definitions():
        try:
            definition.version  # noqa: B018
        except ImproperlyConfigured as error:
            found.append(
                checks.Error(
                    str(error),
                    hint="Give the workflow a version=, or set DURABLE['APP_VERSION'].",
                    obj=definition.name,
                    id="django_durable.E006",
                )
            )
    return found


def check_schedules(**_: Any) -> Sequence[checks.CheckMessage]:
    """E010: a schedule that no worker could store."""
    found: list[checks.CheckMessage] = []
    for declared in schedules.all_schedules():
        try:
            declaration_of(declared)
        except ImproperlyConfigured:
            return found  # E002 or E003 says it.
        except SerializationError as error:
            found.append(
                checks.Error(
                    str(error),
                    hint="Give the schedule args= and kwargs= that can be stored.",
                    obj=declared.name,
                    id="django_durable.E010",
                )
            )
    return found


def check_database(**_: Any) -> Sequence[checks.CheckMessage]:
    """E005: an alias that does not exist, or an engine that cannot hold rows."""
    connection, problem = _connection()
    if connection is None:
        return [problem] if problem else []
    if connection.vendor not in ENGINES:
        return [
            checks.Error(
                f"The durable tables cannot live on {connection.vendor!r}.",
                hint="Use PostgreSQL or SQLite, or name such an alias in"
                " DURABLE['DATABASE'].",
                id="django_durable.E005",
            )
        ]
    return []


def check_sqlite(**_: Any) -> Sequence[checks.CheckMessage]:
    """W010, W011: SQLite with settings under which writers get in their way."""
    connection, _problem = _connection()
    if connection is None or connection.vendor != "sqlite":
        return []
    options = connection.settings_dict.get("OPTIONS", {})
    found: list[checks.CheckMessage] = []
    if str(options.get("transaction_mode", "")).upper() != "IMMEDIATE":
        found.append(
            checks.Warning(
                "SQLite transactions that read before they write fail at once when"
                " another process has written.",
                hint="Set OPTIONS = {'transaction_mode': 'IMMEDIATE', …}.",
                id="django_durable.W010",
            )
        )
    if "journal_mode=wal" not in _squeezed(options.get("init_command", "")):
        found.append(
            checks.Warning(
                "SQLite without a write-ahead log lets readers block writers.",
                hint="Set OPTIONS = {'init_command': 'PRAGMA journal_mode=WAL;"
                " PRAGMA synchronous=NORMAL;', …}.",
                id="django_durable.W011",
            )
        )
    return found


def check_persistent_connections(**_: Any) -> Sequence[checks.CheckMessage]:
    """W012: kept connections that nobody tests before their use."""
    connection, _problem = _connection()
    if connection is None or connection.vendor == "sqlite":
        return []
    kept = connection.settings_dict.get("CONN_MAX_AGE") != 0
    if kept and not connection.settings_dict.get("CONN_HEALTH_CHECKS"):
        return [
            checks.Warning(
                "Database connections are kept, and not tested before their use.",
                hint="Set CONN_HEALTH_CHECKS = True beside CONN_MAX_AGE.",
                id="django_durable.W012",
            )
        ]
    return []


def check_isolation(**_: Any) -> Sequence[checks.CheckMessage]:
    """W015: a cancellation inside such a transaction may miss a new child."""
    connection, _problem = _connection()
    if connection is None or not sql.has_fixed_snapshot(connection):
        return []
    return [
        checks.Warning(
            "The durable database has another isolation level than READ COMMITTED.",
            hint="Remove 'isolation_level' from OPTIONS, and set it for the"
            " transactions that need it. cancel() inside an atomic() of such a"
            " level can miss a child that is being started.",
            id="django_durable.W015",
        )
    ]


def check_time_zone(**_: Any) -> Sequence[checks.CheckMessage]:
    """E007: naive datetimes cannot say when something is due."""
    if settings.USE_TZ:
        return []
    return [
        checks.Error(
            "django_durable needs USE_TZ = True.",
            hint="Set USE_TZ = True: timers and leases are aware datetimes in UTC.",
            id="django_durable.E007",
        )
    ]


def check_serializer(**_: Any) -> Sequence[checks.CheckMessage]:
    """W023: pickle executes what somebody else may have written."""
    try:
        current = conf.current()
        formats = [current.serializer, *current.read_serializers]
    except ImproperlyConfigured:
        return []  # E003 says it.
    if not any("pickle" in name.lower() for name in formats):
        return []
    return [
        checks.Warning(
            "Values are read with pickle: whoever can write the durable tables can"
            " execute code in the workers.",
            hint="Use the default SERIALIZER, and register_type() for your types.",
            id="django_durable.W023",
        )
    ]


def check_determinism(**_: Any) -> Sequence[checks.CheckMessage]:
    """W030: what the body of a workflow does otherwise at a replay."""
    return [
        checks.Warning(
            finding.message,
            hint=finding.hint,
            obj=finding.workflow,
            id="django_durable.W030",
        )
        for finding in lint.findings(registry.all_definitions())
    ]


def check_authorizer(**_: Any) -> Sequence[checks.CheckMessage]:
    """E008: a function that is to decide who may watch, and cannot be found."""
    named = _named("stream_authorizer", callable, "is not callable")
    return [
        checks.Error(
            f"DURABLE['STREAM_AUTHORIZER'] names {problem}.",
            hint="Name a function by its dotted path, or leave it out.",
            id="django_durable.E008",
        )
        for problem in named
    ]


def check_admin(**_: Any) -> Sequence[checks.CheckMessage]:
    """E009: a class for the pages of the console that cannot be found."""
    named = _named("admin", lambda found: isinstance(found, type), "is not a class")
    return [
        checks.Error(
            f"DURABLE['ADMIN'] names {problem}.",
            hint="Name a class by its dotted path, or write True or False.",
            id="django_durable.E009",
        )
        for problem in named
    ]


def _named(setting: str, fits: Callable[[Any], bool], otherwise: str) -> list[str]:
    """Return what is wrong with what a setting names by its dotted path."""
    try:
        path = getattr(conf.current(), setting)
        if not isinstance(path, str) or fits(import_string(path)):
            return []
    except ImproperlyConfigured:
        return []  # E002 or E003 says it.
    except ImportError as error:
        return [f"{path!r}, which cannot be imported ({error})"]
    return [f"{path!r}, which {otherwise}"]


def check_origins(**_: Any) -> Sequence[checks.CheckMessage]:
    """W021: pages of any name that leads here could open the sockets."""
    has_sockets = hasattr(settings, "ASGI_APPLICATION") and find_spec("channels")
    if not has_sockets or "*" not in settings.ALLOWED_HOSTS:
        return []
    return [
        checks.Warning(
            "ALLOWED_HOSTS lets pages of every name that somebody points at this"
            " server open its WebSockets.",
            hint="Name the hosts of this site in ALLOWED_HOSTS.",
            id="django_durable.W021",
        )
    ]


def _connection() -> tuple[Any, checks.CheckMessage | None]:
    try:
        alias = conf.current().database
        return connections[alias], None
    except ImproperlyConfigured:
        return None, None  # E003 says it.
    except ConnectionDoesNotExist:
        return None, checks.Error(
            f"DURABLE['DATABASE'] names {alias!r}, which is not in DATABASES.",
            hint=f"Choose one of {', '.join(sorted(connections))}.",
            id="django_durable.E005",
        )


def _squeezed(text: str) -> str:
    return "".join(text.lower().split())
