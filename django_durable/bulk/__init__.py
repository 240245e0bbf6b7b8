"""What operators ask of many workflows: what was chosen, and the run that does it."""

from django_durable.bulk.actions import ACTIONS
from django_durable.bulk.actor import NAME
from django_durable.bulk.runs import PREFIX, PROGRESS, bulk

__all__ = ["ACTIONS", "NAME", "PREFIX", "PROGRESS", "bulk"]
