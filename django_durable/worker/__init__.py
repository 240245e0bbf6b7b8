"""Who runs it."""

from django_durable.worker.runner import Worker

__all__ = ["Worker"]
