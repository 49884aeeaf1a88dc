"""Conversations, their messages, and questions answered with their sources."""

from dataclasses import replace

from django.http import Http404
from django.utils.translation import gettext_lazy as _
from rest_framework.decorators import action
from rest_framework.response import Response

from chat import conversations
from chat.models import Conversation, Message
from clinic.api import fields
from clinic.api.fields import UUID_TEXT
from clinic.api.idempotent import idempotent
from clinic.api.resource import Resource
from clinic.api.serializing import (
    SOME_ID,
    StrictModelSerializer,
    StrictSerializer,
    answer,
    question,
    ready,
)
from clinic.errors import invalid
from clinic.security.idempotency import About
from clinic.security.permissions import Category, Permission
from patients import access
from patients.api.nested import patient_reference
from patients.models import Patient


def patients_with_documents():
    return access.visible(Patient.objects.all(), None, category=Category.DOCUMENTS, column="pk")


class ConversationBody(StrictModelSerializer):
    """A conversation, private to the person who began it."""

    example = {"patient": SOME_ID, "title": "Blood pressure"}

    patient = patient_reference(rows=patients_with_documents, required=False, allow_null=True)
    status = fields.Choice(choices=Conversation.Status.choices, read_only=True)
    conversation_type = fields.Choice(choices=Conversation.Type.choices, required=False)
    tags = fields.Texts(required=False, longest=50, max_length=20)

    class Meta:
        model = Conversation
        fields = (
            "id", "title", "patient", "conversation_type", "status", "priority", "tags", "version",
            "created_at", "updated_at",
        )  # fmt: skip


class Citation(StrictSerializer):
    """Where a claim stands: the document, its page, the words, and their place on the page."""

    sometimes = frozenset({"claim"})

    document = fields.Id()
    page = fields.Whole()
    quote = fields.Text()
    start = fields.Whole()
    end = fields.Whole()
    sentence = fields.Whole(help_text=_("The number of the answer's sentence, from 0."))
    claim = fields.Text(required=False, help_text=_("That sentence."))


class MessageBody(StrictModelSerializer):
    """One message. `urgency` and `intent` are null as long as nobody has judged them."""

    example = {"content": "Remember the scan."}

    content = fields.Text(max_length=conversations.LONGEST_MESSAGE)
    conversation = fields.Id(source="conversation_id", read_only=True)
    sender = fields.Id(source="sender_id", read_only=True, allow_null=True)
    message_type = fields.Choice(choices=Message.Type.choices, read_only=True)
    parent_message = fields.Id(source="parent_message_id", required=False, allow_null=True)
    citations = Citation(many=True, read_only=True)
    is_sensitive = fields.Flag(read_only=True)
    abstained = fields.Flag(read_only=True)
    documents_unread = fields.Whole(read_only=True)
    ai_model = fields.Text(read_only=True)
    ai_confidence = fields.Number(max_digits=3, decimal_places=2, read_only=True, allow_null=True)
    edited_at = fields.Moment(read_only=True, allow_null=True)
    urgency = fields.Text(read_only=True, allow_null=True)
    intent = fields.Text(read_only=True, allow_null=True)

    class Meta:
        model = Message
        fields = (
            "id", "conversation", "sender", "message_type", "content", "citations",
            "parent_message", "is_sensitive", "abstained", "documents_unread", "ai_model",
            "ai_confidence", "edited_at", "urgency", "intent", "version", "created_at",
        )  # fmt: skip


class Question(StrictSerializer):
    """A question about the conversation's patient."""

    example = {"question": "Which dose of lisinopril does she take?"}

    question = fields.Text(max_length=conversations.LONGEST_MESSAGE)


Answered = answer(
    "Answer",
    answer=fields.Text(),
    citations=Citation(many=True),
    confidence=fields.Number(max_digits=3, decimal_places=2),
    abstained=fields.Flag(help_text=_("Nothing in the documents answers this.")),
    documents_unread=fields.Whole(
        help_text=_("How many of the patient's documents could not be searched yet.")
    ),
    model=fields.Text(),
    message=fields.Id(help_text=_("The message that keeps the answer.")),
)


class Conversations(Resource):
    """One's own conversations, the newest first."""

    required = dict.fromkeys(("list", "retrieve", "create", "ask"), Permission.CHART_ASK)
    category = Category.DOCUMENTS
    asked = {
        "list": question(
            "ConversationQuestion",
            patient=fields.Id(required=False),
            status=fields.Choice(choices=Conversation.Status.choices, required=False),
        )
    }
    bodies = {"ask": Question}
    answers = {"ask": {200: Answered}}
    serializer_class = ConversationBody

    def visible(self):
        rows = conversations.visible_to(self.request.user).select_related(None)
        return rows.filter(**self.question)

    @idempotent
    def create(self, request):
        """Begin a conversation, about a patient or not."""
        return self.created(conversations.begin(by=request.user, **self.validated()))

    def about(self, answer):
        """Of an answer: the message that keeps it, and its conversation's patient."""
        if self.action != "ask":
            return super().about(answer)
        return About(
            resource=Message._meta.label_lower,
            object_id=answer["message"],
            patient_id=self.asked_in.patient_id,
            category=self.category,
        )

    @action(detail=True, methods=["post"])
    @idempotent
    def ask(self, request, pk):
        """Ask about the patient. Answered from her documents, each claim with its source, or not
        at all: `abstained` says that nothing there supports an answer."""
        conversation = self.asked_in = self.get_object()
        answered = conversations.ask(
            conversation=conversation, question=self.validated()["question"], by=request.user
        )
        message = ready(MessageBody).to_representation(answered)
        return Response(
            {
                "answer": message["content"],
                "citations": message["citations"],
                "confidence": message["ai_confidence"] or 0.0,
                "abstained": message["abstained"],
                "documents_unread": message["documents_unread"],
                "model": message["ai_model"],
                "message": message["id"],
            }
        )


class Messages(Resource):
    """The messages of one of one's own conversations, oldest first."""

    required = dict.fromkeys(("list", "create"), Permission.CHART_ASK)
    category = Category.DOCUMENTS
    serializer_class = MessageBody
    ordering = "id"

    @property
    def conversation(self) -> Conversation:
        wanted = self.kwargs["conversation_id"]
        rows = conversations.visible_to(self.request.user)
        found = rows.filter(pk=wanted).first() if UUID_TEXT.fullmatch(wanted) else None
        if found is None:
            raise Http404
        return found

    def visible(self):
        return conversations.messages_of(self.conversation)

    def about(self, answer):
        return replace(super().about(answer), patient_id=self.conversation.patient_id)

    @idempotent
    def create(self, request, conversation_id):
        """Add a message."""
        conversation, body = self.conversation, self.validated()
        parent = None
        if parent_id := body.get("parent_message_id"):
            parent = conversations.messages_of(conversation).filter(pk=parent_id).first()
            if parent is None:
                raise invalid("parent_message", _("There is no such message here."))
        message = conversations.say(
            conversation=conversation, content=body["content"], parent=parent, by=request.user
        )
        return self.created(message)
