"""Names are looked up as Python does it; each line to be found ends with ``# here``."""

import sys
import types

import pytest
from django.utils.functional import SimpleLazyObject

from django_durable import lint
from django_durable.definitions import registry
from tests.lint.conftest import marked

OWN_NAMES = {
    "an argument": """
        import time
        import django_durable as durable

        @durable.workflow
        def checkout(time):
            return time.sleep(1)
        """,
    "a variable": """
        import random
        import django_durable as durable

        @durable.workflow
        def checkout(names):
            random = names.pop()
            return random.choice()
        """,
    "a name of a loop, of with, of except": """
        import os, random, time
        import django_durable as durable

        @durable.workflow
        def checkout(names):
            for time in names:
                time.time()
            with names as random:
                random.random()
            try:
                pass
            except ValueError as os:
                os.getenv("a")
        """,
    "a name of a comprehension": """
        import random
        import django_durable as durable

        @durable.workflow
        def checkout(names):
            [random.random() for random in names]
            [random for random in [random.random()]]  # here
            return random.random()  # here
        """,
    "a name of a pattern": """
        import random, time, uuid
        import django_durable as durable

        @durable.workflow
        def checkout(names):
            match names:
                case [random, *time]:
                    random.random(), time.time()
                case {"a": 1, **uuid}:
                    uuid.uuid4()
        """,
    "a function of one's own": """
        import django_durable as durable

        def random(): ...
        def open(name): ...

        class time:
            sleep = len

        @durable.workflow
        def checkout():
            random(), open("a"), time.sleep("a")
        """,
    "a name of a nested function": """
        import time
        import django_durable as durable

        @durable.workflow
        def checkout(names):
            def wait(time):
                time.sleep(1)
                def wait_again():
                    time.sleep(1)
            wait(names)
            time.sleep(1)  # here
        """,
    "a step that is named like a function": """
        import django_durable as durable

        @durable.step
        def open(name): ...

        @durable.transaction
        def save(): ...

        class Shop:
            save = save

        @durable.workflow
        def checkout(name):
            open(name), save(), Shop.save(), Shop().save()
            shop = Shop()
            shop.save()
        """,
}
OTHER_NAMES = {
    "a variable that is bound once": """
        import random, time
        import django_durable as durable

        @durable.workflow
        def checkout():
            clock = time
            draw = random.random
            clock.time()  # here
            (other := draw)()  # here
        """,
    "a variable that is bound where its value is not hidden": """
        import time
        import django_durable as durable

        @durable.workflow
        def checkout(names):
            clock = time
            some = set(names)
            def wait(time, set):
                clock.sleep(1)  # here
                time.sleep(1)
                for name in some:  # here
                    durable.sleep(1)
            return [clock.time() for time in names]  # here
        """,
    "a variable that is bound twice, of which nothing is known": """
        import time
        import django_durable as durable

        @durable.workflow
        def checkout(clock):
            clock = time
            clock.time()
        """,
    "a variable that an inner function binds again": """
        import time
        import django_durable as durable

        @durable.workflow
        def checkout(others):
            clock = time
            def change():
                nonlocal clock
                clock = others
            change()
            clock.time()
        """,
    "variables that are bound to each other": """
        import django_durable as durable

        @durable.workflow
        def checkout(number):
            if number:
                a = b
            else:
                b = a
            a.read_text()  # here
        """,
    "an import within the body": """
        import django_durable as durable

        @durable.workflow
        def checkout():
            import random as r
            import os.path
            from uuid import uuid4, uuid5
            from a_package_that_is_not_imported import thing
            r.random()  # here
            os.getenv("a")  # here
            uuid4()  # here
            uuid5(thing, "a")
        """,
    "a global": """
        import time
        import django_durable as durable

        clock = time

        @durable.workflow
        def checkout():
            global clock
            clock.time()  # here
            clock = None
        """,
    "a method of an object of the module": """
        from pathlib import Path
        import django_durable as durable

        ROOT = Path("/")
        PRICES = {"book": 1}

        @durable.workflow
        def checkout():
            ROOT.read_text()  # here
            return PRICES.get("book")
        """,
    "a class that derives from a known one": """
        import datetime
        import django_durable as durable

        class Moment(datetime.datetime):
            def today(self): ...

        @durable.workflow
        def checkout():
            Moment.now()  # here
            Moment.today()
        """,
}


@pytest.mark.parametrize("source", OWN_NAMES.values(), ids=OWN_NAMES)
def test_ones_own_names_hide_known_ones(lines, source):
    assert lines(source) == marked(source)


@pytest.mark.parametrize("source", OTHER_NAMES.values(), ids=OTHER_NAMES)
def test_known_names_are_recognised_under_others(lines, source):
    assert lines(source) == marked(source)


def test_names_of_a_closure_are_looked_up_there(lines):
    source = """
        import time
        import django_durable as durable

        def make(sleep, clock):
            @durable.workflow("closure")
            def checkout():
                sleep(1)  # here
                clock.time()
                time.time()
            time = None
            del time
            return checkout

        make(time.sleep, object())
        """

    assert lines(source) == marked(source)


def test_a_known_function_is_recognised_through_ones_own_modules(load, lines):
    load("from datetime import datetime\nfrom time import sleep as nap", name="compat")
    source = """
        import compat
        from compat import nap
        import django_durable as durable

        @durable.workflow
        def checkout():
            compat.datetime.now()  # here
            compat.nap(1)  # here
            nap(1)  # here
        """

    assert lines(source) == marked(source)


def test_relative_imports_within_a_body_are_followed(lines, monkeypatch):
    package = types.ModuleType("store")
    package.clock = types.ModuleType("store.clock")
    package.clock.now = sys.modules["time"].time
    monkeypatch.setitem(sys.modules, "store", package)
    monkeypatch.setitem(sys.modules, "store.clock", package.clock)
    source = """
        import django_durable as durable

        @durable.workflow
        def checkout():
            from . import clock
            from .clock import now
            from ...... import beyond
            clock.now()  # here
            now()  # here
            beyond.now()
        """

    assert lines(source, name="store.workflows") == marked(source)


def test_looking_up_names_runs_no_code_of_the_project(load):
    module = load(
        """
        run = []

        def __getattr__(name):
            run.append(name)
            raise AttributeError(name)

        class Settings:
            @property
            def debug(self):
                run.append("debug")
            def __getattr__(self, name):
                run.append(name)
            def __eq__(self, other):
                run.append("==")
            def __hash__(self):
                run.append("hash")
            def __bool__(self):
                run.append("bool")
        """,
        name="surprising",
    )
    run = module.run
    module.user = SimpleLazyObject(lambda: run.append("evaluated"))
    load(
        """
        import time
        import surprising
        from surprising import Settings, user
        import django_durable as durable

        settings = Settings()

        @durable.workflow
        def checkout():
            surprising.nothing.at_all()
            settings.debug.other()
            settings.anything()
            user.save()
            time.sleep(1)
        """
    )
    run.clear()

    found = lint.findings(registry.all_definitions())

    assert len(found) == 2
    assert run == []
