"""Conversations with the tea master, without a browser."""

import subprocess
import sys

import pytest
from django.test import Client

import django_durable
from django_durable.models import Workflow
from django_durable.streaming.tokens import read_token
from example_project.advice import master
from example_project.advice.models import Question
from example_project.advice.workflows import SENTENCES

pytestmark = pytest.mark.django_db


@pytest.fixture
def address(client):
    """Ask a question, and return where its conversation is."""
    return client.post("/advice/ask/", {"text": "Why <b>bitter</b>?"}).url


def words_of(question):
    return list(django_durable.read_stream(question.workflow_id, "answer"))


def test_an_answer_is_streamed_word_by_word(client, address, durable):
    durable.run_until_idle()

    question = Question.objects.get()
    answer = django_durable.retrieve_workflow(question.workflow_id).get_result()
    assert "".join(words_of(question)) == f"{answer} "
    assert len(words_of(question)) >= SENTENCES
    assert {word.strip(" .,") for word in words_of(question)} <= {
        word.strip(".,") for word in master.WORDS
    }


def test_the_page_shows_question_and_answer_even_without_javascript(
    client, address, durable
):
    assert "Stop" in client.get(address).content.decode()

    durable.run_until_idle()

    page = client.get(address).content.decode()
    assert "Why &lt;b&gt;bitter&lt;/b&gt;?" in page
    assert "".join(words_of(Question.objects.get())) in page
    assert "Stop" not in page


def test_a_conversation_goes_on(client, address, durable):
    durable.run_until_idle()

    client.post(f"{address}ask/", {"text": "And cold?"})

    assert [question.text for question in Question.objects.all()] == [
        "Why <b>bitter</b>?",
        "And cold?",
    ]
    page = client.get("/advice/").content.decode()
    assert page.count(address) == 1


def test_an_empty_question_is_not_answered(client):
    client.post("/advice/ask/", {"text": " "})

    assert not Workflow.objects.exists()


def test_stopping_cancels_what_is_being_answered(client, address):
    client.post(f"{address}stop/")

    assert Workflow.objects.get().status == "CANCELLED"
    assert "stopped" in client.get(address).content.decode()


def test_a_page_gets_another_token_for_its_stream(client, address):
    question = Question.objects.get()

    token = read_token(client.get(f"{address}{question.pk}/token/").content.decode())

    assert (token.workflow_id, token.key) == (question.workflow_id, "answer")
    assert client.get(f"{address}{question.pk + 1}/token/").status_code == 404


def test_strangers_find_nothing(client, address):
    stranger = Client()
    token = f"{address}{Question.objects.get().pk}/token/"

    answers = [
        stranger.get(address),
        stranger.get(token),
        stranger.post(f"{address}ask/", {"text": "What did she say?"}),
        stranger.post(f"{address}stop/"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert Workflow.objects.get().status == "ENQUEUED"
    assert address not in stranger.get("/advice/").content.decode()


WITHOUT_CHANNELS = """
import sys
sys.modules["channels"] = sys.modules["daphne"] = None
import django
django.setup()
from django.core.management import call_command
from django.test import Client
from example_project.asgi import application
call_command("migrate", verbosity=0)
call_command("check")
client = Client(headers={"host": "localhost"})
address = client.post("/advice/ask/", {"text": "Why?"}).url
print(type(application).__name__, client.get(address).status_code)
"""


@pytest.mark.once
def test_the_site_works_without_channels(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_CHANNELS],
        env={
            "DJANGO_SETTINGS_MODULE": "example_project.settings",
            "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
            "PYTHONPATH": ".",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.splitlines()[-1:] == ["ASGIHandler 200"], done.stderr
