"""Queries are found: each line to be found ends with ``# here``."""

import pytest
from django.test.utils import isolate_apps

from tests.lint.conftest import marked

READ, WRITE, QUERY = "can find other rows", "happens again", "asks the database"
FOUND = [
    ("Entry.objects.create(key='a')", WRITE, "@durable.transaction"),
    ("Entry.objects.filter(key='a').update(note='')", WRITE, "@durable.transaction"),
    ("Entry.objects.filter(key='a').delete()", WRITE, "@durable.transaction"),
    ("Entry.objects.get_or_create(key='a')", WRITE, "@durable.transaction"),
    ("Entry.objects.bulk_create([])", WRITE, "@durable.transaction"),
    ("Entry(key='a').save()", WRITE, "@durable.transaction"),
    ("names.save(update_fields=['note'])", WRITE, "@durable.transaction"),
    ("names.delete()", WRITE, "@durable.transaction"),
    ("names.entries.update_or_create(key='a')", WRITE, "@durable.transaction"),
    ("type(names).objects.create()", WRITE, "@durable.transaction"),
    ("transaction.atomic()", WRITE, "@durable.transaction"),
    ("Entry.objects.get(key='a')", READ, "@durable.step"),
    ("Entry._default_manager.count()", READ, "@durable.step"),
    ("[entry.pk for entry in Entry.objects.all()]", READ, "@durable.step"),
    ("Entry.objects.filter(key='a').order_by('pk').first()", READ, "@durable.step"),
    ("Entry.objects.exclude(key='a').values_list('pk')", READ, "@durable.step"),
    ("names.objects.filter()", READ, "@durable.step"),
    ("names.refresh_from_db()", READ, "@durable.step"),
    ("get_object_or_404(Entry, key='a')", READ, "@durable.step"),
    ("Order.objects.advance(1, 'paid')", QUERY, "@durable.transaction"),
    ("Order.objects.filter(pk=1).advance(1, 'paid')", QUERY, "@durable.step"),
    ("connection.cursor()", QUERY, "@durable.transaction"),
    ("connections['default'].cursor()", QUERY, "@durable.transaction"),
]
NOT_FOUND = [
    "Entry(key='a').key",
    "Entry.objects",
    "durable.run_step(Entry.objects.count)",
    "durable.run_step(lambda: Entry.objects.create(key='a').pk)",
    "names.save(1)",
    "names.delete('a')",
    "names.get(1), names.update(a=1), names.filter(1).all()",
    "names.pop().create(), names.first(), names.entries.create()",
]
SOURCE = """
from django.db import connection, connections, transaction
from django.shortcuts import get_object_or_404
from example_project.orders.models import Order
from tests.models import Entry
import django_durable as durable


@durable.workflow
def checkout(names):
    return {}
"""


@pytest.mark.parametrize(("expression", "reason", "way_out"), FOUND)
def test_queries_in_a_body_are_found(found, expression, reason, way_out):
    (finding,) = found(SOURCE.format(expression))

    assert reason in finding.message
    assert way_out in finding.hint


@pytest.mark.parametrize("expression", NOT_FOUND)
def test_what_only_looks_like_a_query_is_left_alone(found, expression):
    assert found(SOURCE.format(expression)) == []


def test_async_queries_are_found(found):
    source = """
        from asgiref.sync import sync_to_async
        from tests.models import Entry
        import django_durable as durable

        @durable.workflow
        async def checkout(names):
            await Entry.objects.acreate(key="a")
            await names.asave()
            async for entry in Entry.objects.filter(key="a"):
                pass
            await Entry.objects.alast()
            await sync_to_async(Entry.objects.count)()
        """

    messages = [finding.message for finding in found(source, name="shop")]

    assert messages == [
        "shop.py:8: Entry.objects.acreate() happens again at each replay.",
        "shop.py:9: names.asave() happens again at each replay.",
        "shop.py:10: Entry.objects.filter() can find other rows at each replay.",
        "shop.py:12: Entry.objects.alast() can find other rows at each replay.",
        "shop.py:13: Entry.objects.count() can find other rows at each replay.",
    ]


def test_a_message_shows_the_query_as_it_is_written(found):
    (finding,) = found(SOURCE.format("Entry.objects.filter(key='a').update(note='')"))

    assert "Entry.objects.filter(…).update() happens again" in finding.message


def test_a_model_that_is_imported_within_the_body_is_recognised(lines):
    source = """
        import django_durable as durable

        @durable.workflow
        def checkout():
            from tests.models import Entry
            Entry._base_manager.earliest()  # here
        """

    assert lines(source) == marked(source)


def test_an_object_that_was_read_is_not_a_query(lines):
    source = """
        from tests.models import Entry
        import django_durable as durable

        @durable.workflow
        def checkout():
            entry = Entry.objects.get(key="a")  # here
            entry.total()
        """

    assert lines(source) == marked(source)


@isolate_apps("tests")
def test_a_manager_may_have_steps_and_a_model_too(lines):
    source = """
        from django.db import models
        import django_durable as durable

        class Shelf(models.QuerySet):
            @durable.transaction
            def put(self, title): ...

            def look(self, title): ...

        class Books(models.Manager.from_queryset(Shelf)):
            @durable.step
            def create(self, title): ...

        class Book(models.Model):
            on_shelf = Books()

            class Meta:
                app_label = "tests"

            @durable.transaction
            def save(self): ...

            def delete(self):
                super().delete()

            @property
            def price(self): ...

        @durable.workflow
        def checkout(title):
            Book.on_shelf.put(title), Book.on_shelf.create(title)
            Book(title=title).save()
            Book.on_shelf.look(title)  # here
            Book(title=title).delete()  # here
            Book(title=title).price.total()
        """

    assert lines(source) == marked(source)
