"""From a database URL to an entry of ``DATABASES``; a password is never shown."""

import re
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

try:
    import environ
except ImportError:  # It comes with the extra "client".
    environ = None

POSTGRESQL = "django.db.backends.postgresql"
SQLITE = "django.db.backends.sqlite3"

_ENGINES = {
    "postgres": POSTGRESQL,
    "postgresql": POSTGRESQL,
    "psql": POSTGRESQL,
    "pgsql": POSTGRESQL,
    "postgis": POSTGRESQL,
    "sqlite": SQLITE,
    "spatialite": SQLITE,
}
_EXAMPLES = "postgresql://user:password@host:5432/name or sqlite:////path/to/file"

_SQLITE_OPTIONS: dict[str, Any] = {
    # As for the workers of the same file: see "Use SQLite" in the documentation.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_SECRET_OPTION = re.compile(r"(?i)([?&][^=&]*(?:pass|secret|token)[^=&]*=)[^&]*")


def parse(url: object) -> dict[str, Any]:
    """Return the entry of ``DATABASES`` that a URL describes.

    Raises ImproperlyConfigured, TypeError, and ImportError where the extra
    ``client`` is not installed.
    """
    if not isinstance(url, str):
        raise TypeError(
            f"DurableClient takes a database URL such as {_EXAMPLES}, not {url!r}."
        )
    if environ is None:
        raise _missing("django-environ")
    engine = _engine(url)
    if engine == POSTGRESQL and not (find_spec("psycopg") or find_spec("psycopg2")):
        raise _missing("psycopg")
    return _sqlite(url) if engine == SQLITE else _postgresql(url)


def masked(url: str) -> str:
    """Return the URL with ``***`` in place of what only its owner may know."""
    scheme, separator, rest = url.partition("://")
    if not separator or not _SCHEME.fullmatch(scheme):
        return "***"  # No URL: nobody knows where in it a password stands.
    # The last "@" counts: a password that holds one, or a "/", is hidden with it.
    user, at, place = rest.rpartition("@")
    name, colon, _password = user.partition(":")
    secret = "***" if colon else ""
    shown = f"{scheme}://{name}{colon}{secret}{at}{place}"
    return _SECRET_OPTION.sub(r"\1***", shown)


def identity(database: dict[str, Any]) -> tuple[str, str]:
    """Return where a database is, to compare two, and to show it."""
    options = database.get("OPTIONS") or {}
    name = str(database["NAME"])
    if "sqlite" in str(database["ENGINE"]):
        is_file = not name.startswith("file:") and name != ":memory:"
        return "the SQLite database", str(Path(name).resolve()) if is_file else name
    host = options.get("host") or database.get("HOST") or "localhost"
    port = options.get("port") or database.get("PORT") or 5432
    service = options.get("service", "")
    return "the PostgreSQL database", f"{name or service} at {host}:{port}"


def _engine(url: str) -> str:
    scheme, separator, _ = url.strip().partition("://")
    if not separator or not _SCHEME.fullmatch(scheme):
        raise ImproperlyConfigured(
            f"This is no database URL: {masked(url)!r}. Write {_EXAMPLES}."
        )
    if scheme.lower() not in _ENGINES:
        raise ImproperlyConfigured(
            f"Workflows cannot live in a {scheme!r} database, but in PostgreSQL or"
            f" SQLite. Write {_EXAMPLES}."
        )
    return _ENGINES[scheme.lower()]


def _read(url: str, engine: str) -> dict[str, Any]:
    path = url.partition("://")[2].partition("?")[0].partition("/")[2]
    # An "@" so late means that a part of the password stands before it.
    if engine == SQLITE or "@" not in path:
        with suppress(ValueError):
            return dict(environ.Env.db_url_config(url.strip(), engine=engine))
    # Not raised from that error, which may quote a part of the password.
    raise ImproperlyConfigured(
        f"The database URL {masked(url)} cannot be read. Check the port, and write"
        " characters such as / @ : # ? in the password as %2F %40 %3A %23 %3F."
    )


def _postgresql(url: str) -> dict[str, Any]:
    database = _read(url, POSTGRESQL)
    options = database.get("OPTIONS", {})
    if not (database["NAME"] or options.get("service")):
        raise ImproperlyConfigured(
            f"The database URL {masked(url)} names no database. Write"
            " postgresql://user:password@host:5432/name."
        )
    # A client lives long: it keeps a connection, and tests it before its use.
    return {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True, **database}


def _sqlite(url: str) -> dict[str, Any]:
    # Two slashes name a host, which no file has.
    has_host = not url.strip().partition("://")[2].startswith("/")
    database: dict[str, Any] = {"NAME": ""} if has_host else _read(url, SQLITE)
    if database["NAME"] in ("", ":memory:"):
        raise ImproperlyConfigured(
            f"The database URL {masked(url)} names no file. Write"
            " sqlite:///file for a path from the working directory,"
            " sqlite:////path/to/file for an absolute one; a database in memory"
            " belongs to one process."
        )
    path = Path(database["NAME"]).resolve()
    if not path.is_file():  # Else connecting would create an empty one.
        raise ImproperlyConfigured(
            f"There is no SQLite database {str(path)!r}. Check the database URL, or"
            " run `python manage.py migrate` in the Django project that has the"
            " workflows."
        )
    options = {**_SQLITE_OPTIONS, **database.get("OPTIONS", {})}
    return {"CONN_MAX_AGE": None, **database, "NAME": str(path), "OPTIONS": options}


def _missing(package: str) -> ImportError:
    return ImportError(
        f"DurableClient needs {package}, which is not installed. Install the extra"
        " 'client': pip install 'django-durable-workflows[client]'."
    )
