"""Bulk actions: their start, their progress, and those of the past."""
