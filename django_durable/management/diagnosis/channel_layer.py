"""The channel layer, where one is configured: a message comes through it."""

import asyncio
from collections.abc import Iterator
from importlib.util import find_spec

from django.conf import settings
from django.utils.module_loading import import_string

from django_durable import conf
from django_durable.management.diagnosis.finding import Finding

PATIENCE = 5.0


def look_at_channel_layer(using: str) -> Iterator[Finding]:
    """Send a message to a group and receive it."""
    alias = conf.current().stream_channel_layer
    layers = getattr(settings, "CHANNEL_LAYERS", {})
    if alias is None or alias not in layers or find_spec("channels") is None:
        return
    # Only where Channels is installed can this be imported.
    round_trip = import_string("django_durable.streaming.layers.round_trip")
    try:
        took = asyncio.run(asyncio.wait_for(round_trip(alias), PATIENCE))
    except TimeoutError:
        problem = f"nothing came through within {PATIENCE:g} seconds"
    except Exception as error:  # Any backend may raise anything.
        problem = f"{type(error).__name__}: {error}"
    else:
        message = f"A message took {took * 1000:.1f} ms through {alias!r}."
        yield Finding("ok", "channel layer", message)
        return
    yield Finding(
        "problem",
        "channel layer",
        f"The channel layer {alias!r} does not work: {problem}.",
        "Is its server running, and does CHANNEL_LAYERS say where?",
    )
