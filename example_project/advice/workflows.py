"""How a question is answered: word by word, into a stream."""

import time

from django.conf import settings

import django_durable as durable
from example_project.advice import master

SENTENCES = 6


@durable.workflow
def answer_question(question_id: int) -> str:
    """Answer a question, each sentence a step of its own.

    A worker that dies loses the sentence it was writing, no more: the next worker
    says it anew, and pages show it in the place of the broken one.
    """
    durable.logger.info("Answering question %s", question_id)
    answer = [write_sentence(number) for number in range(SENTENCES)]
    durable.close_stream("answer")
    return " ".join(answer)


@durable.step
def write_sentence(number: int) -> str:
    """Write the words of a sentence as they come to mind, and return it."""
    words = master.sentence()
    for word in words:
        time.sleep(settings.ADVICE_WORD_DELAY)
        durable.write_stream("answer", f"{word} ")
    return " ".join(words)
