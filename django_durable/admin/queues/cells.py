"""What stands in the row of a queue: on the dashboard, on its page, while open."""

from django_durable.admin.figures.ages import age
from django_durable.admin.figures.overview import Overview
from django_durable.admin.figures.queues import Queue
from django_durable.admin.holds import NO_LIMIT, queue_state, short_usage, usage_text


def cells(queue: Queue, found: Overview) -> dict[str, str]:
    """Return the texts by the names of their columns."""
    usage = queue.usage
    most = usage.limits.concurrency if usage is not None else None
    return {
        "depth": str(queue.depth),
        "oldest": age(queue.oldest_at, found.now),
        "held": str(queue.running),
        "most": NO_LIMIT if most is None else f"{most}",
        "limit": short_usage(usage),
        "usage": usage_text(usage),
        "state": queue_state(queue, found.now),
    }


def figures(found: Overview) -> dict[str, str]:
    """Return the cells of all queues, by the names of their places in the pages."""
    return {
        f"{name}:{queue.key}": text
        for queue in found.load.queues
        for name, text in cells(queue, found).items()
    }
