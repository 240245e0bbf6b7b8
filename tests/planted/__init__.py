"""Bugs planted on purpose: the suite catches each of them."""
