"""What the planted tests need from other rooms."""

from tests.crash.conftest import laboratory as laboratory
