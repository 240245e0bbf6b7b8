"""Settings of the processes that the experiments start."""

from tests.journeys.settings import *  # noqa: F403
from tests.journeys.settings import DATABASES, INSTALLED_APPS, env

INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos"]

if size := env.int("CHAOS_POOL", 0):
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 1, "max_size": size}
