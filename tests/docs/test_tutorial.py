"""The tutorial, done as it says: a new project, a killed worker, a recovery."""

import os
import re
import signal
import time
from pathlib import Path

import pytest

from tests import forking
from tests.docs.pages import blocks

PAGE = "tutorial/first-workflow.md"
REPOSITORY = Path(__file__).resolve().parent.parent.parent
PATIENCE = 30

# The reader's patience is longer than that of a test.
SHORTER = {
    "time.sleep(10)": "time.sleep(1.5)",
    '{"HEARTBEAT": 1, "LEASE": 5}': '{"HEARTBEAT": 0.3, "LEASE": 1}',
}
# Done by hand: there is a virtual environment, and workers run beside the rest.
LEFT_OUT = re.compile(r"python3 -m venv|source|pip install|.* run_workflows$")

# Runs the lines of a shell session and compares what they show.
SESSION = """
import doctest, sys
session = doctest.DocTestParser().get_doctest(
    sys.stdin.read(), {}, "tutorial", "first-workflow.md", 0)
sys.exit(bool(doctest.DocTestRunner().run(session).failed))
"""


class Project:
    """The reader's directory, and the commands that are given in it."""

    def __init__(self, directory):
        self.directory = directory
        self.workers = []
        path = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
        unwanted = ("DJANGO_SETTINGS_MODULE", "DATABASE_URL")
        self.environment = {
            **{key: text for key, text in os.environ.items() if key not in unwanted},
            "PYTHONPATH": os.pathsep.join(path),
        }

    def command(self, line):
        """Give a command as the page has it."""
        program, *arguments = line.split()
        if program == "django-admin":
            arguments = ["-m", "django", *arguments]
        self._run(arguments)

    def write(self, block):
        """Write a file, or add to one that django-admin has made."""
        name, _, where = block.caption.partition(" ")
        code = block.code
        for long, short in SHORTER.items():
            code = code.replace(long, short)
        path = self.directory / name
        path.write_text((path.read_text() if where else "") + code)

    def session(self, code):
        """Type lines into the shell; what they show must be what the page says."""
        self._run(["manage.py", "shell", "--no-imports", "-c", SESSION], code)

    def start_worker(self):
        log = self.directory / f"worker_{len(self.workers)}.log"
        with log.open("w") as output:
            worker = forking.Popen(
                ["manage.py", "run_workflows"],
                cwd=self.directory,
                env=self.environment,
                stderr=output,
            )
        self.workers.append(worker)
        return worker, log

    def stop(self):
        for worker in self.workers:
            worker.kill()
            worker.wait(timeout=PATIENCE)

    def _run(self, arguments, typed=""):
        done = forking.run(
            arguments,
            cwd=self.directory,
            env=self.environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"


def wait_for(text, log):
    give_up_at = time.monotonic() + PATIENCE
    while text not in log.read_text():
        assert time.monotonic() < give_up_at, f"{text!r} is not in {log.read_text()!r}"
        time.sleep(0.02)


def follow_until_the_worker(project):
    """Do what the page says before its first worker; return the later sessions."""
    todo = blocks(PAGE)
    for number, block in enumerate(todo):
        if block.language == "python":
            project.write(block)
        elif block.language == "pycon":
            return [each.code for each in todo[number:] if each.language == "pycon"]
        else:
            for line in block.code.splitlines():
                command = line.removeprefix("$ ")
                if not LEFT_OUT.match(command):
                    project.command(command)
    raise AssertionError("The page has no shell session")


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """Everything that the page says, done once; the logs of both workers."""
    project = Project(tmp_path_factory.mktemp("tutorial"))
    try:
        starting, starting_again, ending = follow_until_the_worker(project)
        project.session(starting + starting_again)
        first, first_log = project.start_worker()
        wait_for("Charging", first_log)
        first.send_signal(signal.SIGQUIT)
        first.wait(timeout=PATIENCE)
        second, second_log = project.start_worker()
        wait_for("completed", second_log)
        lookup = "from shop.models import Order; order = Order.objects.get()"
        project.session(f">>> {lookup}\n{ending}")
        second.send_signal(signal.SIGINT)
        assert second.wait(timeout=PATIENCE) == 0
        for command in lookups():
            project.command(command)
        yield first_log.read_text(), second_log.read_text()
    finally:
        project.stop()


def lookups():
    """Return the commands by which the page looks at what has become of it."""
    commands = (each.code for each in blocks(PAGE, "console"))
    return re.findall(r"^\$ (.* workflows .*)$", "".join(commands), re.MULTILINE)


def sentences(log):
    """Return the lines of a log without times and random ids."""
    lines = (line.partition(",")[2][4:] for line in log.splitlines())
    return {re.sub(r"Worker \S+", "Worker", line) for line in lines}


@pytest.mark.once
def test_the_workflow_of_the_tutorial_survives_its_worker(story):
    _, second_log = story

    assert "recovered from a lost worker" in second_log
    assert "Workflow order-1 completed" in second_log


@pytest.mark.once
def test_the_tutorial_looks_at_what_it_has_done():
    """Doing all that it says has worked already."""
    assert [command.split()[-2:] for command in lookups()] == [
        ["show", "order-1"],
        ["steps", "order-1"],
    ]


@pytest.mark.once
def test_the_recorded_step_of_the_tutorial_is_not_repeated(story):
    first_log, second_log = story

    assert "Reserving" in first_log
    assert "Reserving" not in second_log


@pytest.mark.once
def test_the_tutorial_shows_the_log_that_workers_write(story):
    shown = "".join(block.code for block in blocks(PAGE, "text"))

    written = sentences("".join(story))

    assert len(sentences(shown)) == 8
    assert sentences(shown) - written == set()
