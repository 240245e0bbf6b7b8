"""The settings of a worker process in a test: the project's, on its test databases.

A settings module of its own, because the worker starts processes that have to
find them too.
"""

import importlib
import json
import os
from typing import Any

SETTINGS = "DJANGO_DURABLE_TEST_SETTINGS"
DATABASE_NAMES = "DJANGO_DURABLE_TEST_DATABASES"
DURABLE_SETTING = "DJANGO_DURABLE_TEST_DURABLE"


def _load() -> dict[str, Any]:
    module = importlib.import_module(os.environ[SETTINGS])
    found = {name: getattr(module, name) for name in dir(module) if name.isupper()}
    names = json.loads(os.environ[DATABASE_NAMES])
    found["DATABASES"] = {
        alias: {**database, "NAME": names.get(alias, database.get("NAME"))}
        for alias, database in found["DATABASES"].items()
    }
    return {**found, "DURABLE": json.loads(os.environ[DURABLE_SETTING])}


if SETTINGS in os.environ:
    globals().update(_load())
