"""Asking about the record: the question, the answer with its sources, and what was asked before."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat import conversations
from chat.models import Conversation, Message
from clinic.errors import Refused
from clinic.portal import add_refusal
from clinic.security import trail
from clinic.security.permissions import Category, Permission
from patients.portal import PersonPage
from records import documents
from records.models import Document

MOST_EARLIER = 10
EXAMPLES = (
    _("Which medicines was I told to take?"),
    _("What did the last blood test show?"),
    _("When should I come back?"),
)


class QuestionForm(forms.Form):
    """One question, in the person's own words."""

    question = forms.CharField(
        label=_("Your question"),
        strip=True,
        widget=forms.Textarea,
        error_messages={"required": _("Write your question first.")},
    )


@dataclass(frozen=True)
class Source:
    """Where a claim stands: see templates/cr/ai_answer.html."""

    number: int
    title: str
    place: str
    quote: str
    href: str


@dataclass(frozen=True)
class Claim:
    text: str
    numbers: list[int]


@dataclass(frozen=True)
class Answered:
    """An answer as it is shown: claims with numbered sources, or none."""

    asked_at: datetime
    abstained: bool
    claims: list[Claim]
    sources: list[Source]
    checked_by: str = ""


class AskPage(PersonPage):
    """A page about questions on the record of the person shown."""

    permission = Permission.CHART_ASK
    needs = (Category.DOCUMENTS,)

    def conversations(self):
        mine = conversations.visible_to(self.request.user)
        return mine.filter(patient=self.patient, status=Conversation.Status.ACTIVE)

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

    def get(self, request: HttpRequest) -> HttpResponse:
        self.note()
        return self.show(QuestionForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = QuestionForm(request.POST)
        if form.is_valid():
            try:
                answer = conversations.ask(
                    conversation=self.conversation(),
                    question=form.cleaned_data["question"],
                    by=request.user,
                )
            except Refused as refused:
                add_refusal(form, refused)
            else:
                return redirect("portal:answer", answer.parent_message_id)
        return self.show(form, status=400)

    def conversation(self) -> Conversation:
        """The person's conversation about the patient; begun with the first question."""
        standing = self.conversations().order_by("-updated_at").first()
        return standing or conversations.begin(patient=self.patient, by=self.request.user)

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
        shown = self.answered(answer) if answer else None
        return self.show(QuestionForm(), asked=asked, question=asked.content, answer=shown)

    def answered(self, answer: Message) -> Answered:
        cited = answer.citations or []
        rows = documents.visible_to(self.request.user).filter(patient=self.patient)
        titles = {
            str(document.pk): document
            for document in rows.filter(pk__in={citation["document"] for citation in cited})
        }
        sources = sources_of(cited, titles)
        return Answered(
            asked_at=answer.created_at,
            abstained=answer.abstained,
            claims=claims_of(cited, sources),
            sources=list(sources.values()),
        )


def sources_of(cited: list[dict], documents_by_id: dict[str, Document]) -> dict[tuple, Source]:
    """The places that are cited, numbered in their order; one that is gone says so."""
    sources: dict[tuple, Source] = {}
    for citation in cited:
        place = (citation["document"], citation["page"], citation["quote"])
        if place in sources:
            continue
        document = documents_by_id.get(citation["document"])
        address = reverse("portal:document", args=[citation["document"]])
        sources[place] = Source(
            number=len(sources) + 1,
            title=document.original_filename if document else gettext("A document that is gone"),
            place=gettext("page %(number)d") % {"number": citation["page"]},
            quote=citation["quote"],
            href=f"{address}#page-{citation['page']}" if document else "",
        )
    return sources


def claims_of(cited: list[dict], sources: dict[tuple, Source]) -> list[Claim]:
    """The sentences of the answer, each with the numbers of its sources."""
    claims: dict[int, Claim] = {}
    for citation in cited:
        text = citation.get("claim") or citation["quote"]
        claim = claims.setdefault(citation["sentence"], Claim(text, []))
        number = sources[(citation["document"], citation["page"], citation["quote"])].number
        if number not in claim.numbers:
            claim.numbers.append(number)
    return list(claims.values())


urlpatterns = [
    path("ask/", Ask.as_view(), name="ask"),
    path("ask/<uuid:pk>/", ShownAnswer.as_view(), name="answer"),
]
