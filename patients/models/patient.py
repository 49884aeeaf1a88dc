"""Patients, and the keyed tokens that find them."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from clinic.models.base import FacilityForeignKey, FacilityRow
from clinic.models.people import Invitation, User
from clinic.models.reach import Reached
from clinic.security.fields import (
    EncryptedCharField,
    EncryptedDateField,
    EncryptedEmailField,
    EncryptedJSONField,
)


class Gender(models.TextChoices):
    FEMALE = "female", _("Female")
    MALE = "male", _("Male")
    OTHER = "other", _("Other")
    UNKNOWN = "unknown", _("Unknown")


class PatientQuerySet(models.QuerySet):
    def active(self):
        return self.filter(is_active=True)


class Patient(Reached, FacilityRow):
    """A patient of one facility. Whatever identifies the person is sealed; the record number is
    the facility's own and stands open."""

    mrn = models.CharField(_("record number"), max_length=50)
    first_name = EncryptedCharField(_("first name"), max_length=100)
    last_name = EncryptedCharField(_("last name"), max_length=100)
    date_of_birth = EncryptedDateField(_("date of birth"))
    gender = models.CharField(_("gender"), max_length=20, choices=Gender, default=Gender.UNKNOWN)
    ssn = EncryptedCharField(_("social security number"), max_length=20, blank=True, default="")
    cpf = EncryptedCharField(_("CPF"), max_length=20, blank=True, default="")
    phone = EncryptedCharField(_("phone"), max_length=30, blank=True, default="")
    email = EncryptedEmailField(_("e-mail"), blank=True, default="")
    address = EncryptedJSONField(_("address"), blank=True, default=dict)
    emergency_contact = EncryptedJSONField(_("emergency contact"), blank=True, default=dict)
    insurance_info = EncryptedJSONField(_("insurance"), blank=True, default=dict)
    preferred_language = models.CharField(_("language"), max_length=10, default="en")
    deceased_on = models.DateField(_("died"), null=True, blank=True)
    fhir_id = models.CharField(max_length=100, blank=True, editable=False)
    ssn_index = models.BinaryField(null=True, editable=False)
    cpf_index = models.BinaryField(null=True, editable=False)
    user = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="patients",
        verbose_name=_("account"),
    )
    invitation = FacilityForeignKey(
        Invitation,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("invitation"),
    )
    is_active = models.BooleanField(_("active"), default=True)

    objects = PatientQuerySet.as_manager()

    class Meta:
        verbose_name = _("patient")
        verbose_name_plural = _("patients")
        ordering = ["-id"]
        default_permissions = ()
        # What a grant opens (`clinic.security.permissions.Category`), as django-guardian names it.
        permissions = [
            ("view", "Who the patient is"),
            ("appointments", "Visits"),
            ("medications", "Medicines"),
            ("records", "Records"),
            ("documents", "Documents"),
            ("messages", "Messages"),
            ("mental_health", "Mental health"),
            ("hiv", "HIV"),
            ("reproductive_health", "Reproductive health"),
            ("substance_use", "Substance use"),
            ("confidential", "Otherwise confidential"),
            ("access_log", "Who looked"),
            ("sharing", "Decides who sees the record"),
            ("summary", "Emergency summary"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="patient_in_facility"),
            models.UniqueConstraint(fields=["facility", "mrn"], name="one_patient_a_record_number"),
            models.UniqueConstraint(
                fields=["facility", "ssn_index"],
                condition=models.Q(ssn_index__isnull=False),
                name="one_patient_an_ssn",
            ),
            models.UniqueConstraint(
                fields=["facility", "cpf_index"],
                condition=models.Q(cpf_index__isnull=False),
                name="one_patient_a_cpf",
            ),
            models.UniqueConstraint(
                fields=["facility", "fhir_id"],
                condition=~models.Q(fhir_id=""),
                name="one_patient_a_fhir_id",
            ),
        ]

    def __str__(self):
        return self.mrn

    @property
    def patient_id(self):
        return self.pk

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


class SearchToken(models.Model):
    """A keyed token under which a patient is found; holds nothing that can be read back."""

    facility_id = models.UUIDField()
    token = models.BinaryField()
    patient_id = models.UUIDField()
    pk = models.CompositePrimaryKey("facility_id", "token", "patient_id")

    class Meta:
        verbose_name = _("search token")
        verbose_name_plural = _("search tokens")

    def __str__(self):
        return str(self.patient_id)


class PatientRow(FacilityRow):
    """A row that belongs to a patient, in the patient's facility."""

    patient = FacilityForeignKey(
        Patient, on_delete=models.PROTECT, related_name="+", verbose_name=_("patient")
    )

    class Meta:
        abstract = True
