"""The example's site, by its own settings, under uvicorn; runserver is Daphne."""

import re
from urllib.request import urlopen

import pytest
from django.conf import settings
from django.test import Client

from django_durable.testing import run_until_idle
from example_project.orders.models import Order
from tests.example.conftest import BASKET
from tests.streaming import servers
from tests.streaming.clients import opened, url


@pytest.fixture
def site(directory, transactional_db):
    """Run the site; give what answers to a path of it, too."""
    variables = {
        "DJANGO_SETTINGS_MODULE": "example_project.settings",
        "SECRET_KEY": settings.SECRET_KEY,
        "DEBUG": "1",
    }
    application = "example_project.asgi"
    with servers.running(
        "uvicorn", directory, application=application, **variables
    ) as server:
        yield server
        assert "Traceback" not in server.log


def fetched(site, path):
    """Return the type and the text of what a path answers."""
    with urlopen(f"http://127.0.0.1:{site.port}{path}", timeout=20) as answer:
        return answer.headers.get_content_type(), answer.read().decode()


@pytest.mark.once
def test_the_site_shows_pages_and_files_and_what_happens(site):
    form = {"customer": "Ada", "payment": "good", **BASKET}
    path = Client().post("/orders/", form).url
    order = Order.objects.get()

    kind, page = fetched(site, path)
    token = re.search(r'<durable-stream[^>]* token="([^"]+)"', page).group(1)
    script = re.search(r'src="([^"]*/stream\.js)"', page).group(1)
    address = url(site, "workflows", workflow=order.workflow_id)
    with opened(site, address) as client:
        client.say("hello", token=token)
        client.hear_until("live")
        run_until_idle()
        heard = client.hear_until("step")

    assert (kind, "Ada" in page) == ("text/html", True)
    assert fetched(site, script)[0].endswith("javascript")
    assert "DurableStream" in fetched(site, script)[1]
    assert "request_fraud_check" in fetched(site, path)[1]
    assert heard[-1]["failed"] is False
