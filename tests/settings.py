"""Settings of the test suite. DATABASE_URL chooses the database."""

import os
import tempfile
from pathlib import Path

import django
import environ

from example_project.databases import with_good_options

env = environ.Env()

SECRET_KEY = "only-for-tests"
USE_TZ = True
ROOT_URLCONF = "example_project.urls"
STATIC_URL = "static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_durable",
    "example_project.layout",
    "example_project.advice",
    "example_project.orders",
    "example_project.approvals",
    "example_project.climate",
    "example_project.deployments",
    "example_project.packing",
    "example_project.reports",
    "example_project.seed",
    "tests",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
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

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Newer versions of Django want to be told that there are mails.
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}

DATABASES = {
    "default": with_good_options(
        env.db_url(
            "DATABASE_URL", default=f"sqlite:///{tempfile.gettempdir()}/durable.sqlite3"
        )
    ),
}
# The process id in its name lets several runs work side by side.
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, because tests with real worker processes share it with them.
    directory = Path(DATABASES["default"]["NAME"]).parent
    DATABASES["default"]["TEST"] = {
        "NAME": str(directory / f"durable_test_{os.getpid()}.sqlite3")
    }
else:
    DATABASES["default"]["TEST"] = {"NAME": f"durable_test_{os.getpid()}"}
# For tests that keep the durable tables apart from the others.
apart = f"{tempfile.gettempdir()}/durable_apart_{os.getpid()}.sqlite3"
DATABASES["apart"] = with_good_options(
    {"ENGINE": "django.db.backends.sqlite3", "NAME": apart, "TEST": {"NAME": apart}}
)

DURABLE: dict[str, object] = {}

ORDERS_SERVICE_DELAY = 0.0
ADVICE_WORD_DELAY = 0.0
WEBHOOK_SECRETS = {
    "fraud_check": "secret of the fraud check",
    "carrier": "secret of the carrier",
    "sensors": "secret of the sensors",
}
