"""Settings of the processes that the journeys start: short leases, a log to read."""

import importlib

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, env

# Workers show no pages: without them a process starts in two thirds of the time.
OF_PAGES = {
    "django.contrib.admin",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
}
INSTALLED_APPS = [app for app in INSTALLED_APPS if app not in OF_PAGES]
INSTALLED_APPS += ["tests.journeys"]
ROOT_URLCONF = "tests.journeys.urls"
MIDDLEWARE: list[str] = []
TEMPLATES: list[object] = []

DURABLE = {
    "LEASE": env.float("JOURNEY_LEASE", 1.0),
    "HEARTBEAT": env.float("JOURNEY_HEARTBEAT", 0.3),
    "SWEEP": env.float("JOURNEY_SWEEP", 1.0),
    "DRAIN": env.float("JOURNEY_DRAIN", 5.0),
    "HOT_WAIT": env.float("JOURNEY_HOT_WAIT", 0.3),
    "ASYNC_HOT_WAIT": env.float("JOURNEY_ASYNC_HOT_WAIT", 0.3),
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime}.{msecs:03.0f} {process} {message}", "style": "{"}
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {"django_durable": {"handlers": ["stderr"], "level": "INFO"}},
}

# A module that a test writes, and changes to see the workers start again.
if changing := env.str("JOURNEY_MODULE", ""):
    importlib.import_module(changing)
