"""The workflows of the API test: each stops where the model says."""

import django_durable as durable
from tests.models import Entry

calls: list[str] = []


@durable.step
def note() -> int:
    calls.append(durable.workflow_id() or "")
    return len(calls)


@durable.step
def refuse() -> None:
    raise LookupError("refused")


@durable.step(max_attempts=2, interval=60, jitter=False)
def wobble() -> None:
    calls.append(durable.workflow_id() or "")
    if durable.current().step_attempt == 1:
        raise ConnectionError("wobbled")


@durable.transaction
def enter() -> None:
    calls.append(durable.workflow_id() or "")
    Entry.objects.create(key=durable.workflow_id())


@durable.workflow(max_recovery_attempts=1)
def bare() -> str:
    return "done"


@durable.workflow(max_recovery_attempts=1)
def quick() -> str:
    note()
    enter()
    return "done"


@durable.workflow(max_recovery_attempts=1)
async def aquick() -> str:
    await note.acall()
    await enter.acall()
    return "done"


@durable.workflow(max_recovery_attempts=1)
def failing() -> None:
    refuse()


@durable.workflow(max_recovery_attempts=1)
def flaky() -> str:
    wobble()
    enter()
    return "done"


@durable.workflow(max_recovery_attempts=1)
def napping() -> str:
    enter()
    durable.sleep(3600)
    note()
    return "done"


@durable.workflow(max_recovery_attempts=1)
def parent() -> str:
    return napping.start().get_result()


ERRANDS = {
    each.__name__: each
    for each in (bare, quick, aquick, failing, flaky, napping, parent)
}
