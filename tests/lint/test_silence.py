"""A comment silences a line; the lines found nevertheless end with ``# here``."""

import pytest

from tests.lint.conftest import marked

SOURCES = {
    "at the end of the line": """
        @durable.workflow
        def checkout():
            time.sleep(1)  # durable: ignore
            time.sleep(1)  # durable: ignore, it is short
            time.sleep(1)  # noqa: S101  # durable:ignore
            time.sleep(1)  # here
        """,
    "with other words": """
        @durable.workflow
        def checkout():
            time.sleep(1)  # durable: ignored  # here
            time.sleep(1)  # here, ignore
            time.sleep("# durable: ignore")  # here
        """,
    "on a line of its own": """
        @durable.workflow
        def checkout():
            # durable: ignore
            time.sleep(1)  # here
            # durable: ignore
        """,
    "on the first or the last line of a call": """
        @durable.workflow
        def checkout():
            print(
                time.strftime(  # durable: ignore
                    "%H"
                ),
                time.strftime(
                    "%H"
                ),  # durable: ignore
                time.strftime(  # here
                    "%H",  # durable: ignore
                ),
            )
        """,
    "at the end of a statement": """
        @durable.workflow
        def checkout():
            print(
                time.time(),
                time.time(),
            )  # durable: ignore
            print(time.time())  # here

            text = '''
            ''' + str(
                time.time()
            )  # durable: ignore
        """,
    "at the head of a block": """
        @durable.workflow
        def checkout():
            if time.time():  # durable: ignore
                time.sleep(1)  # here
            for name in range(
                int(time.time())
            ):  # durable: ignore
                time.sleep(1)  # here
        """,
    "where a helper is called": """
        @durable.workflow
        def checkout():
            wait()  # durable: ignore
            wait_longer()

        def wait():
            time.sleep(1)

        def wait_longer():
            time.sleep(1)  # durable: ignore
            time.sleep(2)  # here
        """,
    "where one of two calls a helper": """
        @durable.workflow
        def checkout():
            wait()  # durable: ignore

        @durable.workflow
        def refund():
            wait()

        def wait():
            time.sleep(1)  # here
        """,
    "where a set is looped over": """
        @durable.workflow
        def checkout(names):
            for name in set(names):  # durable: ignore
                durable.sleep(1)
        """,
}


@pytest.mark.parametrize("body", SOURCES.values(), ids=SOURCES)
def test_a_comment_silences_its_line(lines, body):
    source = f"import time\nimport django_durable as durable\n{dedented(body)}"

    assert lines(source) == marked(source)


def test_a_comment_does_not_change_the_version(load):
    source = """
        import time
        import django_durable as durable

        @durable.workflow("{}")
        def checkout():
            time.sleep(1){}
        """

    plain = load(source.format("plain", "")).checkout
    silent = load(source.format("silent", "  # durable: ignore")).checkout

    assert plain.version == silent.version


def dedented(body):
    return "\n".join(line.removeprefix(" " * 8) for line in body.splitlines())
