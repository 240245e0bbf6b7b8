"""What the author of a workflow says of it in one line."""

from django_durable.definitions.context import (
    refuse_running_loop,
    required_frame,
)


def set_summary(text: str) -> None:
    """Say in one line what this workflow is about, or how far it is.

    Lists show it: ``set_summary("Order 1042: 3 parcels, paid")``. The last one
    counts, and is seen when the call returns; in a transaction step, with the
    commit. It is no step: lines of this kind may be added and removed while
    workflows run. Line breaks become spaces, and no more than 200 characters are
    kept. Raises TypeError, and NotInWorkflow outside of workflows and steps.
    """
    refuse_running_loop("set_summary", "aset_summary")
    required_frame("set_summary").execution.set_summary(_checked(text))


async def aset_summary(text: str) -> None:
    """See set_summary()."""
    await required_frame("aset_summary").execution.set_summary(_checked(text))


def _checked(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError(f"set_summary() takes a string, not {text!r}.")
    return text
