"""What a process that is no project is told when its database cannot serve."""

import sqlite3

import pytest
from django.db import connection

from tests.client.conftest import client_url
from tests.journeys.processes import ROOT

pytestmark = pytest.mark.django_db(transaction=True)

TRY = """
try:
    durable.DurableClient(os.environ.get("OTHER_URL", URL))
except Exception as error:
    shown = [repr(error)]
    while error := error.__cause__ or error.__context__:
        shown.append(repr(error))
    tell(*shown)
"""


def test_a_database_without_the_tables_names_the_way_out(client, tmp_path):
    url = unmigrated(tmp_path)

    [[shown]] = client.run(TRY, OTHER_URL=url)

    assert shown.startswith("ImproperlyConfigured")
    assert "django_durable_workflow" in shown
    assert "manage.py migrate" in shown


def test_async_code_hears_of_a_database_without_tables_at_its_first_call(
    client, tmp_path
):
    [[shown]] = client.run(
        """
        import asyncio

        async def main():
            client = durable.DurableClient(os.environ["OTHER_URL"])
            try:
                await client.aretrieve_workflow("a")
            except Exception as error:
                tell(repr(error))
            await client.aclose()

        asyncio.run(main())
        """,
        OTHER_URL=unmigrated(tmp_path),
    )

    assert shown.startswith("ImproperlyConfigured")
    assert "manage.py migrate" in shown


def test_a_second_database_in_one_process_is_refused(client, tmp_path):
    told = client.run(
        """
        first = durable.DurableClient(URL)
        """
        + TRY.replace("\n", "\n        ")
        + """
        durable.DurableClient(URL)
        first.close()
        """,
        OTHER_URL="postgresql://shop:s3cret@elsewhere:6543/other",
    )

    [[shown]] = told
    assert "other at elsewhere:6543" in shown
    assert "another process" in shown
    assert "s3cret" not in shown


@pytest.mark.once
def test_settings_are_those_of_the_first_client(client):
    [[shown], [again]] = client.run(
        """
        first = durable.DurableClient(URL, settings={"APP_VERSION": "1"})
        try:
            durable.DurableClient(URL, settings={"APP_VERSION": "2"})
        except Exception as error:
            tell(repr(error))
        tell(repr(durable.DurableClient(URL, settings={"APP_VERSION": "1"})))
        first.close()
        """
    )

    assert "APP_VERSION" in shown
    assert again.startswith("<DurableClient ")


@pytest.mark.once
@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ({"APP_VERSIN": "1"}, "APP_VERSION"),
        ({"LEASE": "soon"}, "LEASE"),
        ({"DATABASE": "default"}, "leave it out"),
    ],
)
def test_settings_that_do_not_exist_are_refused(client, given, advice):
    [[shown]] = client.run(
        f"""
        try:
            durable.DurableClient(URL, settings={given!r})
        except Exception as error:
            tell(repr(error))
        """
    )

    assert shown.startswith("ImproperlyConfigured")
    assert advice in shown


@pytest.mark.once
@pytest.mark.parametrize(
    ("module", "package"), [("environ", "django-environ"), ("psycopg", "psycopg")]
)
def test_a_missing_package_is_named_with_the_extra(client, module, package):
    [[shown]] = client.run(
        f"""
        import importlib.util
        known = importlib.util.find_spec
        sys.modules[{module!r}] = None
        importlib.util.find_spec = lambda name: (
            None if name.startswith("psycopg") else known(name)
        )
        """
        + TRY.replace("\n", "\n        "),
        OTHER_URL="postgresql://shop:s3cret@elsewhere/other",
    )

    assert shown.startswith("ImportError")
    assert package in shown
    assert "django-durable-workflows[client]" in shown


def test_a_server_that_does_not_answer_is_an_operational_error(client, server):
    shown = client.run(TRY, OTHER_URL="postgresql://shop:s3cret@127.0.0.1:9/shop")

    assert shown[0][0].startswith("OperationalError")
    assert "s3cret" not in str(shown)


@pytest.mark.once
def test_a_process_with_settings_of_its_own_keeps_them(client, tmp_path):
    (tmp_path / "settings_of_a_project.py").write_text(
        "from tests.settings import *\nDURABLE = {'APP_VERSION': '9'}\n"
    )
    told = client.run(
        """
        from django.conf import settings

        client = durable.DurableClient(URL)
        client.using(workflow_id="a").start_workflow("shop.double", 1)
        tell(settings.ROOT_URLCONF, client.retrieve_workflow("a").get_status())
        """
        + TRY.replace("\n", "\n        ")
        + """
        from django.db import connections

        client.close()
        tell(connections["default"].connection is None)
        connections.close_all()
        """,
        DJANGO_SETTINGS_MODULE="settings_of_a_project",
        DATABASE_URL=client_url(),
        OTHER_URL="postgresql://shop:s3cret@elsewhere:6543/other",
        PYTHONPATH=f"{ROOT}:{tmp_path}",
    )

    assert told[0] == ["example_project.urls", "ENQUEUED"]
    assert "elsewhere" in told[1][0]
    assert told[2] == [False]  # What a project has opened is left to it.


@pytest.mark.once
def test_a_project_without_the_app_is_told_to_install_it(client):
    [[shown]] = client.run(
        """
        from django.conf import settings

        settings.configure()
        """
        + TRY.replace("\n", "\n        ")
    )

    assert "INSTALLED_APPS" in shown


def unmigrated(directory):
    """Return the URL of a database that has no tables."""
    if connection.vendor == "postgresql":
        name = connection.settings_dict["NAME"]
        return client_url().replace(f"/{name}?", "/postgres?")
    path = directory / "empty.sqlite3"
    sqlite3.connect(path).close()
    path.touch()
    return f"sqlite:///{path}"
