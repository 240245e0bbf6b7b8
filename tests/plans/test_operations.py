"""The list of operations is complete: whoever adds a question adds its plan."""

import inspect

import pytest

from tests.plans.operations import MODELS, OPERATIONS

# They only narrow what their caller asks for, or are asked by people.
OFF_THE_HOT_PATH = {
    *("active", "finished", "failed", "for_definition", "stranded", "older_than"),
    *("overdue",),
    *("cancel", "resume"),  # For each of some workflows, cancel_one() or resume_one().
    *("restart", "fork", "delete"),  # The same.
    *("prune",),  # prune_some(), again and again.
    *("fence",),  # What delete_some() does first.
    *("locked",),  # lock(), for a block.
    *("drain", "is_to_drain"),  # Of one worker, by its key.
    *("paused", "limited"),  # A part of other questions.
    *("limit",),  # Of one queue, by its key.
    *("fresh", "steps_of_fork"),  # A person looks at workers, or one workflow.
    *("database_now", "lease_given"),  # No table is read.
    # Of one schedule, by its name; and parts of other questions.
    *("named", "transaction", "due", "running", "started", "skipped"),
    *("live_schedules",),  # A person looks at schedules.
}


def questions() -> set[str]:
    """Return the names of the methods by which our querysets ask."""
    return {
        name
        for model in MODELS
        for name, method in inspect.getmembers(type(model._default_manager.all()))
        if inspect.isfunction(method)
        and method.__module__.startswith("django_durable.")
        and not name.startswith("_")
    }


@pytest.mark.once
def test_each_question_of_the_models_has_its_plan_tested():
    tested = {name.partition(",")[0] for name in OPERATIONS}

    assert questions() - OFF_THE_HOT_PATH == tested - {"newest", "forks", "console"}
    assert questions() >= OFF_THE_HOT_PATH
