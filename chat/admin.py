"""Asking about the chart, on the chart."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import cached_property

from chat import conversations, shown
from chat.models import Message
from chat.shown import QuestionForm
from clinic.errors import Refused
from clinic.forms import add_refusal
from clinic.security.permissions import Permission
from records.admin import ChartWithRecords
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
            conversation__in=conversations.about(self.patient, self.request.user),
            message_type=Message.Type.AI_RESPONSE,
        )
        answer = one_of(mine.select_related("parent_message"), self.request.GET.get("answer"))
        if answer is None:
            return {}
        return {
            "question": answer.parent_message.content,
            "answer": shown.answered(answer, self.request.user, address_of),
        }


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
                    conversation=conversations.standing(self.patient, request.user),
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


def address_of(citation: dict) -> str:
    """The page of the document on which the citation stands, its words marked."""
    page = citation["page"]
    query = urlencode({"page": page, "start": citation["start"], "end": citation["end"]})
    return f"{reverse('admin:document', args=[citation['document']])}?{query}#page-{page}"


pages = [("chart/<uuid:pk>/ask/", AskPage, "chart_ask")]
