"""Conversations, and questions answered from a patient's own documents."""

from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from chat import answering, indexing, retrieval
from chat.models import Conversation, Message
from clinic.errors import Missing, invalid
from clinic.security import tenancy
from clinic.security.permissions import Category, Permission
from patients import access, proxy
from patients.models import Patient
from records import documents

PASSAGES_READ = 12
LONGEST_MESSAGE = 4000


def visible_to(user) -> QuerySet[Conversation]:
    """One's own conversations; those about a patient as long as one reads her documents."""
    rows = Conversation.objects.filter(created_by_id=user.pk)
    general = rows.filter(patient=None, facility_id__in=tenancy.current().facilities)
    reached = access.visible(rows, user, category=Category.DOCUMENTS)
    return (general | reached).select_related("patient")


def about(patient: Patient, user) -> QuerySet[Conversation]:
    """One's own active conversations about a patient."""
    return visible_to(user).filter(patient=patient, status=Conversation.Status.ACTIVE)


def standing(patient: Patient, user) -> Conversation:
    """The conversation in which one asks about a patient; begun with the first question."""
    latest = about(patient, user).order_by("-updated_at").first()
    return latest or begin(patient=patient, by=user)


def messages_of(conversation: Conversation) -> QuerySet[Message]:
    return conversation.messages.order_by("id")


@transaction.atomic
def begin(
    *,
    title: str = "",
    patient: Patient | None = None,
    conversation_type: str | None = None,
    priority: str = Conversation.Priority.NORMAL,
    tags: list[str] | None = None,
    by,
) -> Conversation:
    """Begin a conversation; one about a patient needs the patient to be in reach."""
    actor = tenancy.current()
    actor.require(Permission.CHART_ASK)
    if patient is not None:
        access.require_reach(patient, Category.DOCUMENTS)
        proxy.require(patient, by=by)
    kind = conversation_type or (
        Conversation.Type.PATIENT_SPECIFIC if patient else Conversation.Type.GENERAL
    )
    if (kind == Conversation.Type.PATIENT_SPECIFIC) != (patient is not None):
        raise invalid("patient", _("A conversation about a patient names the patient."))
    return Conversation.objects.create(
        facility_id=actor.facility_id,
        title=title[:255],
        patient=patient,
        conversation_type=kind,
        priority=priority,
        tags=tags or [],
        created_by_id=by.pk,
    )


@transaction.atomic
def say(*, conversation: Conversation, content: str, parent: Message | None = None, by) -> Message:
    """Add a message to one's own conversation."""
    tenancy.current().require(Permission.CHART_ASK)
    _require_own(conversation, by)
    return _add(conversation, content=_checked(content), sender_id=by.pk, parent_message=parent)


@transaction.atomic
def ask(*, conversation: Conversation, question: str, by) -> Message:
    """Answer a question from the patient's passages, each sentence cited, or abstain.

    Question and answer become messages; citations name document, page and quote, and the answer
    keeps how many of the patient's documents could not be searched yet. Raises `Invalid`
    for an empty or too long question and for a conversation without a patient.
    """
    tenancy.current().require(Permission.CHART_ASK)
    _require_own(conversation, by)
    question = _checked(question, field="question")
    if conversation.patient_id is None:
        raise invalid("question", _("Only a conversation about a patient can be asked."))
    patient = conversation.patient
    if patient is None:  # out of sight since the conversation was read
        raise Missing(_("There is no such patient."))
    access.require_reach(patient, Category.DOCUMENTS)
    hits = retrieval.search(
        query=question[: retrieval.LONGEST_QUERY],
        patient=patient,
        limit=PASSAGES_READ,
        how="answer",
        by=by,
    )
    answer = answering.answerer().answer(
        question,
        [hit.text for hit in hits],
        language=get_language() or "en",
        names=[patient.first_name, patient.last_name],
    )
    asked = _add(conversation, content=question, sender_id=by.pk)
    text, citations = _cited(answer, hits)
    return _add(
        conversation,
        content=text,
        citations=citations,
        cited=sorted({UUID(citation["document"]) for citation in citations}),
        message_type=Message.Type.AI_RESPONSE,
        parent_message=asked,
        abstained=answer.abstained,
        documents_unread=indexing.waiting(documents.visible_to(by).filter(patient=patient)).count(),
        ai_model=answer.model,
        ai_confidence=round(answer.confidence, 2),
    )


def _cited(answer, hits) -> tuple[str, list[dict]]:
    """The answer's text and its citations, one for each quote, in order."""
    if answer.abstained:
        return str(_("I found nothing in this patient's documents that answers this.")), []
    citations = []
    for number, sentence in enumerate(answer.sentences):
        for citation in sentence.citations:
            chunk = hits[citation.passage].chunk
            citations.append(
                {
                    "document": str(chunk.document_id),
                    "page": chunk.page,
                    "quote": citation.quote,
                    "start": chunk.start + citation.start,
                    "end": chunk.start + citation.end,
                    "sentence": number,
                    "claim": sentence.text,
                }
            )
    return " ".join(sentence.text for sentence in answer.sentences), citations


def _checked(text: str, field: str = "content") -> str:
    text = (text or "").strip()
    if not text:
        raise invalid(field, _("Write something first."))
    if len(text) > LONGEST_MESSAGE:
        raise invalid(field, _("Write at most 4,000 characters."))
    return text


def _require_own(conversation: Conversation, by) -> None:
    if not visible_to(by).filter(pk=conversation.pk).exists():
        raise Missing(_("There is no such conversation."))
    if conversation.patient_id:
        proxy.require(conversation.patient_id, by=by)


def _add(conversation: Conversation, **fields) -> Message:
    Conversation.objects.filter(pk=conversation.pk).update(updated_at=timezone.now())
    return Message.objects.create(
        facility_id=conversation.facility_id,
        conversation=conversation,
        patient_id=conversation.patient_id,
        **fields,
    )
