"""A refusal does not tell what exists: not by its code, and not by its time.

Times are compared in a full run only, which has enough of them. That the statements
are the same is tested in ``tests/streaming/test_statements.py``.
"""

import time
from statistics import median

import pytest

import django_durable as durable
from tests.streaming import servers
from tests.streaming.clients import opened, url
from tests.streaming.scribe import Scribe

# Medians may be so far apart: less than a network lets anybody notice.
APART_SECONDS = 0.005
# As many sockets as there is time for.
PATIENT = {"STREAM_HANDSHAKE_RATE": 10_000}


@pytest.mark.chaos("refusals", share=0.1)
def test_refusals_are_alike_whatever_exists_and_as_quick_in_a_full_run(
    dose, tmp_path, transactional_db
):
    mine, others = Scribe(), Scribe()
    token = durable.stream_token(mine.workflow_id, "out", 3600)
    others.write("out", *range(1000))
    mine.write("out", *range(1000))
    mine.delete()
    asked = {"another's": others.workflow_id, "unknown": "x", "gone": mine.workflow_id}
    took = {name: [] for name in asked}

    with servers.running("uvicorn", tmp_path, settings=PATIENT) as server:
        for _ in range(dose.pick(5, 500)):
            # One of each in turn: whatever else the machine does meets all alike.
            for name, workflow_id in asked.items():
                took[name].append(refused_in(server, workflow_id, token))

    medians = {name: median(times[1:]) for name, times in took.items()}
    for name, seconds in medians.items():
        dose.note(name, f"{seconds * 1000:.2f} ms")
    if dose.is_full:
        assert max(medians.values()) - min(medians.values()) < APART_SECONDS


def refused_in(server, workflow_id, token):
    """Return the seconds from a hello to its refusal."""
    with opened(server, url(server, workflow=workflow_id, key="out")) as client:
        began_at = time.perf_counter()
        client.say("hello", token=token)
        assert client.closed_with() == ([], 4403)
        return time.perf_counter() - began_at
