"""The project's own say: the name of a stream decides."""


def may_watch(*, user, workflow_id, key, has_token):
    """Narrow a token, widen a session; say nothing of anything else."""
    if key == "secret":
        return False
    if key == "broken":
        raise ZeroDivisionError("a fault of the project")
    if key == "public":
        return True
    return None
