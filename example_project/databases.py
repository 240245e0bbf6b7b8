"""How to configure a database for durable workflows."""

from typing import Any

SQLITE_OPTIONS = {
    # Take the write lock when a transaction begins, instead of failing later when
    # two transactions that have read want to write.
    "transaction_mode": "IMMEDIATE",
    # Seconds to wait for that lock.
    "timeout": 20,
    # Readers and the writer do not block each other.
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}


def with_good_options(database: dict[str, Any]) -> dict[str, Any]:
    """Add to an entry of DATABASES what durable workflows work best with."""
    if database["ENGINE"].endswith("sqlite3"):
        options = {**SQLITE_OPTIONS, **database.get("OPTIONS", {})}
        return {**database, "OPTIONS": options}
    return {**database, "CONN_HEALTH_CHECKS": True}
