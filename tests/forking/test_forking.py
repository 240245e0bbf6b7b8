"""What is forked behaves as what is executed; only its start takes less."""

import os
import signal
import subprocess
import sys

import pytest

from tests import forking

PATIENCE = 40

TELL = """
import os, sys
where = [os.path.abspath(path) for path in sys.path]
print(sys.argv, __name__, where, os.getcwd(), sorted(os.environ))
print(sys.warnoptions, sys.stdout.encoding)
print(sys.dont_write_bytecode, sys.pycache_prefix)
print(repr(sys.stdin.read()), file=sys.stderr)
sys.exit(7)
"""
PROGRAMS = {
    "code": ["-W", "error", "-c", TELL, "a", "b"],
    "module": ["-m", "telling", "a", "b"],
    "file": ["telling.py", "a", "b"],
    "an error": ["-c", "1 / 0"],
    "words at the end": ["-c", "import atexit; atexit.register(print, 'bye')"],
    "a thread": ["-c", "import threading as t; t.Timer(0.1, print, ['late']).start()"],
}

pytestmark = pytest.mark.once


@pytest.fixture
def surroundings(tmp_path):
    """Return where programs run, and with which environment."""
    (tmp_path / "telling.py").write_text(TELL)
    path = os.pathsep.join([str(tmp_path), "/nowhere"])
    known = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "LC_ALL": "C.UTF-8"}
    known |= {"PYTHONIOENCODING": "iso8859-1", "PYTHONPYCACHEPREFIX": str(tmp_path)}
    return {"cwd": tmp_path, "env": known}


def outcome(done):
    """Return exit code, output, and the last line of the errors."""
    return done.returncode, done.stdout, done.stderr.splitlines()[-1:]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_forked_program_finds_what_an_executed_one_finds(name, surroundings):
    given = {"capture_output": True, "text": True, "input": "typed"}
    given = {**given, **surroundings, "timeout": PATIENCE}

    forked = forking.run(PROGRAMS[name], **given)

    command = [sys.executable, *PROGRAMS[name]]
    executed = subprocess.run(command, check=False, **given)
    assert outcome(forked) == outcome(executed)


def test_a_signal_ends_a_forked_program_as_its_parent_is_told():
    process = forking.Popen(
        ["-c", "print(1, flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )

    with process:
        assert process.stdout.readline() == b"1\n"
        assert os.getsid(process.pid) == process.pid
        process.send_signal(signal.SIGKILL)
        code = process.wait(PATIENCE)

    assert code == -signal.SIGKILL
