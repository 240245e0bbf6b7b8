"""The names of what a workflow can wait for."""

TIMER = "timer"
RESULT_PREFIX = "workflow:"


def result_target(workflow_id: str) -> str:
    """Name the end of a workflow."""
    return f"{RESULT_PREFIX}{workflow_id}"


def result_of(target: str) -> str | None:
    """Return the workflow whose end ``target`` names, if it names one."""
    return (
        target.removeprefix(RESULT_PREFIX) if target.startswith(RESULT_PREFIX) else None
    )
