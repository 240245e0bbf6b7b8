"""Python processes of the tests, forked by one that has imported the libraries."""

from tests.forking.processes import ForkServer, Popen, run

__all__ = ["ForkServer", "Popen", "run"]
