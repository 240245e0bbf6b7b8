"""A conversation with the tea master. It belongs to the session that began it."""

import uuid
from typing import Any

from django import forms
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

import django_durable as durable
from example_project.advice.models import Question
from example_project.advice.workflows import answer_question

CONVERSATIONS = "conversations"


class QuestionForm(forms.Form):
    """What the tea master is asked."""

    text = forms.CharField(max_length=200, label="Your question")


@require_GET
def list_conversations(request: HttpRequest) -> HttpResponse:
    """Show the conversations of this session, and begin another."""
    mine = Question.objects.filter(conversation__in=known(request))
    first = {question.conversation: question for question in mine.order_by("-pk")}
    context = {"conversations": first.values()}
    return render(request, "advice/conversations.html", context)


@require_POST
def ask(request: HttpRequest, conversation: uuid.UUID | None = None) -> HttpResponse:
    """Store a question and start the workflow that answers it."""
    if conversation is None:
        conversation = uuid.uuid4()
        request.session[CONVERSATIONS] = [*known(request), str(conversation)][-20:]
    check(request, conversation)
    form = QuestionForm(request.POST)
    if form.is_valid():
        with transaction.atomic():
            question = Question.objects.create(
                conversation=conversation, text=form.cleaned_data["text"]
            )
            answer_question.using(
                workflow_id=question.workflow_id, subject=question
            ).start(question.pk)
    return redirect("conversation", conversation)


@require_GET
def show_conversation(request: HttpRequest, conversation: uuid.UUID) -> HttpResponse:
    """Show what was asked and answered, while it is answered."""
    check(request, conversation)
    turns = [turn_of(question) for question in questions_of(conversation)]
    context = {
        "conversation": conversation,
        "turns": turns,
        "is_answering": any(turn["is_active"] for turn in turns),
    }
    return render(request, "advice/conversation.html", context)


@require_POST
def stop(request: HttpRequest, conversation: uuid.UUID) -> HttpResponse:
    """Cancel what is being answered."""
    check(request, conversation)
    for question in questions_of(conversation):
        durable.cancel_workflow(question.workflow_id, reason="The customer has enough.")
    return redirect("conversation", conversation)


@require_GET
def give_token(
    request: HttpRequest, conversation: uuid.UUID, question_id: int
) -> HttpResponse:
    """Answer with a fresh token, for a page that is open for longer than one lasts."""
    check(request, conversation)
    question = get_object_or_404(questions_of(conversation), pk=question_id)
    token = durable.stream_token(question.workflow_id, "answer")
    return HttpResponse(token, content_type="text/plain")


def turn_of(question: Question) -> dict[str, Any]:
    """Return what the page shows of a question."""
    workflow = question.workflow
    return {
        "question": question,
        "is_active": workflow is not None and not workflow.is_finished,
        "is_stopped": workflow is not None and workflow.status == "CANCELLED",
        "token_url": reverse("answer-token", args=[question.conversation, question.pk]),
    }


def questions_of(conversation: uuid.UUID) -> Any:
    """Return the questions of a conversation, oldest first."""
    return Question.objects.filter(conversation=conversation)


def known(request: HttpRequest) -> list[str]:
    """Return the conversations of this session."""
    return list(request.session.get(CONVERSATIONS, []))


def check(request: HttpRequest, conversation: uuid.UUID) -> None:
    """Refuse strangers, as if there were nothing."""
    if str(conversation) not in known(request):
        raise Http404
