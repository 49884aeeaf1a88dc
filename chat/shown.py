"""An answer as pages show it (`templates/cr/ai_answer.html`), on every surface alike."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.models import Message
from records import documents


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
    """A place that is cited: document, page and words, and where a click leads."""

    number: int
    title: str
    place: str
    quote: str
    href: str


@dataclass(frozen=True)
class Claim:
    """A sentence of the answer, with the numbers of its sources."""

    text: str
    numbers: list[int]


@dataclass(frozen=True)
class Answered:
    """An answer: claims with numbered sources, or none."""

    asked_at: datetime
    abstained: bool
    claims: list[Claim]
    sources: list[Source]
    documents_unread: int = 0
    checked_by: str = ""


def answered(answer: Message, by, address: Callable[[dict], str]) -> Answered:
    """The answer with its sources; `address` gives the page on which a citation is seen."""
    cited = answer.citations or []
    sources = _sources(cited, answer.patient_id, by, address)
    return Answered(
        asked_at=answer.created_at,
        abstained=answer.abstained,
        claims=_claims(cited, sources),
        sources=list(sources.values()),
        documents_unread=answer.documents_unread,
    )


def _place(citation: dict) -> tuple:
    return citation["document"], citation["page"], citation["quote"]


def _sources(cited: list[dict], patient_id, by, address) -> dict[tuple, Source]:
    """The places that are cited, numbered in their order; one that is gone says so."""
    rows = documents.visible_to(by).filter(patient_id=patient_id)
    known = {str(one.pk): one for one in rows.filter(pk__in={c["document"] for c in cited})}
    sources: dict[tuple, Source] = {}
    for citation in cited:
        if _place(citation) in sources:
            continue
        document = known.get(citation["document"])
        sources[_place(citation)] = Source(
            number=len(sources) + 1,
            title=document.original_filename if document else gettext("A document that is gone"),
            place=gettext("page %(number)d") % {"number": citation["page"]},
            quote=citation["quote"],
            href=address(citation) if document else "",
        )
    return sources


def _claims(cited: list[dict], sources: dict[tuple, Source]) -> list[Claim]:
    claims: dict[int, Claim] = {}
    for citation in cited:
        text = citation.get("claim") or citation["quote"]
        claim = claims.setdefault(citation["sentence"], Claim(text, []))
        number = sources[_place(citation)].number
        if number not in claim.numbers:
            claim.numbers.append(number)
    return list(claims.values())
