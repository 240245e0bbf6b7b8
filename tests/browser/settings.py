"""Settings of the site and the workers that the tests with a browser start."""

import os

from tests.journeys.settings import *  # noqa: F403
from tests.settings import (
    INSTALLED_APPS,
    MIDDLEWARE,
    ROOT_URLCONF,  # noqa: F401
    TEMPLATES,  # noqa: F401
)

# For the buttons that play the outside services, static files, and errors in the log.
DEBUG = True
INSTALLED_APPS = ["daphne", *INSTALLED_APPS, "tests.journeys"]
MIDDLEWARE = [*MIDDLEWARE, "tests.browser.policy.strict"]
ASGI_APPLICATION = "example_project.asgi.application"
ALLOWED_HOSTS = ["127.0.0.1"]

# Slow enough to be interrupted.
ADVICE_WORD_DELAY = float(os.environ.get("ADVICE_WORD_DELAY", "0.02"))
