"""Programs of systems that know a database's URL and nothing of the project.

Each is run as ``python -m tests.seeds.outside URL PROGRAM ARGUMENT…``, without
settings, and prints what it has found as JSON.
"""

import json
import sys

from django_durable import DurableClient


def approve(client, request_id):
    """Approve a request from another system."""
    approval = {"approved": True, "reason": None}
    client.send(f"approval-{request_id}", approval, topic="approval")


def send_twice(client, workflow_id):
    """Send as a system does that has not seen the answer to its first try."""
    for _ in range(2):
        client.send(
            workflow_id,
            "important data",
            topic="data",
            idempotency_key="send-key-1",
        )


def read_stream(client, workflow_id, key):
    """Read a stream to its end."""
    return list(client.read_stream(workflow_id, key))


PROGRAMS = {each.__name__: each for each in (approve, send_twice, read_stream)}


def main(url, program, *arguments):
    """Run one program and print what it returns."""
    print(json.dumps(PROGRAMS[program](DurableClient(url), *arguments)))


if __name__ == "__main__":
    main(*sys.argv[1:])
