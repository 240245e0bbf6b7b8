"""``manage.py workflows`` as a shell sees it: streams, exit codes, signals, pipes."""

import json
import signal
import subprocess

import pytest

from django_durable.testing import run_until_idle
from tests import forking
from tests.journeys.processes import PATIENCE, ROOT, environment
from tests.management import definitions

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shell(tmp_path):
    """Return a function that starts the command; none of them is left behind."""
    started = []

    def start(*words, **settings):
        process = forking.Popen(
            ["-m", "django", "workflows", *words],
            cwd=ROOT,
            env=environment(tmp_path, **settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with process:
            process.kill()


def ended(process):
    """Return exit code, output and errors."""
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


@pytest.mark.once
def test_errors_are_json_on_one_stream_and_a_line_on_the_other(shell):
    process = shell("list", "--json", DATABASE_URL="sqlite:////nowhere/db.sqlite3")

    code, out, err = ended(process)

    (message,) = json.loads(out).values()
    assert (code, err) == (1, f"CommandError: {message}\n")
    assert message.startswith("The database says: unable to open database file")


def test_a_stream_is_followed_until_somebody_interrupts(shell):
    handle = definitions.talk.start("ada ☕")
    run_until_idle()
    words = ("stream", handle.workflow_id, "words", "--follow")
    process = shell(*words, PYTHONIOENCODING="ascii")

    values = [process.stdout.readline() for _ in range(2)]
    is_patient = process.poll() is None
    process.send_signal(signal.SIGINT)

    assert (values, is_patient) == (["hello\n", "ada \\u2615\n"], True)
    assert ended(process) == (130, "", "")


def test_a_reader_that_has_seen_enough_ends_the_command_without_a_word(shell):
    definitions.talk.start("ada")
    process = shell("list")

    process.stdout.close()  # Before it has come to its first line.
    process.wait(timeout=PATIENCE)

    assert (process.returncode, process.stderr.read()) == (1, "")
