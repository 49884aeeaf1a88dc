"""When a patient takes a medicine, and what became of each dose."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from clinic.models.base import FacilityForeignKey
from clinic.models.people import User
from clinic.models.reach import validate_timezone
from clinic.security.fields import EncryptedCharField, EncryptedTextField
from patients.models import Kept, Medication, PatientRow, confidential_has_a_kind
from scheduling.models.waitlist import all_days


class MedicationReminder(Kept, PatientRow):
    """When a medicine is due. What it says is never changed: who wants it otherwise ends it
    (`ends_at`) and begins another, so that what was due stays what was due.

    Times of day and days are those of the clock where the patient is (`PatientZone`); every so many
    hours counts from `begins_at` by elapsed time. It is kept as its medicine is.
    """

    class Pattern(models.TextChoices):
        TIMES = "times", _("At times of the day")
        HOURS = "hours", _("Every so many hours")
        RULE = "rule", _("By a rule")
        AS_NEEDED = "as_needed", _("As needed")

    class Meal(models.TextChoices):
        BEFORE = "before", _("Before a meal")
        WITH = "with", _("With a meal")
        AFTER = "after", _("After a meal")

    medication = FacilityForeignKey(
        Medication, on_delete=models.PROTECT, related_name="+", verbose_name=_("medicine")
    )
    pattern = models.CharField(_("when"), max_length=10, choices=Pattern, default=Pattern.TIMES)
    times = ArrayField(models.TimeField(), verbose_name=_("times"), default=list, blank=True)
    days = ArrayField(models.PositiveSmallIntegerField(), verbose_name=_("days"), default=all_days)
    every_hours = models.PositiveSmallIntegerField(
        _("every so many hours"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(168)],
    )
    rule = models.CharField(_("rule"), max_length=500, blank=True)
    amount = EncryptedCharField(_("how much"), max_length=100, blank=True, default="")
    meal = models.CharField(_("meal"), max_length=10, choices=Meal, blank=True)
    first_day = models.DateField(_("first day"))
    last_day = models.DateField(_("last day"), null=True, blank=True)
    begins_at = models.DateTimeField(_("begins"))
    ends_at = models.DateTimeField(_("ends"), null=True, blank=True)
    sends_messages = models.BooleanField(_("a message when it is due"), default=True)
    set_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("set by")
    )

    class Meta:
        verbose_name = _("reminder of a medicine")
        verbose_name_plural = _("reminders of medicines")
        ordering = ["begins_at"]
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="reminder_in_facility"),
            models.UniqueConstraint(
                fields=["facility", "id", "sensitivity", "confidential_kind"],
                name="reminder_as_it_is_kept",
            ),
            confidential_has_a_kind("reminder_confidential_has_a_kind"),
            models.CheckConstraint(
                condition=Q(last_day__isnull=True) | Q(last_day__gte=F("first_day")),
                name="a_reminder_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=Q(days__contained_by=all_days()) & Q(days__len__gte=1),
                name="reminds_on_days_of_the_week",
            ),
            models.CheckConstraint(
                condition=Q(pattern="times", times__len__gte=1)
                | Q(pattern="hours", every_hours__range=(1, 168))
                | Q(pattern="rule") & ~Q(rule="")
                | Q(pattern="as_needed"),
                name="a_reminder_says_when",
            ),
        ]
        indexes = [
            models.Index(fields=["patient", "ends_at"], name="reminders_of_a_patient"),
            models.Index(
                fields=["facility"], name="reminders_in_force", condition=Q(ends_at__isnull=True)
            ),
        ]

    def __str__(self):
        return self.get_pattern_display()


class ReminderLog(Kept, PatientRow):
    """What became of one dose; each that was due has one row. One that is taken as needed was not
    due at any time."""

    class Status(models.TextChoices):
        DUE = "due", _("Due")
        TAKEN = "taken", _("Taken")
        SKIPPED = "skipped", _("Skipped")
        SNOOZED = "snoozed", _("Later")
        MISSED = "missed", _("Missed")

    reminder = FacilityForeignKey(
        MedicationReminder,
        on_delete=models.PROTECT,
        related_name="logs",
        verbose_name=_("reminder"),
    )
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.DUE)
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)
    snoozed_until = models.DateTimeField(_("later at"), null=True, blank=True)
    snoozes = models.PositiveSmallIntegerField(_("put off so many times"), default=0)
    note = EncryptedTextField(_("note"), blank=True, default="")
    answered_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("answered by")
    )

    class Meta:
        verbose_name = _("dose")
        verbose_name_plural = _("doses")
        ordering = ["-due_at"]
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="dose_in_facility"),
            models.UniqueConstraint(fields=["reminder", "due_at"], name="a_dose_is_due_once"),
            confidential_has_a_kind("dose_confidential_has_a_kind"),
            models.CheckConstraint(
                condition=Q(due_at__isnull=False) | Q(status="taken"),
                name="what_was_not_due_was_taken",
            ),
            models.CheckConstraint(
                condition=Q(status="snoozed", snoozed_until__isnull=False)
                | ~Q(status="snoozed") & Q(snoozed_until__isnull=True),
                name="what_is_put_off_says_until_when",
            ),
        ]
        indexes = [
            models.Index(fields=["patient", "-due_at"], name="doses_of_a_patient"),
            models.Index(
                fields=["facility", "due_at"],
                name="doses_not_answered",
                condition=Q(status__in=["due", "snoozed"]),
            ),
        ]

    def __str__(self):
        return self.get_status_display()


class PatientZone(PatientRow):
    """By which clock a patient takes her medicines, from when on: she travels. Without a row it is
    the clinic's."""

    zone = models.CharField(_("time zone"), max_length=64, validators=[validate_timezone])
    since = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("time zone of a patient")
        verbose_name_plural = _("time zones of patients")
        ordering = ["since"]
        constraints = [
            models.UniqueConstraint(fields=["patient", "since"], name="one_clock_at_a_time")
        ]

    def __str__(self):
        return self.zone
