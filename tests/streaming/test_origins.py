"""Pages of other origins: no socket, and nothing held open with somebody's session."""

import pytest
from django.test import Client, RequestFactory

from django_durable.streaming import origins
from tests.people import session_of, user_with
from tests.streaming.clients import opened, refused, url

OTHERS = [
    None,
    "null",
    "https://evil.test",
    "http://127.0.0.1.evil.test",
    "http://127.0.0.1:1",
    "http://127.0.0.1",
    "http://sub.example.com",
    "http://example.com",
    "http://127.0.0.1:{port}/",
    "://",
]


@pytest.mark.once
@pytest.mark.parametrize("origin", OTHERS)
def test_a_page_of_another_origin_gets_no_socket(server, db, origin):
    origin = origin and origin.format(port=server.port)

    # Daphne itself refuses what is no origin at all.
    address = url(server, workflow="x", key="out")
    assert refused(server, address, origin=origin) in (400, 403)


@pytest.mark.once
def test_a_page_of_a_trusted_origin_gets_a_socket(server, db):
    address = url(server, workflow="x", key="")

    with opened(server, address, origin="https://trusted.test:8443") as client:
        assert client.closed_with() == ([], 4400)


@pytest.mark.once
def test_http_and_https_are_two_origins(uvicorn, db):
    address = url(uvicorn, workflow="x", key="out")

    assert refused(uvicorn, address, origin=f"https://127.0.0.1:{uvicorn.port}") == 403


PROXY = {
    "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
    "USE_X_FORWARDED_HOST": True,
}
TRUSTED = {"CSRF_TRUSTED_ORIGINS": ["https://*.site.test", "https://a.test:8443"]}
ANY = {"ALLOWED_HOSTS": ["*"]}
FORWARDED = {"x-forwarded-proto": "https", "x-forwarded-host": "site.test"}
INSECURE = {**FORWARDED, "x-forwarded-proto": "http"}


@pytest.mark.once
@pytest.mark.parametrize(
    ("changes", "headers", "origin", "is_good"),
    [
        ({}, {}, "http://site.test:8000", True),
        ({}, {}, "http://site.test:8001", False),
        ({}, {"host": "site.test"}, "http://site.test", True),
        ({}, {"host": "evil.test"}, "http://evil.test", False),
        ({}, {"host": "évil"}, "http://évil", False),
        ({}, FORWARDED, "https://site.test", False),
        (PROXY, FORWARDED, "https://site.test", True),
        (PROXY, FORWARDED, "http://site.test:8000", False),
        (PROXY, {"x-forwarded-proto": "https"}, "https://site.test:8000", True),
        (TRUSTED, {}, "https://www.site.test", True),
        (TRUSTED, {}, "https://www.site.test:1", False),
        (TRUSTED, {}, "http://www.site.test", False),
        (TRUSTED, {}, "https://wwwsite.test", False),
        (TRUSTED, {}, "https://a.test:8443", True),
        (TRUSTED, {}, "https://a.test", False),
        (ANY, {}, "https://evil.test", False),
        (ANY, {}, "null", False),
    ],
)
def test_an_origin_is_good_for_sockets_as_it_is_for_forms(
    settings, changes, headers, origin, is_good
):
    settings.ALLOWED_HOSTS = ["site.test"]
    for name, value in changes.items():
        setattr(settings, name, value)

    assert is_let_in(origin, headers, scheme="ws") is is_good


def is_let_in(origin, headers, **scope):
    """Tell whether a handshake passes; a server may not tell its scheme."""
    told = {"host": "site.test:8000", "origin": origin, **headers}
    scope |= {
        "type": "websocket",
        "path": "/ws/durable/streams/",
        "headers": [(n.encode(), v.encode("latin1")) for n, v in told.items()],
    }
    return origins.has_good_origin(origins._request_of(scope))


@pytest.mark.once
@pytest.mark.parametrize(
    ("changes", "headers", "origin", "is_good"),
    [
        ({}, {}, "http://site.test:8000", True),
        ({}, {}, "https://site.test:8000", True),
        ({}, {}, "https://site.test", False),
        ({}, {}, "ftp://site.test:8000", False),
        (PROXY, FORWARDED, "https://site.test", True),
        (PROXY, FORWARDED, "http://site.test", False),
        (PROXY, INSECURE, "https://site.test", False),
    ],
)
def test_where_the_server_does_not_tell_the_scheme_the_proxy_may(
    settings, changes, headers, origin, is_good
):
    settings.ALLOWED_HOSTS = ["site.test"]
    for name, value in changes.items():
        setattr(settings, name, value)

    assert is_let_in(origin, headers) is is_good


@pytest.mark.once
@pytest.mark.parametrize(
    ("headers", "is_other"),
    [
        ({}, False),
        ({"origin": "http://testserver"}, False),
        ({"origin": "http://testserver:81"}, True),
        ({"origin": "null"}, True),
        ({"sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"}, True),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, False),
    ],
    ids=str,
)
def test_a_request_of_another_page_is_known_by_its_headers(headers, is_other):
    request = RequestFactory(headers=headers).get("/durable/streams/")

    assert origins.comes_from_elsewhere(request) is is_other


def test_another_page_gets_nothing_by_a_session(settings, scribe):
    settings.ROOT_URLCONF = "tests.streaming.urls"
    client = Client()
    client.cookies["sessionid"] = session_of(user_with("view_stream"))
    asked = {"workflow": scribe.workflow_id, "key": "out"}
    address = "/durable/streams/"

    other = client.get(address, asked, headers={"origin": "https://evil.test"})
    own = client.get(address, asked, headers={"origin": "http://testserver"})

    assert (other.status_code, own.status_code) == (403, 200)
