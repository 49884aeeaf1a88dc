"""Asking about the record: the question, the answer with its sources, and what was asked before."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _

from chat import conversations, shown
from chat.models import Conversation, Message
from chat.shown import QuestionForm
from clinic.errors import Refused
from clinic.forms import add_refusal
from clinic.security import trail
from clinic.security.permissions import Category, Permission
from patients.portal import PersonPage

MOST_EARLIER = 10
EXAMPLES = (
    _("Which medicines was I told to take?"),
    _("What did the last blood test show?"),
    _("When should I come back?"),
)


class AskPage(PersonPage):
    """A page about questions on the record of the person shown."""

    permission = Permission.CHART_ASK
    needs = (Category.DOCUMENTS,)

    def conversations(self):
        return conversations.about(self.patient, self.request.user)

    def questions(self):
        """The questions that this person asked about the patient, newest first."""
        rows = Message.objects.filter(
            conversation__in=self.conversations(), sender=self.request.user
        )
        return rows.order_by("-id")

    def show(self, form: QuestionForm, status: int = 200, **context: Any) -> HttpResponse:
        asked = context.get("asked")
        earlier = [
            {
                "question": one.content,
                "asked_at": one.created_at,
                "href": reverse("portal:answer", args=[one.pk]),
            }
            for one in self.questions()[: MOST_EARLIER + 1]
            if asked is None or one.pk != asked.pk
        ]
        context |= {"form": form, "earlier": earlier[:MOST_EARLIER], "examples": EXAMPLES}
        return self.page("portal/ask.html", context, status=status)


class Ask(AskPage):
    """Put a question. The answer has an address of its own."""

    is_for_acting = True

    def get(self, request: HttpRequest) -> HttpResponse:
        self.note()
        return self.show(QuestionForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = QuestionForm(request.POST)
        if form.is_valid():
            try:
                answer = conversations.ask(
                    conversation=conversations.standing(self.patient, request.user),
                    question=form.cleaned_data["question"],
                    by=request.user,
                )
            except Refused as refused:
                add_refusal(form, refused)
            else:
                return redirect("portal:answer", answer.parent_message_id)
        return self.show(form, status=400)

    def note(self) -> None:
        seen = [(one.pk, self.patient.pk) for one in self.conversations()]
        trail.read(Conversation._meta.label_lower, seen, how="list")


class ShownAnswer(AskPage):
    """A question that was asked, and its answer."""

    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        asked = get_object_or_404(self.questions(), pk=pk)
        answer = Message.objects.filter(
            parent_message=asked, message_type=Message.Type.AI_RESPONSE
        ).first()
        trail.read(Message._meta.label_lower, [(asked.pk, self.patient.pk)])
        answer = answer and shown.answered(answer, request.user, address_of)
        return self.show(QuestionForm(), asked=asked, question=asked.content, answer=answer)


def address_of(citation: dict) -> str:
    """The page of the document on which the citation stands."""
    return f"{reverse('portal:document', args=[citation['document']])}#page-{citation['page']}"


urlpatterns = [
    path("ask/", Ask.as_view(), name="ask"),
    path("ask/<uuid:pk>/", ShownAnswer.as_view(), name="answer"),
]
