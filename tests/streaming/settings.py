"""Settings of the servers that the tests of streaming start."""

import json

from tests.settings import *  # noqa: F403
from tests.settings import env

ALLOWED_HOSTS = ["127.0.0.1", "example.com"]
CSRF_TRUSTED_ORIGINS = ["https://trusted.test:8443"]
ROOT_URLCONF = "tests.streaming.urls"
ASGI_APPLICATION = "tests.streaming.asgi.application"

DURABLE = {
    "STREAM_AUTHORIZER": "tests.streaming.authorizer.may_watch",
    # All tests come from one address, one right after the other.
    "STREAM_HANDSHAKE_RATE_PER_ADDRESS": 10_000,
    **json.loads(env.str("STREAMING_SETTINGS", "{}")),
}
CHANNEL_LAYERS = json.loads(env.str("STREAMING_LAYERS", "{}"))

# Everything that goes wrong is on the standard error, with its traceback.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"django_durable": {"level": "INFO"}},
}
