"""The shop that the pages speak of, and the pages as modules."""

import sys
import types

import pytest

from django_durable.definitions import registry, schedules
from example_project.orders.models import Order
from tests.docs.pages import page_module
from tests.models import Account


class Unavailable(Exception):
    """The bank does not answer."""


class Declined(Exception):
    """The bank says no."""


def make_bank():
    """Return the module ``shop.bank``: what it is asked, it remembers."""
    bank = types.ModuleType("shop.bank")
    bank.Unavailable, bank.Declined = Unavailable, Declined
    bank.asked = []
    bank.failures = []

    def charge(amount, *, reference, key):
        bank.asked.append(key)
        if bank.failures:
            raise bank.failures.pop(0)
        return f"CHG for {reference}"

    async def aprice(sku):
        return len(sku)

    async def balance(account):
        return 100

    bank.charge, bank.aprice, bank.balance = charge, aprice, balance
    bank.price, bank.ping = len, str
    return bank


@pytest.fixture(scope="package")
def shop():
    """Put the package ``shop`` in place, as the reader's project has it."""
    models = types.ModuleType("shop.models")
    models.Order, models.Account = Order, Account
    package = types.ModuleType("shop")
    package.models, package.bank = models, make_bank()
    names = {"shop": package, "shop.models": models, "shop.bank": package.bank}
    sys.modules.update(names)
    yield package
    for name in names:
        del sys.modules[name]


@pytest.fixture
def bank(shop):
    """Return a bank that was asked nothing yet and works."""
    shop.bank.asked.clear()
    shop.bank.failures.clear()
    return shop.bank


@pytest.fixture(scope="package")
def import_page(shop, tmp_path_factory):
    """Return a function that imports the Python blocks of a page, once."""
    known = dict(registry._definitions)
    imported = {}
    declared = {}

    def load(page, **changes):
        if page not in imported:
            directory = tmp_path_factory.mktemp("page")
            module = imported[page] = page_module(page, directory, **changes)
            declared[page] = [
                each
                for each in schedules.all_schedules()
                if each.workflow.func.__module__ == module.__name__
            ]
        for each in declared[page]:  # Each test begins without schedules.
            schedules.register(each)
        return imported[page]

    yield load
    for name, definition in list(registry._definitions.items()):
        if definition.func.__module__.startswith("page_"):
            del registry._definitions[name]
    assert known.keys() <= registry._definitions.keys()


@pytest.fixture
def page(request, import_page):
    """The page that the test's module names as ``PAGE``."""
    return import_page(request.module.PAGE)
