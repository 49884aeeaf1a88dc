"""Documents: the file stays sealed in storage, its text in pages."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from clinic.models.base import FacilityForeignKey, FacilityRow
from clinic.models.people import User
from clinic.security import blindindex
from clinic.security.fields import EncryptedCharField, EncryptedJSONField, EncryptedTextField
from patients.models import Kept, PatientRow, confidential_has_a_kind


class DocumentQuerySet(models.QuerySet):
    def unfinished(self):
        """Those that a worker still has to read."""
        return self.filter(
            processing_status__in=[Document.Processing.PENDING, Document.Processing.PROCESSING]
        )


class Document(Kept, PatientRow):
    """A file about a patient."""

    class Type(models.TextChoices):
        MEDICAL_RECORD = "medical_record", _("Medical record")
        LAB_RESULT = "lab_result", _("Laboratory result")
        IMAGING_REPORT = "imaging_report", _("Imaging report")
        DISCHARGE_SUMMARY = "discharge_summary", _("Discharge summary")
        TREATMENT_PLAN = "treatment_plan", _("Treatment plan")
        INSURANCE_DOCUMENT = "insurance_document", _("Insurance document")
        CONSENT_FORM = "consent_form", _("Consent form")
        MEDICATION_LIST = "medication_list", _("List of medicines")
        ALLERGY_RECORD = "allergy_record", _("Allergy record")
        CLINICAL_NOTE = "clinical_note", _("Clinical note")
        REFERRAL = "referral", _("Referral")
        OTHER = "other", _("Other")

    class Processing(models.TextChoices):
        PENDING = "pending", _("Waiting to be read")
        PROCESSING = "processing", _("Being read")
        COMPLETED = "completed", _("Read")
        ERROR = "error", _("Could not be read")

    original_filename = EncryptedCharField(_("file name"), max_length=300)
    document_type = models.CharField(_("kind"), max_length=30, choices=Type, default=Type.OTHER)
    mime_type = models.CharField(_("format"), max_length=100)
    file_size = models.BigIntegerField(_("size"))
    checksum = EncryptedCharField(_("checksum"), max_length=64, editable=False)
    checksum_index = models.BinaryField(editable=False)
    storage_name = models.CharField(max_length=200, editable=False)
    uploaded_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("uploaded by")
    )
    processing_status = models.CharField(
        _("status"), max_length=20, choices=Processing, default=Processing.PENDING
    )
    pages_total = models.PositiveIntegerField(_("pages"), default=0)
    pages_done = models.PositiveIntegerField(_("pages read"), default=0)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    claimed_at = models.DateTimeField(null=True, editable=False)
    processed_at = models.DateTimeField(_("read at"), null=True, editable=False)
    error_reason = models.CharField(_("reason"), max_length=60, blank=True)
    ocr_confidence = models.FloatField(_("confidence"), null=True, blank=True)
    extracted_metadata = EncryptedJSONField(_("extracted"), blank=True, default=dict)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="document_in_facility"),
            # What is made of a document is kept as the document is (`rls.KeptAs`).
            models.UniqueConstraint(
                fields=["facility", "id", "sensitivity", "confidential_kind"],
                name="document_as_it_is_kept",
            ),
            confidential_has_a_kind("document_confidential_has_a_kind"),
            # Of a file that is hidden from who adds it a refusal would tell that it is there.
            models.UniqueConstraint(
                fields=[
                    "facility",
                    "patient",
                    "checksum_index",
                    "sensitivity",
                    "confidential_kind",
                ],
                name="a_file_is_kept_once_a_patient",
            ),
        ]
        indexes = [
            models.Index(fields=["patient", "-created_at"], name="documents_of_a_patient"),
            models.Index(fields=["facility", "processing_status"], name="documents_to_read"),
        ]

    def __str__(self):
        return self.get_document_type_display()

    def save(self, *args, **kwargs):
        if self._state.adding:
            self.checksum_index = self.index_of(self.checksum)
        super().save(*args, **kwargs)

    def index_of(self, checksum: str) -> bytes:
        """What a file is found again by: a guess at its content cannot be tried on a dump."""
        return blindindex.token("file", checksum, facility_id=self.facility_id)

    @property
    def progress(self) -> float:
        """How much has been read, from 0 to 1."""
        if self.processing_status == self.Processing.COMPLETED:
            return 1.0
        return round(self.pages_done / self.pages_total, 2) if self.pages_total else 0.0


class DocumentPage(Kept, FacilityRow):
    """The text of one page, with its lines and how sure the reader was."""

    document = FacilityForeignKey(
        Document, on_delete=models.CASCADE, related_name="pages", verbose_name=_("document")
    )
    patient_id = models.UUIDField(editable=False)
    number = models.PositiveIntegerField(_("page"))
    text = EncryptedTextField(_("text"))
    lines = EncryptedJSONField(_("lines"), default=list)
    confidence = models.FloatField(_("confidence"))

    class Meta:
        verbose_name = _("page")
        verbose_name_plural = _("pages")
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["document", "number"], name="a_page_is_kept_once")
        ]

    def __str__(self):
        return str(self.number)
