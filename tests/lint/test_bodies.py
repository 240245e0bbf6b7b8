"""What belongs to a body is looked at: each line to be found ends with ``# here``."""

import ast
from pathlib import Path

import pytest

from django_durable import lint
from django_durable.definitions import registry
from tests.lint.conftest import marked

BODIES = {
    "a def": """
        import time
        import django_durable as durable

        @durable.workflow(name="a name", queue_name="slow")
        def checkout(moment=time.time()) -> time.struct_time:
            later: list[time.time()] = moment
            time.sleep(1)  # here
        """,
    "an async def": """
        import time
        import django_durable as durable

        @durable.workflow
        async def checkout():
            time.sleep(1)  # here
            await durable.asleep(time.time())  # here
        """,
    "static and class methods": """
        import time
        import django_durable as durable

        class Shop:
            @staticmethod
            @durable.workflow
            def pay():
                time.sleep(1)  # here

            @durable.workflow
            @classmethod
            def refund(cls):
                time.sleep(1)  # here
        """,
    "a lambda": """
        import time
        import django_durable as durable

        checkout = durable.workflow("a lambda")(
            lambda: time.sleep(1),  # here
        )
        """,
    "two lambdas on a line, which cannot be told apart": """
        import time
        import django_durable as durable

        both = lambda: time.sleep(1), lambda: 1
        durable.workflow("one")(both[0])
        """,
    "a function under another decorator": """
        import functools, time
        import django_durable as durable

        def traced(function):
            @functools.wraps(function)
            def traced_function(*args):
                return function(*args)
            return traced_function

        @durable.workflow
        @traced
        def checkout():
            time.sleep(1)  # here
        """,
    "a partial": """
        import functools, time
        import django_durable as durable

        def checkout(seconds):
            time.sleep(seconds)  # here

        durable.workflow("a partial")(functools.partial(checkout, 1))
        """,
    "a nested definition": """
        import time
        import django_durable as durable

        def make():
            if True:
                @durable.workflow
                @durable.register_type if False else lambda function: function
                def checkout():
                    time.sleep(1)  # here
                    class Inner:
                        started_at = time.time()  # here

        make()
        """,
    "nested functions, lambdas and comprehensions": """
        import time, uuid
        import django_durable as durable

        @durable.workflow
        def checkout(names, key=None):
            def wait(seconds=time.time()):  # here
                time.sleep(seconds)  # here

            async def wait_longer():
                time.sleep(2)  # here

            names.sort(key=lambda name: uuid.uuid4())  # here
            names.sort(key=lambda name, now=time.time(): now)  # here
            return {name: uuid.uuid4() for name in names if name}  # here
        """,
    "all parts of statements": """
        import time
        import django_durable as durable

        @durable.workflow
        def checkout(names):
            names[time.time()] = f"{time.time():{time.time()}}"  # here
            if time.time():  # here
                pass
            while time.time() > 1:  # here
                break
            for name in [time.time()]:  # here
                raise ValueError(time.time())  # here
            with open("a") as file:  # here
                return [*file, *(1 for i in [1] if time.time())]  # here
        """,
}
STEPS = {
    "a step within the body": """
        import time
        import django_durable as durable

        @durable.workflow
        def checkout():
            @durable.step
            def wait():
                time.sleep(1)

            @durable.transaction("named")
            def write():
                time.sleep(1)

            @durable.step(max_attempts=int(time.time()))  # here
            def wait_again():
                time.sleep(1)

            wait(), write(), wait_again()
        """,
    "a function that is given to run_step": """
        import functools, time
        import django_durable as durable
        from django_durable import run_step as record

        @durable.workflow
        def checkout():
            def wait():
                time.sleep(1)
            def wait_longer(seconds):
                time.sleep(seconds)
            def wait_here():
                def wait_inside():
                    time.sleep(1)
                durable.run_step(wait_inside)
                time.sleep(1)  # here
            record(wait)
            durable.run_step(functools.partial(wait_longer, 2), step_name="wait")
            durable.run_step(lambda: time.sleep(1))
            durable.run_step(print, time.time())  # here
            wait_here()
        """,
    "other workflows and steps": """
        import time
        import django_durable as durable

        @durable.step
        def wait():
            time.sleep(1)

        @durable.workflow
        def child():
            wait()

        @durable.workflow
        def checkout():
            wait(), wait.bind(), child(), child.start()
        """,
    "functions that no workflow calls": """
        import time
        import django_durable as durable

        def wait():
            time.sleep(1)

        @durable.workflow
        def checkout():
            return wait
        """,
}


@pytest.mark.parametrize("source", BODIES.values(), ids=BODIES)
def test_a_body_is_looked_at_as_a_whole(lines, source):
    assert sorted(set(lines(source))) == marked(source)


@pytest.mark.parametrize("source", STEPS.values(), ids=STEPS)
def test_what_runs_as_a_step_may_do_anything(lines, source):
    assert lines(source) == marked(source)


HELPERS = """
    import time, uuid
    import django_durable as durable

    class Shop:
        @staticmethod
        def key():
            return uuid.uuid4()  # here

    @durable.workflow
    def checkout():
        return deadline(), Shop.key()

    @durable.workflow
    def refund():
        return deadline()

    def deadline():
        return in_seconds(5)

    def in_seconds(seconds):
        if seconds < 0:
            return deadline()
        return time.time() + seconds  # here
    """


def test_helpers_of_the_same_file_belong_to_the_body(found):
    first, second = (finding.message for finding in found(HELPERS, name="shop"))

    assert "shop.py:24 (checkout → deadline → in_seconds): time.time()" in first
    assert "shop.py:8 (checkout → key): uuid.uuid4()" in second


def test_helpers_of_other_files_do_not(load, lines):
    load("import time\n\ndef wait():\n    time.sleep(1)", name="elsewhere")
    source = """
        from elsewhere import wait
        import django_durable as durable

        @durable.workflow
        def checkout():
            wait()
        """

    assert lines(source) == []


def test_what_several_workflows_share_is_found_once(load, found):
    load(HELPERS, name="other")

    places = [finding.message.split(" ")[0] for finding in found(HELPERS, name="shop")]

    assert places == ["other.py:24", "other.py:8", "shop.py:24", "shop.py:8"]


@pytest.mark.parametrize("ending", ["", "def"])
def test_each_file_is_read_once(load, monkeypatch, ending):
    texts = []
    parse = ast.parse
    path = Path(load(HELPERS).__file__)
    path.write_text(path.read_text() + ending)

    with monkeypatch.context() as patch:
        patch.setattr(ast, "parse", lambda text: texts.append(text) or parse(text))
        lint.findings(registry.all_definitions())

    assert len(texts) == 1


def test_the_way_out_is_that_of_the_function_it_is_for(found):
    source = """
        import time
        import django_durable as durable

        @durable.workflow
        async def checkout():
            def wait():
                time.sleep(1)
            time.sleep(1)
            wait_longer()

        def wait_longer():
            time.sleep(1)
        """

    hints = [finding.hint.partition(";")[0] for finding in found(source)]

    assert hints == [
        "Use durable.sleep()",
        "Use `await durable.asleep()`",
        "Use durable.sleep()",
    ]


def test_a_function_under_a_decorator_from_elsewhere_is_looked_at(load, lines):
    load(
        """
        import functools

        def traced(function):
            return functools.wraps(function)(lambda *args: function(*args))
        """,
        name="tracing",
    )
    source = """
        import time
        from tracing import traced
        import django_durable as durable

        @durable.workflow
        @traced
        def checkout():
            time.sleep(1)  # here
        """

    assert lines(source) == marked(source)
