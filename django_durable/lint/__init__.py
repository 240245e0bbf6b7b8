"""Reads the bodies of workflows for what would differ at a replay.

Nothing is executed: names are looked up in the modules that define the workflows.
"""

from django_durable.lint.examination import Finding, findings

__all__ = ["Finding", "findings"]
