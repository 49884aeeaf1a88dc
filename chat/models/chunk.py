"""Passages of documents with their vectors, and the keyed words that find them."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from pgvector.django import VectorField

from clinic.models.base import FacilityForeignKey, FacilityRow
from clinic.security.fields import EncryptedTextField
from patients.models import Kept
from records.models import Document


class Chunk(Kept, FacilityRow):
    """A passage of a page: `start` and `end` are offsets into the page's text."""

    document = FacilityForeignKey(
        Document, on_delete=models.CASCADE, related_name="chunks", verbose_name=_("document")
    )
    patient_id = models.UUIDField(editable=False)
    chunk_index = models.PositiveIntegerField(_("number"))
    page = models.PositiveIntegerField(_("page"))
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    chunk_text = EncryptedTextField(_("text"))
    # Keyed words and how often each stands in the passage, side by side.
    lexemes = ArrayField(models.BinaryField(), default=list)
    counts = ArrayField(models.PositiveSmallIntegerField(), default=list)
    length = models.PositiveIntegerField(default=0)
    embedding = VectorField(null=True)
    dimensions = models.PositiveSmallIntegerField(null=True)
    embedding_model = models.CharField(_("model"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("passage")
        verbose_name_plural = _("passages")
        ordering = ["chunk_index"]
        constraints = [
            models.UniqueConstraint(
                fields=["document", "chunk_index"], name="a_passage_is_kept_once"
            )
        ]
        indexes = [models.Index(fields=["facility", "patient_id"], name="passages_of_a_patient")]

    def __str__(self):
        return str(self.chunk_index)


class IndexedDocument(Kept, FacilityRow):
    """That a document's text has been cut into passages, and with which model: a document that is
    read and has no such row, or one of another text, is found again by the next round."""

    document = FacilityForeignKey(
        Document, on_delete=models.CASCADE, related_name="+", verbose_name=_("document")
    )
    patient_id = models.UUIDField(editable=False)
    read_at = models.DateTimeField(_("reading that was indexed"))
    embedding_model = models.CharField(_("model"), max_length=100)
    passages = models.PositiveIntegerField(_("passages"))

    class Meta:
        verbose_name = _("indexed document")
        verbose_name_plural = _("indexed documents")
        constraints = [
            models.UniqueConstraint(fields=["document"], name="a_document_is_indexed_once")
        ]

    def __str__(self):
        return str(self.passages)
