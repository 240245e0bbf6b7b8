"""Settings of the benchmarks. DATABASE_URL names the server.

A worker in a process of its own is told the database that is measured, and what
stands in DURABLE.
"""

import json
import os
from pathlib import Path

import environ

from example_project.databases import with_good_options

env = environ.Env()

SECRET_KEY = "only-for-benchmarks"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django_durable",
    "benchmarks",
]
ROOT_URLCONF = "benchmarks.console"
STATIC_URL = "static/"
ALLOWED_HOSTS = ["*"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": with_good_options(env.db_url("DATABASE_URL"))}

DURABLE = json.loads(os.environ.get("BENCHMARK_DURABLE", "{}"))

# Workers that are killed on purpose are no news.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "loggers": {"django_durable": {"level": "ERROR"}},
}

# Of SQLite: whether a commit waits for the disk.
if synchronous := os.environ.get("BENCHMARK_SYNCHRONOUS"):
    _options = DATABASES["default"].get("OPTIONS", {})
    if "init_command" in _options:
        _options["init_command"] += f" PRAGMA synchronous={synchronous};"

if measured := os.environ.get("BENCHMARK_DATABASE"):
    DATABASES["default"]["NAME"] = measured

# The database that is measured is a new one beside the one of the URL.
_name = f"durable_benchmark_{os.getpid()}"
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    _beside = Path(DATABASES["default"]["NAME"]).parent
    _name = str(_beside / f"{_name}.sqlite3")
DATABASES["default"]["TEST"] = {"NAME": _name}
