"""How to stream to the browser."""

import pytest
from channels.routing import ProtocolTypeRouter
from django.test import RequestFactory
from django.urls import resolve

from django_durable.streaming.tokens import read_token
from example_project.orders.models import Order
from tests.docs.pages import DOCS, blocks
from tests.people import user_with

PAGE = "how-to/stream-to-the-browser.md"


@pytest.mark.django_db
def test_a_view_gives_its_page_a_token(page, monkeypatch):
    rendered = []
    monkeypatch.setattr(page, "render", lambda *args: rendered.append(args[2]))
    request = RequestFactory().get("/")
    request.user = user_with()
    order = Order.objects.create(customer="Ana")

    page.order(request, order.pk)

    token = read_token(rendered[0]["token"])
    assert token.permits(f"order-{order.pk}", "progress")
    assert token.user == str(request.user.pk)


def test_the_application_serves_http_and_sockets(page):
    assert isinstance(page.application, ProtocolTypeRouter)
    assert set(page.application.application_mapping) == {"http", "websocket"}


def test_the_addresses_are_where_the_reference_says(page):
    assert resolve("/durable/streams/", page).view_name.endswith(":streams")
    assert resolve("/durable/streams/value/", page).view_name.endswith(":value")


def test_the_layer_of_the_page_can_be_made(page):
    (layer,) = page.CHANNEL_LAYERS.values()

    assert layer["BACKEND"] == "channels_redis.core.RedisChannelLayer"


def test_the_proxy_waits_longer_than_the_server_is_silent():
    (proxy,) = blocks(PAGE, "nginx")

    assert proxy.code.count("proxy_read_timeout 75s;") == 2
    assert "STREAM_HEARTBEAT" in (DOCS / PAGE).read_text()
