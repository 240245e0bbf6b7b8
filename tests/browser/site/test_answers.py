"""The page of a conversation, in a real browser, of a real site."""

import pytest

import django_durable as durable
from django_durable import serialization
from django_durable.models import StreamEntry, Workflow
from tests.journeys.processes import wait_until

ANSWER = ".durable-output"


def sees(page, text):
    """Wait until the page shows exactly this answer."""
    wait_until(lambda: page.text_content(ANSWER) == text, f"{text!r} on the page")


def state(page):
    return page.get_attribute("durable-stream", "state")


def test_words_appear_while_the_workflow_writes_them(talk, visit):
    page = visit(talk.path, talk=talk)
    sees(page, "")

    talk.write("Good ", "tea ")
    sees(page, "Good tea ")
    talk.write("begins.")

    sees(page, "Good tea begins.")
    assert state(page) == "live"
    assert Workflow.objects.get().status == "PENDING"


@pytest.mark.once
def test_a_reload_in_the_middle_goes_on_to_the_exact_text(talk, visit):
    talk.write(*"Good tea ")
    page = visit(talk.path, talk=talk)
    sees(page, "Good tea ")

    page.reload()
    talk.write(*"begins.")
    talk.scribe.end()

    sees(page, "Good tea begins.")
    wait_until(lambda: state(page) == "ended")


@pytest.mark.once
def test_markup_in_an_answer_is_shown_as_text(talk, visit):
    markup = "<script>alert(1)</script>"
    dialogs = []
    page = visit(talk.path, talk=talk)
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))

    talk.write(markup)
    sees(page, markup)
    page.reload()

    sees(page, markup)
    assert dialogs == []


@pytest.mark.once
def test_a_cut_connection_is_made_again_and_loses_nothing(site, talk, visit):
    page = visit(talk.path, talk=talk, origin=site.far_origin)
    talk.write("Good ")
    sees(page, "Good ")

    assert site.wire.cut()
    talk.write("tea ")
    sees(page, "Good tea ")
    talk.write("begins.")

    sees(page, "Good tea begins.")


@pytest.mark.once
def test_two_pages_show_the_same(talk, visit):
    pages = [visit(talk.path, talk=talk) for _ in range(2)]

    for number in range(50):
        talk.write(f"{number} ")

    for page in pages:
        sees(page, "".join(f"{number} " for number in range(50)))


@pytest.mark.once
def test_the_button_stops_the_answer(talk, visit):
    page = visit(talk.path, talk=talk)
    talk.write("Good ")
    sees(page, "Good ")

    page.click("text=Stop")

    wait_until(lambda: state(page) == "ended")
    assert Workflow.objects.get().status == "CANCELLED"
    assert page.text_content(".outcome").strip() == "stopped"
    assert page.is_visible("text=Ask >> nth=-1")
    sees(page, "Good ")


@pytest.mark.once
def test_the_page_learns_by_itself_that_the_answer_is_complete(talk, visit):
    page = visit(talk.path, talk=talk)
    assert page.is_visible("text=Stop")

    talk.write("Three minutes.")
    talk.scribe.end()

    page.wait_for_selector("[name=text]")
    sees(page, "Three minutes.")


@pytest.mark.once
def test_where_sockets_do_not_pass_the_words_come_over_http(talk, visit):
    page = visit("/advice/", talk=talk)
    page.route_web_socket("**/*", lambda socket: socket.close())
    page.goto(page.url.replace("/advice/", talk.path))

    talk.write("Good ")
    sees(page, "Good ")
    talk.write("tea.")
    talk.scribe.end()

    sees(page, "Good tea.")
    wait_until(lambda: state(page) == "ended")


@pytest.mark.once
def test_a_large_value_is_shown_too(talk, visit):
    large = "tea " * 20_000

    talk.write("Good ", large, "indeed.")

    sees(visit(talk.path, talk=talk), f"Good {large}indeed.")


READ = """async ({ workflow, token }) => {
  const { DurableStream } = await import("/static/django_durable/stream.js");
  const stream = new DurableStream({ workflow, key: "answer", token });
  try {
    for await (const { value } of stream) return value;
  } catch (error) {
    return error.message;
  }
}"""


@pytest.mark.once
def test_a_stranger_is_refused(talk, visit):
    talk.write("secret")
    page = visit(talk.path)
    assert page.goto(page.url).status == 404
    tokens = {
        "Stream refused: forbidden": durable.stream_token("advice-0", "answer"),
        "Stream refused: token": "forged",
        "secret": durable.stream_token(talk.workflow_id, "answer"),
    }

    page.goto(page.url.replace(talk.path, "/advice/"))

    for answer, token in tokens.items():
        asked = {"workflow": talk.workflow_id, "token": token}
        assert page.evaluate(READ, asked) == answer


@pytest.mark.once
def test_without_javascript_the_page_shows_what_there_is_and_reloads(talk, visit):
    talk.write("Good ", "<b>tea</b>")

    page = visit(talk.path, talk=talk, java_script_enabled=False)

    assert page.text_content(ANSWER) == "Good <b>tea</b>"
    assert page.locator("meta[http-equiv=refresh]").count() == 1


def test_an_answer_survives_the_death_of_its_worker(processes, visit):
    site = {"DJANGO_SETTINGS_MODULE": "tests.browser.settings"}
    worker = processes.worker(**site, ADVICE_WORD_DELAY="0.1")
    page = visit("/advice/")
    page.fill("[name=text]", "Why is it bitter?")
    page.click("text=Ask >> nth=-1")
    wait_until(lambda: len(page.text_content(ANSWER)) > 20)

    worker.kill()
    page.reload()
    processes.worker(**site)

    wait_until(lambda: state(page) == "ended")
    answer = durable.retrieve_workflow(Workflow.objects.get().pk).get_result()
    assert written_in_the_end() == f"{answer} "
    sees(page, f"{answer} ")
    page.reload()
    sees(page, f"{answer} ")


def written_in_the_end():
    """Return the text of the last tries, out of what the stream holds."""
    entries = StreamEntry.objects.order_by("offset")
    claims = dict(entries.order_by("claim").values_list("step_id", "claim"))
    assert len(set(entries.values_list("claim"))) == 2
    return "".join(
        serialization.loads(entry.value)
        for entry in entries
        if entry.claim == claims[entry.step_id]
    )
