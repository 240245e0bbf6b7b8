"""The simulated work at the packing bench."""

import time

from django.conf import settings


def pack(name: str, parcel: str) -> str:
    """Wrap a parcel, which takes a while, and return the label on it."""
    time.sleep(settings.ORDERS_SERVICE_DELAY)
    return f"{parcel}, packed by {name}"
