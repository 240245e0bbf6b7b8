"""A process that calls a workflow itself: python -m tests.journeys.direct NAME ARG."""

import sys

import django

if __name__ == "__main__":
    django.setup()

    from tests.journeys import workflows

    definition = getattr(workflows, sys.argv[1])
    print(f"returned {definition(sys.argv[2])!r}", flush=True)
