"""The medical record that a clinician writes of a visit."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from clinic.models.base import FacilityForeignKey
from clinic.models.people import User
from clinic.security.fields import EncryptedCharField, EncryptedJSONField, EncryptedTextField
from patients.models import Kept, PatientRow, confidential_has_a_kind
from scheduling.models import Appointment


class MedicalRecord(Kept, PatientRow):
    """What was found, decided and done at a visit."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        FINAL = "final", _("Final")

    appointment = FacilityForeignKey(
        Appointment,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="records",
        verbose_name=_("visit"),
    )
    author = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", verbose_name=_("written by")
    )
    visit_date = models.DateTimeField(_("date of the visit"))
    department = EncryptedCharField(_("department"), max_length=100, blank=True, default="")
    primary_diagnosis = EncryptedTextField(_("primary diagnosis"))
    secondary_diagnoses = EncryptedJSONField(_("further diagnoses"), blank=True, default=list)
    vital_signs = EncryptedJSONField(_("vital signs"), blank=True, default=dict)
    treatment = EncryptedTextField(_("treatment"), blank=True, default="")
    notes = EncryptedTextField(_("notes"), blank=True, default="")
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.DRAFT)
    discharge_date = models.DateTimeField(_("discharged"), null=True, blank=True)

    class Meta:
        verbose_name = _("medical record")
        verbose_name_plural = _("medical records")
        ordering = ["-visit_date"]
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="medicalrecord_in_facility"),
            confidential_has_a_kind("medicalrecord_confidential_has_a_kind"),
        ]
        indexes = [models.Index(fields=["patient", "-visit_date"], name="records_of_a_patient")]

    def __str__(self):
        return f"{self.visit_date:%Y-%m-%d}"
