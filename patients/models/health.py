"""The health profile: what is known of a patient beyond single visits. Clinical words are sealed;
dates, codes of state and provenance stand open."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from clinic.models.people import User
from clinic.security.fields import EncryptedCharField, EncryptedJSONField, EncryptedTextField
from patients.models.patient import PatientRow
from patients.models.sensitivity import Kept, confidential_has_a_kind


class Source(models.TextChoices):
    """Where a fact came from."""

    PATIENT = "patient", _("Patient")
    CLINICIAN = "clinician", _("Clinician")
    IMPORT = "import", _("Import")
    OCR = "ocr", _("Read from a document")


class HealthFactQuerySet(models.QuerySet):
    def active(self):
        """What holds now: what was retired does not, nor what had an end that is past."""
        ends_later = models.Q(valid_until=None) | models.Q(valid_until__gt=Now())
        return self.filter(ends_later, is_active=True)


# What a verification status says of a fact that must not be believed, in FHIR's words.
TAKEN_BACK = ("refuted", "entered-in-error")


class VerifiableQuerySet(HealthFactQuerySet):
    """Of facts that say how sure they are."""

    def standing(self):
        """Without those that were taken back."""
        return self.exclude(verification_status__in=TAKEN_BACK)


def taken_back_is_inactive(name: str) -> models.CheckConstraint:
    """What was refuted, or entered in error, holds no longer."""
    taken_back = models.Q(verification_status__in=TAKEN_BACK)
    return models.CheckConstraint(condition=~taken_back | models.Q(is_active=False), name=name)


class HealthFact(Kept, PatientRow):
    """A fact of the health profile, with its source, who verified it, and until when it holds.

    `recorded_by` is who of the clinic wrote it: its author, whom it is never closed to, so nobody
    becomes that later (`rls.Authored`). Who verified it learns nothing by that.
    """

    source = models.CharField(_("source"), max_length=20, choices=Source, default=Source.CLINICIAN)
    recorded_by = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("recorded by"),
    )
    verified_by = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("verified by"),
    )
    valid_until = models.DateTimeField(_("holds until"), null=True, blank=True)
    fhir_id = models.CharField(max_length=100, blank=True, editable=False)
    is_active = models.BooleanField(_("active"), default=True)

    objects = HealthFactQuerySet.as_manager()

    class Meta:
        abstract = True
        constraints = [
            models.UniqueConstraint(
                fields=["facility", "patient", "fhir_id"],
                condition=~models.Q(fhir_id=""),
                name="%(class)s_imported_once",
            ),
            confidential_has_a_kind("%(class)s_confidential_has_a_kind"),
        ]
        indexes = [models.Index(fields=["patient", "is_active"], name="%(class)s_of_patient")]


class VerifiableFact(HealthFact):
    """A fact whose `verification_status` says how sure it is, in FHIR's words; who of this clinic
    has checked the entry is in `verified_by`."""

    objects = VerifiableQuerySet.as_manager()

    class Meta(HealthFact.Meta):
        abstract = True

    @property
    def is_uncertain(self) -> bool:
        """Whether it is said to be less than a fact: suspected, or one of several possibilities."""
        return self.verification_status not in {"", "confirmed"}


class Allergy(VerifiableFact):
    """An allergy or intolerance."""

    class AllergenCategory(models.TextChoices):
        MEDICATION = "medication", _("Medicine")
        FOOD = "food", _("Food")
        ENVIRONMENT = "environment", _("Environment")
        BIOLOGIC = "biologic", _("Biologic")
        OTHER = "other", _("Other")

    class Severity(models.TextChoices):
        MILD = "mild", _("Mild")
        MODERATE = "moderate", _("Moderate")
        SEVERE = "severe", _("Severe")
        ANAPHYLACTIC = "anaphylactic", _("Anaphylactic")

    class Criticality(models.TextChoices):
        """How much harm the next reaction could do, whatever the last one was like."""

        LOW = "low", _("Low risk")
        HIGH = "high", _("High risk")
        UNABLE_TO_ASSESS = "unable-to-assess", _("Risk not known")

    class VerificationStatus(models.TextChoices):
        """How sure it is that the patient has it, or that it was taken back."""

        UNCONFIRMED = "unconfirmed", _("Unconfirmed")
        PRESUMED = "presumed", _("Presumed")
        CONFIRMED = "confirmed", _("Confirmed")
        REFUTED = "refuted", _("Refuted")
        ENTERED_IN_ERROR = "entered-in-error", _("Entered in error")

    allergen = EncryptedCharField(_("allergen"), max_length=200)
    allergen_category = models.CharField(
        _("kind"), max_length=20, choices=AllergenCategory, default=AllergenCategory.OTHER
    )
    severity = models.CharField(_("severity"), max_length=20, choices=Severity, blank=True)
    criticality = models.CharField(_("risk"), max_length=20, choices=Criticality, blank=True)
    verification_status = models.CharField(
        _("certainty"), max_length=20, choices=VerificationStatus, blank=True
    )
    reactions = EncryptedJSONField(_("reactions"), blank=True, default=list)
    emergency_medication = EncryptedCharField(
        _("emergency medicine"), max_length=200, blank=True, default=""
    )
    code = EncryptedCharField(_("code"), max_length=50, blank=True, default="")
    onset_date = models.DateField(_("since"), null=True, blank=True)

    class Meta(HealthFact.Meta):
        verbose_name = _("allergy")
        verbose_name_plural = _("allergies")
        constraints = [
            *HealthFact.Meta.constraints,
            taken_back_is_inactive("allergy_taken_back_is_inactive"),
        ]

    def __str__(self):
        return self.get_severity_display() or str(self._meta.verbose_name)

    @property
    def is_severe(self) -> bool:
        return self.severity in {self.Severity.SEVERE, self.Severity.ANAPHYLACTIC}

    @property
    def is_critical(self) -> bool:
        """Whether it can kill: by the worst reaction so far, or by the risk of the next."""
        return self.is_severe or self.criticality == self.Criticality.HIGH


class Medication(HealthFact):
    """A medicine that the patient takes or took."""

    generic_name = EncryptedCharField(_("medicine"), max_length=300)
    brand_name = EncryptedCharField(_("brand"), max_length=200, blank=True, default="")
    dosage = EncryptedCharField(_("dose"), max_length=200, blank=True, default="")
    frequency = EncryptedCharField(_("how often"), max_length=200, blank=True, default="")
    route = EncryptedCharField(_("route"), max_length=100, blank=True, default="")
    indication = EncryptedCharField(_("reason"), max_length=300, blank=True, default="")
    prescribed_by = EncryptedCharField(_("prescribed by"), max_length=200, blank=True, default="")
    code = EncryptedCharField(_("code"), max_length=50, blank=True, default="")
    active_from = models.DateField(_("from"), null=True, blank=True)
    active_until = models.DateField(_("until"), null=True, blank=True)

    class Meta(HealthFact.Meta):
        constraints = [
            *HealthFact.Meta.constraints,
            models.UniqueConstraint(
                fields=["facility", "id", "sensitivity", "confidential_kind"],
                name="medication_as_it_is_kept",
            ),
        ]
        verbose_name = _("medicine")
        verbose_name_plural = _("medicines")

    def __str__(self):
        return str(self._meta.verbose_name)


class Condition(VerifiableFact):
    """A problem or diagnosis."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("Active")
        RESOLVED = "resolved", _("Resolved")
        INACTIVE = "inactive", _("Inactive")

    class VerificationStatus(models.TextChoices):
        """How sure it is that the patient has it, or that it was taken back."""

        UNCONFIRMED = "unconfirmed", _("Unconfirmed")
        PROVISIONAL = "provisional", _("Provisional")
        DIFFERENTIAL = "differential", _("Differential")
        CONFIRMED = "confirmed", _("Confirmed")
        REFUTED = "refuted", _("Refuted")
        ENTERED_IN_ERROR = "entered-in-error", _("Entered in error")

    display = EncryptedCharField(_("problem"), max_length=300)
    code = EncryptedCharField(_("code"), max_length=50, blank=True, default="")
    code_system = models.CharField(_("code system"), max_length=100, blank=True)
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.ACTIVE)
    verification_status = models.CharField(
        _("certainty"), max_length=20, choices=VerificationStatus, blank=True
    )
    onset_date = models.DateField(_("since"), null=True, blank=True)
    abatement_date = models.DateField(_("until"), null=True, blank=True)

    class Meta(HealthFact.Meta):
        verbose_name = _("problem")
        verbose_name_plural = _("problems")
        constraints = [
            *HealthFact.Meta.constraints,
            taken_back_is_inactive("condition_taken_back_is_inactive"),
        ]

    def __str__(self):
        return self.get_status_display()


class BloodType(HealthFact):
    """The blood group of the patient, as it was determined."""

    class Group(models.TextChoices):
        O_NEGATIVE = "O-", "O−"
        O_POSITIVE = "O+", "O+"
        A_NEGATIVE = "A-", "A−"
        A_POSITIVE = "A+", "A+"
        B_NEGATIVE = "B-", "B−"
        B_POSITIVE = "B+", "B+"
        AB_NEGATIVE = "AB-", "AB−"
        AB_POSITIVE = "AB+", "AB+"

    group = EncryptedCharField(_("blood group"), max_length=5, choices=Group)
    determined_on = models.DateField(_("determined"), null=True, blank=True)

    class Meta(HealthFact.Meta):
        verbose_name = _("blood group")
        verbose_name_plural = _("blood groups")

    def __str__(self):
        return str(self._meta.verbose_name)


class Immunization(HealthFact):
    """A vaccine that was given."""

    vaccine = EncryptedCharField(_("vaccine"), max_length=300)
    code = EncryptedCharField(_("code"), max_length=50, blank=True, default="")
    given_at = models.DateTimeField(_("given"), null=True, blank=True)
    dose_number = models.PositiveSmallIntegerField(_("dose"), null=True, blank=True)

    class Meta(HealthFact.Meta):
        verbose_name = _("immunization")
        verbose_name_plural = _("immunizations")

    def __str__(self):
        return str(self._meta.verbose_name)


class Reading(HealthFact):
    """A measurement: a vital sign or a laboratory value, with its unit as it came.

    `value` is a decimal where the measurement is a number (blood pressure: systolic, with the
    diastolic in `components`); otherwise `text` has it.
    """

    class Kind(models.TextChoices):
        BLOOD_PRESSURE = "blood_pressure", _("Blood pressure")
        HEART_RATE = "heart_rate", _("Heart rate")
        WEIGHT = "weight", _("Weight")
        HEIGHT = "height", _("Height")
        BMI = "bmi", _("Body mass index")
        TEMPERATURE = "temperature", _("Temperature")
        OXYGEN = "oxygen", _("Oxygen saturation")
        RESPIRATION = "respiration", _("Breathing rate")
        GLUCOSE = "glucose", _("Glucose")
        PAIN = "pain", _("Pain")
        LABORATORY = "laboratory", _("Laboratory value")
        SURVEY = "survey", _("Questionnaire")
        OTHER = "other", _("Other")

    class Trend(models.TextChoices):
        RISING = "rising", _("Rising")
        FALLING = "falling", _("Falling")
        STEADY = "steady", _("Steady")
        UNKNOWN = "", _("Unknown")

    reading_type = models.CharField(_("kind"), max_length=30, choices=Kind, default=Kind.OTHER)
    display = EncryptedCharField(_("name"), max_length=300, blank=True, default="")
    code = EncryptedCharField(_("code"), max_length=50, blank=True, default="")
    value = models.DecimalField(_("value"), max_digits=14, decimal_places=4, null=True, blank=True)
    text = EncryptedTextField(_("text"), blank=True, default="")
    unit = models.CharField(_("unit"), max_length=40, blank=True)
    components = EncryptedJSONField(_("parts"), blank=True, default=list)
    reference_low = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    reference_high = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    taken_at = models.DateTimeField(_("taken"))
    trend_direction = models.CharField(_("trend"), max_length=10, choices=Trend, blank=True)
    encounter_fhir_id = models.CharField(max_length=100, blank=True, editable=False)
    flags = ArrayField(models.CharField(max_length=30), default=list, blank=True, editable=False)

    class Meta(HealthFact.Meta):
        verbose_name = _("reading")
        verbose_name_plural = _("readings")
        indexes = [
            models.Index(fields=["patient", "reading_type", "-taken_at"], name="reading_series")
        ]

    def __str__(self):
        return self.get_reading_type_display()
