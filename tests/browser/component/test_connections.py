"""How <durable-stream> stays connected, and when it gives up."""

import json

import pytest

from tests.browser.component.scripted import (
    ELEMENT,
    WELCOME,
    Server,
    record,
    sees,
    state,
)
from tests.journeys.processes import wait_until

pytestmark = pytest.mark.once


def test_a_lost_connection_is_resumed_where_it_was(page, show, server):
    socket = show()
    socket.write("one ", "two ")
    assert sees(page, "one two ")

    socket.close(1012)
    again = server.socket(2)
    again.welcome(next=3)
    again.write("two ", "three", start=1)

    assert sees(page, "one two three")
    assert "from=2" in server.asked[-1]


def test_a_hole_between_entries_is_not_shown_but_asked_for(page, show, server):
    socket = show()
    socket.write("one ")
    socket.write("three", start=2)

    again = server.socket(2)
    again.welcome(next=3)
    again.write("two ", "three", start=1)

    assert sees(page, "one two three")
    assert "from=1" in server.asked[-1]


def test_what_is_no_json_is_a_lost_connection(page, show, server):
    show().say("<html>")

    server.socket(2).welcome()
    wait_until(lambda: state(page) == "open")


def test_a_reader_who_is_refused_stays_refused(page, show, server):
    socket = show()
    told = record(page)

    socket.close(4403)

    wait_until(lambda: state(page) == "failed")
    assert told() == [["error", {"code": 4403, "reason": "forbidden", "fatal": True}]]
    assert page.text_content(".durable-label") == "This cannot be shown to you."
    assert len(server.sockets) == 1


@pytest.mark.parametrize("how", ["code", "end"])
def test_the_page_is_asked_for_another_token_once(page, show, server, how):
    def expire(socket):
        if how == "end":
            socket.say({"t": "end", "next": 0, "reason": "token_expired"})
        else:
            socket.close(4401)

    socket = show('token="first"')
    told = record(page)
    page.evaluate(
        """() => document.addEventListener("durable:token", ({ detail }) =>
          detail.use(Promise.resolve("second")))"""
    )
    assert server.heard("hello") == {"t": "hello", "token": "first"}

    expire(socket)
    again = server.socket(2)
    server.wait_until(lambda: {"t": "hello", "token": "second"} in server.said)
    expire(again)

    wait_until(lambda: state(page) == "failed")
    assert [name for name, _ in told()] == ["token", "error"]


def test_without_another_token_the_reader_is_refused(page, show, server):
    show('token="first"').close(4401)

    wait_until(lambda: state(page) == "failed")
    assert len(server.sockets) == 1


def test_new_entries_only(page, show, server):
    socket = show('from="-1"', next=7)
    socket.write("seven", start=7)
    assert sees(page, "seven")
    assert "from=-1" in server.asked[1]

    socket.close()

    server.socket(2)
    assert "from=8" in server.asked[-1]


def test_a_gap_is_told_and_passed_over(page, show):
    socket = show()
    told = record(page)
    gap = {"t": "gap", "from": 0, "to": 4, "reason": "retention"}

    socket.say(gap)
    socket.write("five", start=5)

    assert sees(page, "five")
    assert told()[0] == ["gap", gap]


def test_what_was_shown_is_acknowledged(show, server):
    socket = show()

    socket.write("one", "two")

    assert server.heard("ack") == {"t": "ack", "next": 2}


def test_a_sign_of_life_is_answered(show, server):
    show().say({"t": "hb"})

    assert server.heard("ping") == {"t": "ping"}


def test_a_silent_connection_is_given_up(page, show, server):
    show(heartbeat=0.04)

    server.socket(2).welcome()

    wait_until(lambda: state(page) == "open")


def test_pausing_and_resuming_keeps_what_is_shown(page, show, server):
    socket = show()
    socket.write("one ")
    assert sees(page, "one ")

    page.eval_on_selector("durable-stream", "(e) => e.pause()")
    assert state(page) == "paused"
    page.eval_on_selector("durable-stream", "(e) => e.resume()")
    again = server.socket(2)
    again.welcome()
    again.write("two", start=1)

    assert sees(page, "one two")


def test_seeking_begins_again(page, show, server):
    show().write("one ", "two")
    assert sees(page, "one two")

    page.eval_on_selector("durable-stream", "(e) => e.seek(1)")
    again = server.socket(2)
    again.welcome()
    again.write("two", start=1)

    assert sees(page, "two")
    assert "from=1" in server.asked[-1]
    stand = page.eval_on_selector("durable-stream", "(e) => [e.offset, e.state]")
    assert stand == [2, "open"]


def test_an_element_that_moves_keeps_its_text(page, show, server):
    show().write("one ")
    assert sees(page, "one ")

    page.evaluate(
        """() => {
          const main = document.body.appendChild(document.createElement("main"));
          main.append(document.querySelector("durable-stream"));
        }"""
    )
    again = server.socket(2)
    again.welcome()
    again.write("two", start=1)

    assert sees(page, "one two")


def test_another_key_is_another_stream(page, show, server):
    show().write("one ")
    assert sees(page, "one ")

    page.eval_on_selector("durable-stream", "(e) => e.setAttribute('key', 'b')")
    again = server.socket(2)
    again.welcome()
    again.write("other")

    assert sees(page, "other")
    assert "key=b&from=0" in server.asked[-1]


def test_a_large_value_is_fetched_with_the_token(page, show, server):
    server.answers["/value"] = (
        200,
        {},
        lambda asked: f'"{asked.headers["authorization"]} "',
    )
    socket = show('token="abc"')
    large = {"o": 0, "bytes": 99, "link": "/value", "step": 1, "attempt": 1}

    socket.say({"t": "data", "from": 0, "entries": [large], "more": True})
    socket.write("after", start=1)

    assert sees(page, "Bearer abc after")


def test_without_sockets_the_stream_comes_over_http(page, server):
    events = [
        {**WELCOME, "next": 2, "status": "PENDING"},
        {"t": "data", "entries": [{"o": 0, "v": "one "}, {"o": 1, "v": "zwei ü"}]},
        {"t": "end", "next": 2, "reason": "closed"},
    ]
    body = ": comment\n\n" + "".join(
        f"id: {number}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n"
        for number, event in enumerate(events)
    )
    kind = {"Content-Type": "text/event-stream"}
    server.answers["/durable/streams/"] = (200, kind, body)
    server.show(ELEMENT.format(' token="abc"', ""))

    server.socket().close(1011)

    assert sees(page, "one zwei ü")
    wait_until(lambda: state(page) == "ended")
    assert "from=0&live=sse" in server.asked[-1]


@pytest.mark.parametrize(
    ("status", "reason"), [(403, "forbidden"), (404, "not_found"), (501, "unsupported")]
)
def test_a_refusal_over_http_is_final(page, server, status, reason):
    server.answers["/durable/streams/"] = (status, {}, "")
    server.show(ELEMENT.format("", ""))
    told = record(page)

    server.socket().close(1011)

    wait_until(lambda: state(page) == "failed")
    assert told()[-1][1]["reason"] == reason


@pytest.fixture
def still(open_window):
    """Return the other end of a page whose clock stands still."""
    page = open_window().new_page()
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    return Server(page)


def lose(server, number, code, *, wait):
    """Close a socket; tell how many have been opened some milliseconds later."""
    server.socket(number).close(code)
    server.page.wait_for_selector("[state=waiting]")
    server.page.clock.run_for(wait)
    server.page.evaluate("0")
    return len(server.sockets)


def test_pauses_grow_and_are_random(still):
    still.show(ELEMENT.format("", ""))
    still.page.evaluate("Math.random = () => 0.5")
    still.socket().welcome()

    for number, longest in enumerate([500, 1000, 2000, 4000], start=1):
        assert lose(still, number, 4508, wait=longest / 2 - 10) == number
        still.page.clock.run_for(20)


@pytest.mark.parametrize("key", ["a b", ""])
def test_pauses_grow_where_a_connection_is_lost_once_it_is_live(still, key):
    """Although the state of a workflow is told by each."""
    still.show(ELEMENT.format("", "").replace("a b", key))
    still.page.evaluate("Math.random = () => 0.5")
    event = {"t": "event", "key": "stage", "v": "paid", "next": 0}

    for number, longest in enumerate([500, 1000, 2000, 4000], start=1):
        socket = still.socket(number)
        socket.welcome()
        socket.say(*([] if key else [event]), {"t": "live", "next": 0})
        still.page.wait_for_selector("[state=live]", state="attached")
        assert lose(still, number, 1012, wait=longest / 2 - 10) == number
        still.page.clock.run_for(20)


@pytest.mark.parametrize("how", ["entry", "time"])
def test_pauses_begin_anew_after_a_connection_that_was_good(still, how):
    still.show(ELEMENT.format("", ""))
    still.page.evaluate("Math.random = () => 0.5")
    still.socket().welcome()
    for number, longest in enumerate([500, 1000, 2000], start=1):
        assert lose(still, number, 1012, wait=longest / 2 + 10) == number + 1

    socket = still.socket(4)
    socket.welcome()
    if how == "entry":
        socket.write("one")
    socket.say({"t": "live", "next": 0})
    still.page.wait_for_selector("[state=live]", state="attached")
    if how == "time":
        still.page.clock.run_for(10_000)

    assert lose(still, 4, 1012, wait=260) == 5


def test_pauses_grow_where_what_comes_cannot_be_taken(still):
    """As a large value that is answered with an error, again and again."""
    still.show(ELEMENT.format("", ""))
    still.page.evaluate("Math.random = () => 0.5")
    still.answers["/value"] = (500, {}, "")
    entries = [{"o": 0, "bytes": 99, "link": "/value", "step": 1, "attempt": 1}]

    for number, longest in enumerate([500, 1000, 2000, 4000], start=1):
        socket = still.socket(number)
        socket.welcome()
        socket.say({"t": "data", "from": 0, "entries": entries, "more": False})
        still.page.wait_for_selector("[state=waiting]")
        still.page.clock.run_for(longest / 2 - 10)
        still.page.evaluate("0")
        assert len(still.sockets) == number
        still.page.clock.run_for(20)


def test_who_asks_too_often_waits_for_ten_seconds_at_least(still):
    still.show(ELEMENT.format("", ""))

    assert lose(still, 1, 4429, wait=9_990) == 1
    still.page.clock.run_for(510)

    assert still.socket(2)
