"""DurableStream, for code that renders by itself, and the news of workflows."""

import gzip
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

from tests.browser.component.scripted import record
from tests.journeys.processes import wait_until

pytestmark = pytest.mark.once


def test_without_a_key_the_news_of_a_workflow_are_told(page, server):
    server.show('<durable-stream workflow="w" mode="none"></durable-stream>')
    told = record(page)
    socket = server.socket()
    socket.welcome(next=0)
    step = {"t": "step", "step": 1, "name": "charge", "failed": False, "next": 1}
    event = {"t": "event", "key": "stage", "v": "paid", "next": 2}

    socket.say(step, event)

    wait_until(lambda: len(told()) == 3)
    assert told()[1:] == [["step", step], ["event", event]]
    assert "/ws/durable/workflows/?workflow=w&" in server.asked[1]
    assert server.heard("ack") == {"t": "ack", "next": 2}


READ = """async () => {
  const { DurableStream } = await import("/stream.js");
  const stream = new DurableStream({ workflow: "w", key: "k", from: 1 });
  const values = [];
  for await (const { offset, value } of stream) values.push([offset, value]);
  return [values, stream.state, stream.reason];
}"""


def test_code_iterates_over_entries(page, server):
    server.show("")
    page.evaluate(f"void (window.done = ({READ})())")
    first = server.socket()
    first.welcome()
    first.write("one", "two", start=1)
    assert server.heard("ack")["next"] == 3

    first.close()
    again = server.socket(2)
    again.welcome()
    again.write("three", start=3)
    again.say({"t": "end", "next": 4, "reason": "closed"})

    values = [[1, "one"], [2, "two"], [3, "three"]]
    assert page.evaluate("window.done") == [values, "ended", "closed"]
    assert "from=3" in server.asked[-1]


def test_iterating_over_what_is_refused_raises(page, server):
    server.show("")
    page.evaluate(f"void (window.done = ({READ})().catch((error) => error.message))")

    server.socket().close(4403)

    assert page.evaluate("window.done") == "Stream refused: forbidden"


def test_the_module_is_small():
    source = Path(finders.find("django_durable/stream.js")).read_bytes()

    assert len(gzip.compress(source)) < 8 * 1024
