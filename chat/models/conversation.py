"""Conversations and their messages."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clinic.models.base import FacilityForeignKey, FacilityRow
from clinic.models.people import User
from clinic.security.fields import EncryptedCharField, EncryptedJSONField, EncryptedTextField
from patients.models import Patient


class Conversation(FacilityRow):
    """A conversation, private to the person who began it."""

    class Type(models.TextChoices):
        GENERAL = "general", _("General")
        PATIENT_SPECIFIC = "patient_specific", _("About a patient")
        ADMINISTRATIVE = "administrative", _("Administrative")

    class Status(models.TextChoices):
        ACTIVE = "active", pgettext_lazy("conversation", "Active")
        ARCHIVED = "archived", _("Archived")
        ESCALATED = "escalated", _("Escalated")
        COMPLETED = "completed", _("Completed")

    class Priority(models.TextChoices):
        LOW = "low", pgettext_lazy("priority", "Low")
        NORMAL = "normal", _("Normal")
        HIGH = "high", pgettext_lazy("priority", "High")

    title = EncryptedCharField(_("title"), max_length=255, blank=True, default="")
    patient = FacilityForeignKey(
        Patient,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("patient"),
    )
    conversation_type = models.CharField(
        _("kind"), max_length=20, choices=Type, default=Type.PATIENT_SPECIFIC
    )
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.ACTIVE)
    priority = models.CharField(
        _("priority"), max_length=10, choices=Priority, default=Priority.NORMAL
    )
    tags = EncryptedJSONField(_("tags"), blank=True, default=list)
    created_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", verbose_name=_("begun by")
    )

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        ordering = ["-updated_at"]
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="conversation_in_facility")
        ]

    def __str__(self):
        return self.get_conversation_type_display()


class Message(FacilityRow):
    """One message; an answer carries its citations, confidence and model."""

    class Type(models.TextChoices):
        TEXT = "text", _("Text")
        DOCUMENT_UPLOAD = "document_upload", _("Document")
        SYSTEM_NOTIFICATION = "system_notification", _("Notice")
        AI_RESPONSE = "ai_response", _("Answer by the computer")
        QUERY_RESULT = "query_result", _("Search result")

    conversation = FacilityForeignKey(
        Conversation,
        on_delete=models.CASCADE,
        related_name="messages",
        verbose_name=_("conversation"),
    )
    patient_id = models.UUIDField(null=True, editable=False)
    sender = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=pgettext_lazy("sender", "from"),
    )
    message_type = models.CharField(_("kind"), max_length=20, choices=Type, default=Type.TEXT)
    content = EncryptedTextField(_("text"))
    citations = EncryptedJSONField(_("sources"), default=list, blank=True)
    parent_message = FacilityForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    is_sensitive = models.BooleanField(_("sensitive"), default=False)
    # An answer is shown to who may see all the documents that it cites, by its policy.
    cited = ArrayField(models.UUIDField(), default=list, editable=False)
    abstained = models.BooleanField(_("no answer found"), default=False)
    documents_unread = models.PositiveIntegerField(_("documents that were not read yet"), default=0)
    ai_model = models.CharField(_("model"), max_length=100, blank=True)
    ai_confidence = models.DecimalField(
        _("confidence"), max_digits=3, decimal_places=2, null=True, blank=True
    )
    edited_at = models.DateTimeField(_("edited"), null=True, blank=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="message_in_facility")
        ]

    def __str__(self):
        return self.get_message_type_display()
