"""Settings of the example project, read from the environment.

DATABASE_URL, DEBUG, SECRET_KEY, ALLOWED_HOSTS, APP_VERSION, DURABLE_LEASE,
DURABLE_HEARTBEAT, ORDERS_SERVICE_DELAY, ADVICE_WORD_DELAY, FRAUD_CHECK_SECRET,
CARRIER_SECRET and SENSORS_SECRET may also stand in a file .env beside manage.py.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import django
import environ

from example_project.databases import with_good_options

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
if (BASE_DIR / ".env").is_file():
    env.read_env(BASE_DIR / ".env")

DEBUG: bool = env.bool("DEBUG", default=True)
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=[])


def secret(name: str) -> str:
    """Return a secret of the environment, in development perhaps a derived one."""
    if not DEBUG:
        return str(env.str(name))
    # Another one for each checkout, and the same one after a restart.
    derived = hashlib.sha256(f"django_durable {BASE_DIR} {name}".encode()).hexdigest()
    return str(env.str(name, default=derived))


SECRET_KEY: str = secret("SECRET_KEY")
# What the services that post to the webhooks have to know.
WEBHOOK_SECRETS: dict[str, str] = {
    "fraud_check": secret("FRAUD_CHECK_SECRET"),
    "carrier": secret("CARRIER_SECRET"),
    "sensors": secret("SENSORS_SECRET"),
}

DATABASES: dict[str, Any] = {
    "default": with_good_options(
        env.db_url("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")
    ),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DURABLE: dict[str, Any] = {
    "APP_VERSION": env.str("APP_VERSION", default="") or None,
    "LEASE": env.float("DURABLE_LEASE", default=15.0),
    "HEARTBEAT": env.float("DURABLE_HEARTBEAT", default=2.0),
}

# How long the simulated outside services take to answer, in seconds.
ORDERS_SERVICE_DELAY: float = env.float("ORDERS_SERVICE_DELAY", default=1.0)

# How long the tea master looks for a word.
ADVICE_WORD_DELAY: float = env.float("ADVICE_WORD_DELAY", default=0.08)

# Without mail servers: the worker prints its mails.
MAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": MAIL_BACKEND}}
else:
    EMAIL_BACKEND = MAIL_BACKEND

# With Channels the pages are live and runserver is Daphne's; without, they reload.
HAS_CHANNELS = all(map(find_spec, ("channels", "daphne")))

INSTALLED_APPS = [
    *(["daphne"] if HAS_CHANNELS else []),
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
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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

ROOT_URLCONF = "example_project.urls"
WSGI_APPLICATION = "example_project.wsgi.application"
ASGI_APPLICATION = "example_project.asgi.application"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "format": "{asctime} {levelname:<7} {message}",
            "datefmt": "%H:%M:%S",
            "style": "{",
        },
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
    },
    "loggers": {
        "django_durable": {"handlers": ["console"], "level": "INFO"},
    },
}
