"""What operators ask of many workflows: what was chosen, and the run that does it."""

from django_durable.bulk.runs import ACTIONS, NAME, PROGRESS, bulk

__all__ = ["ACTIONS", "NAME", "PROGRESS", "bulk"]
