"""Histories, replayed by code that may not fit them."""
