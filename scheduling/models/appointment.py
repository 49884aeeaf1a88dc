"""Visits that are booked."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.models.base import FacilityForeignKey
from clinic.models.people import Specialist, User
from clinic.security.fields import EncryptedTextField
from patients.models import PatientRow
from scheduling.models.availability import Room
from scheduling.models.group import GroupSession
from scheduling.models.kind import LONGEST_BUFFER, AppointmentType
from scheduling.models.taken import SPAN


class AppointmentQuerySet(models.QuerySet):
    def standing(self):
        """Those that take a place: not canceled."""
        return self.exclude(status=Appointment.Status.CANCELED)

    def upcoming(self):
        """Those that are still awaited: a visit called done or missed is so before its end."""
        awaited = (Appointment.Status.PENDING, Appointment.Status.CONFIRMED)
        rows = self.filter(status__in=awaited, end_datetime__gt=timezone.now())
        return rows.order_by("start_datetime")

    def awaited_at(self, moment):
        """Those that have begun by then and wait to be closed: done, or missed."""
        awaited = (Appointment.Status.PENDING, Appointment.Status.CONFIRMED)
        return self.filter(status__in=awaited, start_datetime__lte=moment)

    def past(self):
        return self.filter(end_datetime__lte=timezone.now()).order_by("-start_datetime")

    def between(self, start, end):
        """Those that touch the half-open range of instants."""
        return self.filter(start_datetime__lt=end, end_datetime__gt=start)


class Appointment(PatientRow):
    """A visit of a patient with a specialist.

    Two that stand never overlap: the database refuses it for the patient here, and for the
    specialist and the room by what they take (`TakenTime`), with the minutes kept free around. Only
    an overbooked one does, which says why. A place in a group session takes no time of its own.
    """

    class Status(models.TextChoices):
        PENDING = "Pending", _("Not yet confirmed")
        CONFIRMED = "Confirmed", _("Booked")
        CANCELED = "Canceled", _("Canceled")
        COMPLETED = "Completed", _("Done")
        NO_SHOW = "NoShow", _("Missed")

    class News(models.TextChoices):
        BOOKED = "booked", _("Booked")
        MOVED = "moved", _("Moved")
        CANCELED = "canceled", _("Canceled")

    specialist = FacilityForeignKey(
        Specialist,
        on_delete=models.PROTECT,
        related_name="appointments",
        verbose_name=_("specialist"),
    )
    appointment_type = FacilityForeignKey(
        AppointmentType, on_delete=models.PROTECT, related_name="+", verbose_name=_("kind of visit")
    )
    room = FacilityForeignKey(
        Room,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("room"),
    )
    start_datetime = models.DateTimeField(_("start"))
    end_datetime = models.DateTimeField(_("end"))
    buffer_before = models.PositiveSmallIntegerField(default=0, editable=False)
    buffer_after = models.PositiveSmallIntegerField(default=0, editable=False)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.CONFIRMED)
    reason = EncryptedTextField(_("reason"), blank=True, default="")
    cancel_reason = EncryptedTextField(_("reason for canceling"), blank=True, default="")
    canceled_late = models.BooleanField(_("canceled late"), default=False)
    overbooking_reason = EncryptedTextField(_("reason for overbooking"), blank=True, default="")
    is_overbooked = models.BooleanField(_("overbooked"), default=False)
    session = FacilityForeignKey(
        GroupSession,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="places",
        verbose_name=_("group session"),
    )
    place = models.PositiveSmallIntegerField(_("place"), null=True, blank=True)
    series = models.UUIDField(_("series"), null=True, blank=True, editable=False)
    arrived_at = models.DateTimeField(_("arrived"), null=True, blank=True)
    # What is still to be told of it, and when its next reminder is planned (`scheduling.messages`).
    news = models.CharField(max_length=10, choices=News, blank=True, default="", editable=False)
    remind_at = models.DateTimeField(null=True, editable=False)
    booked_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("booked by")
    )

    objects = AppointmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("visit")
        verbose_name_plural = _("visits")
        ordering = ["start_datetime"]
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="appointment_in_facility"),
            models.CheckConstraint(
                condition=Q(end_datetime__gt=F("start_datetime")),
                name="a_visit_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=Q(
                    buffer_before__lte=LONGEST_BUFFER, buffer_after__lte=2 * LONGEST_BUFFER
                ),
                name="buffers_are_minutes",
            ),
            models.CheckConstraint(
                condition=Q(session__isnull=True, place__isnull=True)
                | Q(session__isnull=False, place__gte=1),
                name="a_place_is_in_a_session",
            ),
            models.UniqueConstraint(
                fields=["session", "place"],
                condition=~Q(status="Canceled"),
                name="one_visit_a_place",
            ),
            ExclusionConstraint(
                name="one_visit_at_a_time_for_a_patient",
                expressions=[(SPAN, RangeOperators.OVERLAPS), ("patient", RangeOperators.EQUAL)],
                condition=~Q(status="Canceled"),
            ),
        ]
        indexes = [
            models.Index(fields=["facility", "start_datetime"], name="visits_of_a_day"),
            models.Index(fields=["patient", "start_datetime"], name="visits_of_a_patient"),
            models.Index(
                fields=["series"], name="visits_of_a_series", condition=Q(series__isnull=False)
            ),
            models.Index(fields=["facility"], name="visits_with_news", condition=~Q(news="")),
            models.Index(
                fields=["facility", "remind_at"],
                name="visits_to_remind_of",
                condition=Q(remind_at__isnull=False),
            ),
        ]

    def __str__(self):
        return f"{self.start_datetime:%Y-%m-%d %H:%M}"
