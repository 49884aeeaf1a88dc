"""Clinicians whom a patient has invited, or who have invited her."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from clinic.models.people import User
from clinic.security.fields import EncryptedTextField
from clinic.security.permissions import SHARED
from patients.models.patient import PatientRow


class CareRelationship(PatientRow):
    """That a clinician treats a patient by invitation of either, and what is open to her then.

    `blocked` is the patient's alone: nothing but an emergency opens the patient to that person
    then, whatever her role reaches.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("Invited")
        ACTIVE = "active", _("Agreed")
        INACTIVE = "inactive", _("Ended")
        BLOCKED = "blocked", _("Blocked")

    class Side(models.TextChoices):
        PATIENT = "patient", _("The patient")
        CLINICIAN = "clinician", _("The clinician")

    clinician = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", verbose_name=_("clinician")
    )
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.PENDING)
    invited_by = models.CharField(_("invited by"), max_length=10, choices=Side)
    categories = ArrayField(
        models.CharField(max_length=30, choices=[(c.value, c.label) for c in SHARED]),
        verbose_name=_("open"),
        default=list,
    )
    message = EncryptedTextField(_("message"), blank=True, default="")
    # Who spoke for the patient may do so no more when the clinician answers.
    asked_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("asked by")
    )
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    ended_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("ended by")
    )

    class Meta:
        verbose_name = _("care relationship")
        verbose_name_plural = _("care relationships")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["facility", "patient", "clinician"], name="one_relationship_a_pair"
            )
        ]
        indexes = [models.Index(fields=["clinician", "status"], name="relations_of_a_clinician")]

    def __str__(self):
        return self.get_status_display()
