"""Where the reference is, in which branch of which workflow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Line:
    """A branch of a workflow: it numbers its steps and the branches that leave it."""

    workflow: str
    is_async: bool
    branch: str = ""
    steps: int = 0
    branches: int = 0

    def fork(self) -> Line:
        """Return the next branch that starts here."""
        self.branches += 1
        prefix = f"{self.branch}." if self.branch else ""
        return Line(self.workflow, self.is_async, f"{prefix}{self.branches}")

    def step(self) -> str:
        """Return the key of the next step."""
        self.steps += 1
        return f"{self.workflow}/{self.branch}{':' * bool(self.branch)}{self.steps}"

    @property
    def place(self) -> tuple[str, str, int]:
        """Where the last step is."""
        return self.workflow, self.branch, self.steps
