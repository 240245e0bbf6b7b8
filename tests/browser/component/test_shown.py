"""What <durable-stream> shows and tells; the other end of its socket is the test."""

import pytest

from tests.browser.component.scripted import record, sees, state, text
from tests.journeys.processes import wait_until

pytestmark = pytest.mark.once


def test_text_is_shown_as_it_comes(page, show, server):
    socket = show()

    socket.write("Hello", ", ")
    assert sees(page, "Hello, ")
    socket.write("world", start=2)

    assert sees(page, "Hello, world")
    assert "workflow=w%2F1&key=a+b&from=0" in server.asked[1]


def test_markup_in_a_value_is_text(page, show):
    markup = "<script>alert(1)</script><img src=x onerror=alert(2)>"

    show().write(markup)

    assert sees(page, markup)
    assert page.locator(".durable-output *").count() == 0


def test_values_of_every_type_have_a_text(page, show):
    socket = show('mode="lines"')

    socket.write(1.5, None, True, {"$decimal": "1.50"}, {"$int": "9007199254740993"})
    socket.write(["a", {"b": 1}], start=5)

    lines = ["1.5", "null", "true", "1.50", "9007199254740993", '["a",{"b":1}]']
    wait_until(lambda: page.locator(".durable-output > div").count() == len(lines))
    assert page.locator(".durable-output > div").all_text_contents() == lines


def test_json_is_shown_pretty(page, show):
    show('mode="json"').write({"a": [1]})

    assert sees(page, '{\n  "a": [\n    1\n  ]\n}')


def test_a_template_shapes_each_entry(page, show):
    template = (
        "<ol data-output></ol>"
        "<template><li><b data-value='name'></b>: <i data-value='at.place'></i></li>"
        "</template>"
    )
    socket = show("", template)

    socket.write({"name": "<Ada>", "at": {"place": "home"}}, {"name": "Bob"})

    wait_until(lambda: page.locator("ol > li").count() == 2)
    assert page.locator("ol > li").all_text_contents() == ["<Ada>: home", "Bob: "]
    assert page.get_attribute("ol", "aria-busy") == "true"


def test_the_mode_none_only_tells(page, show):
    socket = show('mode="none"')
    told = record(page)

    socket.write("one")

    wait_until(lambda: told())
    entry = {"offset": 0, "value": "one", "step": 1, "attempt": 1}
    names = [name for name, _ in told()]
    assert names == ["entry", "batch"]
    assert told()[0][1].items() >= entry.items()
    assert text(page) == ""


def test_what_happens_is_told_in_order_and_bubbles(page, show):
    socket = show()
    told = record(page)

    socket.write("one")
    wait_until(lambda: len(told()) == 2)
    socket.say({"t": "live", "next": 1}, {"t": "status", "status": "SUCCESS"})
    socket.say({"t": "end", "next": 1, "reason": "workflow_ended"})

    wait_until(lambda: len(told()) == 5)
    assert [name for name, _ in told()] == ["entry", "batch", "live", "status", "end"]
    assert told()[-1][1]["reason"] == "workflow_ended"
    assert state(page) == "ended"


def test_the_end_comes_after_what_was_written(page, show):
    socket = show()
    told = record(page)

    socket.write("one")
    socket.say({"t": "end", "next": 1, "reason": "closed"})

    wait_until(lambda: len(told()) == 3)
    assert [name for name, _ in told()] == ["entry", "batch", "end"]


def test_readers_of_the_screen_hear_what_is_new_only(page, show):
    socket = show()
    output = page.locator(".durable-output")
    assert output.get_attribute("role") == "log"
    wait_until(lambda: output.get_attribute("aria-busy") == "true")

    socket.say({"t": "live", "next": 0})

    wait_until(lambda: output.get_attribute("aria-busy") == "false")


def test_what_a_failed_attempt_has_written_is_replaced(page, show):
    socket = show("dedupe")
    socket.write("begin ", step=1)
    socket.write("half", "-done", start=1, step=2)
    assert sees(page, "begin half-done")

    socket.write("whole", start=3, step=2, attempt=2)

    assert sees(page, "begin whole")


def test_attempts_that_arrive_together_are_told_apart(page, show):
    socket = show("dedupe")
    entries = [
        {"o": 0, "v": "half", "step": 1, "attempt": 1},
        {"o": 1, "v": "other branch ", "step": 1, "attempt": 1, "branch": "1.1"},
        {"o": 2, "v": "whole", "step": 1, "attempt": 2},
        {"o": 3, "v": "too late", "step": 1, "attempt": 1},
    ]

    socket.say({"t": "data", "from": 0, "entries": entries, "more": False})

    assert sees(page, "other branch whole")


def test_without_dedupe_everything_is_shown(page, show):
    socket = show()

    socket.write("half ")
    socket.write("whole", start=1, attempt=2)

    assert sees(page, "half whole")


def test_the_oldest_entries_make_room(page, show):
    socket = show('max-entries="2"')

    socket.write("one ", "two ", "three ")
    assert sees(page, "two three ")
    socket.write("four", start=3)

    assert sees(page, "three four")


def test_a_hidden_page_is_kept_up_to_date(page, show, server):
    socket = show()
    # Nobody draws frames for it.
    page.evaluate("window.requestAnimationFrame = () => 0")
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true })")

    socket.write("one ", "two")

    assert sees(page, "one two")
    assert server.heard("ack") == {"t": "ack", "next": 2}


BOX = "durable-stream { --durable-height: 200px }"
SCROLLERS = {
    "the page": "document.scrollingElement",
    "the element": "document.querySelector('durable-stream')",
}


@pytest.mark.parametrize("box", SCROLLERS)
def test_the_end_stays_in_view_unless_the_reader_has_left_it(page, server, show, box):
    def show_lines(*lines, start):
        socket.write(*lines, start=start)
        shown = page.locator(".durable-output > div")
        wait_until(lambda: shown.count() == start + len(lines))
        return page.evaluate(f"{SCROLLERS[box]}.scrollTop")

    socket = show('mode="lines" autoscroll')
    server.answers["/box.css"] = (200, {}, BOX if box == "the element" else "")
    page.add_style_tag(url="/box.css")

    reached = show_lines(*map(str, range(200)), start=0)
    assert show_lines("one more", start=200) > reached > 1000

    page.evaluate(f"{SCROLLERS[box]}.scrollTop = 10")
    assert show_lines("another", start=201) == 10
