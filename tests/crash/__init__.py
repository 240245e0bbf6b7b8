"""Processes that die at every write, in one thread, on both databases."""
