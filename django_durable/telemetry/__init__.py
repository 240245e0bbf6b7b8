"""Figures for those who watch from outside: traces and metrics.

``spans`` needs OpenTelemetry's API, ``metrics`` the client of Prometheus: both are
optional, and nothing imports them but the project that wants them.
"""
