"""Asking about the chart, on the chart."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from chat import conversations
from chat.models import Conversation, Message
from chat.portal import Answered, QuestionForm, Source, claims_of
from clinic.errors import Refused
from clinic.portal import add_refusal
from clinic.security.permissions import Permission
from records import documents
from records.admin import ChartWithRecords
from records.models import Document
from scheduling.admin.booking import one_of


class AskableChart(ChartWithRecords):
    """The chart with a question field, and with `?answer=` the answer to one's own question."""

    def clinical(self) -> dict[str, Any]:
        clinical = super().clinical()
        if not self.may(Permission.CHART_ASK):
            return clinical
        return clinical | {"ask_form": QuestionForm()} | self.answered()

    def answered(self) -> dict[str, Any]:
        mine = Message.objects.filter(
            conversation__in=self.conversations(), message_type=Message.Type.AI_RESPONSE
        ).select_related("parent_message")
        answer = one_of(mine, self.request.GET.get("answer"))
        if answer is None:
            return {}
        return {"question": answer.parent_message.content, "answer": self.shown(answer)}

    def conversations(self):
        mine = conversations.visible_to(self.request.user)
        return mine.filter(patient=self.patient, status=Conversation.Status.ACTIVE)

    def shown(self, answer: Message) -> Answered:
        sources = self.sources(answer.citations or [])
        return Answered(
            asked_at=answer.created_at,
            abstained=answer.abstained,
            claims=claims_of(answer.citations or [], sources),
            sources=list(sources.values()),
        )

    def sources(self, cited: list[dict]) -> dict[tuple, Source]:
        """The places that are cited, numbered in their order; each leads to its passage."""
        rows = documents.visible_to(self.request.user).filter(patient=self.patient)
        known = {str(d.pk): d for d in rows.filter(pk__in={c["document"] for c in cited})}
        sources: dict[tuple, Source] = {}
        for citation in cited:
            place = (citation["document"], citation["page"], citation["quote"])
            if place not in sources:
                document = known.get(citation["document"])
                sources[place] = _source(len(sources) + 1, citation, document)
        return sources


class AskPage(AskableChart):
    """Takes the question; the answer has an address on the chart."""

    required = Permission.CHART_ASK
    http_method_names = ["post"]

    @cached_property
    def form(self) -> QuestionForm:
        return QuestionForm(self.request.POST)

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if self.form.is_valid():
            try:
                answer = conversations.ask(
                    conversation=self.conversation(),
                    question=self.form.cleaned_data["question"],
                    by=request.user,
                )
            except Refused as refused:
                add_refusal(self.form, refused)
            else:
                address = reverse("admin:chart", args=[self.patient.pk])
                return redirect(f"{address}?{urlencode({'answer': answer.pk})}#answer")
        return self.render_to_response(self.get_context_data(**kwargs), status=400)

    def clinical(self) -> dict[str, Any]:
        return super().clinical() | {"ask_form": self.form}

    def conversation(self) -> Conversation:
        """The person's conversation about the patient; begun with the first question."""
        standing = self.conversations().order_by("-updated_at").first()
        return standing or conversations.begin(patient=self.patient, by=self.request.user)


def _source(number: int, citation: dict, document: Document | None) -> Source:
    page = citation["page"]
    query = urlencode({"page": page, "start": citation["start"], "end": citation["end"]})
    address = reverse("admin:document", args=[citation["document"]])
    return Source(
        number=number,
        title=document.original_filename if document else _("A document that is gone"),
        place=_("page %(number)d") % {"number": page},
        quote=citation["quote"],
        href=f"{address}?{query}#page-{page}" if document else "",
    )


pages = [
    ("chart/<uuid:pk>/", AskableChart, "chart"),
    ("chart/<uuid:pk>/ask/", AskPage, "chart_ask"),
]
