"""What the planted tests need from other rooms."""

from tests.crash.conftest import laboratory as laboratory
from tests.operations.conftest import nothing_happened as nothing_happened
