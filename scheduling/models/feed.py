"""Calendars that leave the house, and those of others that come in."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from clinic.models.base import FacilityForeignKey, FacilityRow
from clinic.models.people import Specialist, User
from clinic.security.fields import EncryptedCharField
from patients.models import Patient


class FeedQuerySet(models.QuerySet):
    def open(self):
        return self.filter(revoked_at=None)


class CalendarFeed(FacilityRow):
    """The private address of a calendar; of its secret only the digest is kept. Who has the address
    sees what its owner sees at that moment, and no more than times and places."""

    class Scope(models.TextChoices):
        SPECIALIST = "specialist", _("My own visits with patients")
        PATIENT = "patient", _("Visits of one patient")
        FAMILY = "family", _("Visits of the family")

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="+", verbose_name=_("person")
    )
    scope = models.CharField(_("shows"), max_length=10, choices=Scope)
    patient = FacilityForeignKey(
        Patient,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("patient"),
    )
    digest = models.BinaryField(unique=True, editable=False)
    last_read_at = models.DateTimeField(_("last read"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)

    objects = FeedQuerySet.as_manager()

    class Meta:
        verbose_name = _("calendar address")
        verbose_name_plural = _("calendar addresses")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(scope="patient", patient__isnull=False)
                | ~Q(scope="patient") & Q(patient__isnull=True),
                name="a_feed_of_a_patient_names_her",
            )
        ]
        indexes = [models.Index(fields=["user", "facility"], name="feeds_of_a_person")]

    def __str__(self):
        return self.get_scope_display()


class BusyCalendar(FacilityRow):
    """A calendar kept elsewhere whose busy times are taken here: from an address that is read again
    and again, or from a file that was read once."""

    class Failure(models.TextChoices):
        PRIVATE = "private", _("The address lies in a private network")
        UNREACHABLE = "unreachable", _("The address could not be reached")
        MALFORMED = "malformed", _("This is not a calendar")
        TOO_LARGE = "too_large", _("The calendar is too large")
        UNSUPPORTED = "unsupported", _("A repeating event has a rule that is not supported")

    specialist = FacilityForeignKey(
        Specialist, on_delete=models.CASCADE, related_name="+", verbose_name=_("specialist")
    )
    name = models.CharField(_("name"), max_length=100)
    url = EncryptedCharField(_("address"), max_length=2000, blank=True, default="")
    etag = models.CharField(max_length=200, blank=True, editable=False)
    fetched_at = models.DateTimeField(_("read"), null=True, editable=False)
    failed_at = models.DateTimeField(_("failed"), null=True, editable=False)
    failure = models.CharField(
        _("failure"), max_length=20, choices=Failure, blank=True, editable=False
    )

    class Meta:
        verbose_name = _("calendar kept elsewhere")
        verbose_name_plural = _("calendars kept elsewhere")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="busycalendar_in_facility"),
            models.UniqueConstraint(fields=["specialist", "name"], name="one_calendar_a_name"),
        ]

    def __str__(self):
        return self.name


class BusyTime(FacilityRow):
    """A time at which a specialist is busy elsewhere. It tells neither where nor with what."""

    calendar = FacilityForeignKey(
        BusyCalendar, on_delete=models.CASCADE, related_name="times", verbose_name=_("calendar")
    )
    specialist = FacilityForeignKey(
        Specialist, on_delete=models.CASCADE, related_name="+", verbose_name=_("specialist")
    )
    start_datetime = models.DateTimeField(_("start"))
    end_datetime = models.DateTimeField(_("end"))

    class Meta:
        verbose_name = _("busy time")
        verbose_name_plural = _("busy times")
        ordering = ["start_datetime"]
        constraints = [
            models.UniqueConstraint(
                fields=["calendar", "start_datetime", "end_datetime"], name="a_busy_time_once"
            ),
            models.CheckConstraint(
                condition=Q(end_datetime__gt=F("start_datetime")),
                name="a_busy_time_ends_after_it_starts",
            ),
        ]

    def __str__(self):
        return f"{self.start_datetime:%Y-%m-%d %H:%M}"
