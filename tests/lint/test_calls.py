"""What differs at a replay is found, with the way out; what does not is left alone."""

import sys
import textwrap

import pytest

NOW, STEP, SLEEP = "durable.now()", "@durable.step", "durable.sleep()"
RANDOM, UUID = "durable.random()", "durable.uuid4()"
FOUND = [
    # The time.
    ("import time", "time.time()", "time.time()", NOW),
    ("import time as t", "t.time()", "t.time() (time.time)", NOW),
    ("import time", "time.monotonic()", "time.monotonic()", NOW),
    ("from time import perf_counter", "perf_counter()", "perf_counter()", NOW),
    ("import time", "time.localtime()", "time.localtime()", NOW),
    ("import time", "time.strftime('%H')", "time.strftime()", NOW),
    ("import datetime", "datetime.datetime.now()", "datetime.datetime.now()", NOW),
    ("from datetime import datetime", "datetime.now(None)", "datetime.now()", NOW),
    ("from datetime import datetime", "datetime.utcnow()", "datetime.utcnow()", NOW),
    ("from datetime import datetime", "datetime.today()", "datetime.today()", NOW),
    ("from datetime import date as d", "d.today()", "d.today() (datetime.date", NOW),
    ("from django.utils import timezone", "timezone.now()", "timezone.now()", NOW),
    ("from django.utils import timezone as tz", "tz.localdate()", "tz.localdate", NOW),
    # Chance.
    ("import random", "random.randint(1, 6)", "random.randint()", RANDOM),
    ("import random as r", "r.shuffle([])", "r.shuffle() (random.shuffle)", RANDOM),
    ("from random import random", "random()", "random()", RANDOM),
    (
        "from random import choice as pick",
        "pick([1])",
        "pick() (random.choice)",
        RANDOM,
    ),
    ("import random", "random.Random()", "random.Random()", RANDOM),
    ("import random", "random.SystemRandom().random()", "random.SystemRandom", RANDOM),
    ("import uuid", "str(uuid.uuid4())", "uuid.uuid4()", UUID),
    ("from uuid import uuid4 as make_id", "make_id()", "make_id() (uuid.uuid4)", UUID),
    ("import uuid", "uuid.uuid1().hex", "uuid.uuid1()", UUID),
    ("import secrets", "secrets.token_hex()", "secrets.token_hex()", STEP),
    ("import os", "os.urandom(8)", "os.urandom()", STEP),
    ("", "hash('a')", "hash()", "hashlib"),
    # Waiting.
    ("import time", "time.sleep(1)", "time.sleep()", SLEEP),
    ("from time import sleep as nap", "nap(1)", "nap() (time.sleep)", SLEEP),
    # The surroundings.
    ("import os", "os.environ['HOME']", "os.environ", "argument"),
    ("import os", "os.environ.get('HOME')", "os.environ", "argument"),
    ("from os import environ", "'HOME' in environ", "environ", "argument"),
    ("import os", "os.getenv('HOME')", "os.getenv()", "argument"),
    # Files, processes, the network.
    ("", "open('a').read()", "open()", STEP),
    ("import os", "os.remove('a')", "os.remove()", STEP),
    ("import os", "os.path.exists('a')", "os.path.exists()", STEP),
    ("from os.path import isfile", "isfile('a')", "isfile()", STEP),
    ("from pathlib import Path", "Path('a').read_text()", "Path(…).read_text()", STEP),
    ("import pathlib", "pathlib.Path.home()", "pathlib.Path.home()", STEP),
    ("import subprocess", "subprocess.run([])", "subprocess.run()", STEP),
    ("import socket", "socket.socket()", "socket.socket()", STEP),
    ("import smtplib", "smtplib.SMTP()", "smtplib.SMTP()", STEP),
    ("import urllib.request", "urllib.request.urlopen('')", "urlopen()", STEP),
    ("from urllib.request import urlopen", "urlopen('').read()", "urlopen()", STEP),
    ("from django.core.mail import send_mail", "send_mail()", "send_mail()", STEP),
    ("from django.core.cache import cache", "cache.get('a')", "cache", STEP),
    ("import threading", "threading.Thread().start()", "threading.Thread()", "gather"),
]
NOT_FOUND = [
    ("import random", "random.Random(arguments[0]).random()"),
    ("import random", "random.Random(x=arguments[0]).random()"),
    ("import time", "time.localtime(arguments[0])"),
    ("import time", "time.strftime('%H', arguments)"),
    ("from datetime import datetime", "datetime.fromtimestamp(1)"),
    ("from datetime import datetime", "datetime(2026, 1, 1)"),
    ("from django.utils import timezone", "timezone.localtime(arguments[0])"),
    ("import uuid", "uuid.uuid5(uuid.NAMESPACE_URL, 'a')"),
    ("import secrets", "secrets.compare_digest('a', 'b')"),
    ("import os", "os.path.join('a', 'b')"),
    ("from pathlib import Path", "Path('a').with_suffix('.txt').name"),
    ("import subprocess", "isinstance(1, subprocess.CalledProcessError)"),
    ("import threading", "threading.current_thread()"),
    ("import logging", "logging.getLogger('a').info('b')"),
    ("", "durable.now(), durable.uuid4(), durable.random(), durable.sleep(1)"),
    ("", "print(sorted(arguments), sum(arguments))"),
    # A function that is only named is not called.
    ("import uuid", "durable.run_step(uuid.uuid4)"),
    ("import os", "durable.run_step(os.environ.get, 'HOME')"),
    ("import os", "durable.run_step(lambda: os.environ['HOME'])"),
    ("from urllib.request import urlopen", "durable.run_step(urlopen, 'a')"),
    ("import random", "durable.step(max_attempts=2)(lambda: random.random())()"),
]


def workflow(imports, expression, kind="def"):
    return f"""
{imports}
import django_durable as durable


@durable.workflow
{kind} checkout(*arguments):
    return {expression}
"""


@pytest.mark.parametrize(("imports", "expression", "named", "way_out"), FOUND)
def test_what_differs_at_a_replay_is_found(found, imports, expression, named, way_out):
    (finding,) = found(workflow(imports, expression), name="shop")

    assert finding.workflow == "shop.checkout"
    assert finding.message.startswith("shop.py:8: ")
    assert named in finding.message
    assert way_out in finding.hint
    assert "# durable: ignore" in finding.hint


@pytest.mark.parametrize(("imports", "expression"), NOT_FOUND)
def test_what_is_the_same_at_each_replay_is_left_alone(found, imports, expression):
    assert found(workflow(imports, expression)) == []


@pytest.mark.parametrize("package", ["requests", "httpx"])
def test_clients_that_are_not_installed_here_are_known(found, load, package):
    client = "Session" if package == "requests" else "Client"
    load(
        f"""
        def get(url): ...
        class Base:
            def get(self, url): ...
        class {client}(Base): ...
        """,
        name=package,
    )

    source = f"""
        import {package}
        import django_durable as durable

        client = {package}.{client}()

        @durable.workflow
        def checkout(url):
            {package}.get(url)
            client.get(url)
            for name in {package}.__all__:
                print(name)
        """

    assert [finding.message for finding in found(source, name="shop")] == [
        f"shop.py:9: {package}.get() happens again at each replay, unrecorded.",
        f"shop.py:10: client.get() ({package}.{client}.get) happens again at each"
        " replay, unrecorded.",
    ]


@pytest.mark.parametrize(
    ("expression", "way_out"),
    [
        ("uuid.uuid4()", "await durable.auuid4()"),
        ("time.time()", "await durable.anow()"),
        ("time.sleep(1)", "await durable.asleep()"),
        ("await asyncio.sleep(1)", "await durable.asleep()"),
        ("random.random()", "await durable.arandom()"),
        ("asyncio.as_completed([])", "asyncio.gather()"),
        ("await asyncio.to_thread(time.sleep, 1)", "await durable.asleep()"),
        ("asyncio.get_running_loop().run_in_executor(None, print)", "to_thread()"),
        ("await sync_to_async(open)('a')", STEP),
    ],
)
def test_async_workflows_are_told_the_async_way_out(found, expression, way_out):
    imports = (
        "import asyncio, random, time, uuid\nfrom asgiref.sync import sync_to_async"
    )

    (finding,) = found(workflow(imports, expression, "async def"))

    assert way_out in finding.hint


@pytest.mark.parametrize(
    "expression",
    [
        "await asyncio.sleep(0)",
        "await asyncio.gather(durable.asleep(1))",
        "await asyncio.wait_for(durable.asleep(1), 5)",
        "await asyncio.to_thread(durable.run_step, print)",
    ],
)
def test_what_asyncio_does_with_durable_calls_is_left_alone(found, expression):
    assert found(workflow("import asyncio", expression, "async def")) == []


LOOPS = {
    "for name in set(names):\n        pay(name)": True,
    "for name in {'a', 'b'}:\n        durable.start_workflow(name)": True,
    "some = frozenset(names)\n    for name in some:\n        durable.sleep(1)": True,
    "return [pay(name) for name in set(names)]": True,
    "return durable.gather(*(pay.bind(name) for name in {*names}))": True,
    "for name in sorted(set(names)):\n        pay(name)": False,
    "for name in names:\n        pay(name)": False,
    "for name in set(names):\n        print(name)": False,
    "return sum(len(name) for name in set(names))": False,
}


@pytest.mark.parametrize(("loop", "is_found"), LOOPS.items())
def test_a_loop_over_a_set_is_found_when_it_makes_durable_calls(found, loop, is_found):
    messages = [
        finding.message
        for finding in found(
            "import django_durable as durable\n\n"
            "@durable.step\ndef pay(name): ...\n\n"
            f"@durable.workflow\ndef checkout(names):\n    {loop}\n"
        )
    ]

    assert len(messages) == is_found
    assert all("Looping over a set" in message for message in messages)


def test_names_of_other_versions_of_python_do_no_harm(found):
    source = workflow("import uuid", "uuid.uuid7()")

    (finding,) = found(source)

    assert "uuid.uuid7()" in finding.message
    assert hasattr(sys.modules["uuid"], "uuid7") == (sys.version_info >= (3, 14))


def test_a_chain_of_calls_is_found_once(found):
    (finding,) = found(
        textwrap.dedent(
            """
            import urllib.request
            import django_durable as durable

            @durable.workflow
            def checkout(url):
                return (
                    urllib.request
                    .urlopen(url)
                    .read()
                    .decode()
                )
            """
        )
    )

    assert ":8: urllib.request.urlopen() happens again" in finding.message
