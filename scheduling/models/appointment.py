"""Visits that are booked."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.models.base import FacilityForeignKey
from clinic.models.people import Specialist, User
from clinic.security.fields import EncryptedTextField
from patients.models import PatientRow
from scheduling.models.availability import AppointmentType


class Span(Func):
    """The half-open range of two instants: a visit may start when another ends."""

    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


SPAN = Span("start_datetime", "end_datetime", RangeBoundary())


class AppointmentQuerySet(models.QuerySet):
    def standing(self):
        """Those that take a place: not canceled."""
        return self.exclude(status=Appointment.Status.CANCELED)

    def upcoming(self):
        """Those that are still awaited: a visit called done or missed is so before its end."""
        awaited = (Appointment.Status.PENDING, Appointment.Status.CONFIRMED)
        rows = self.filter(status__in=awaited, end_datetime__gt=timezone.now())
        return rows.order_by("start_datetime")

    def past(self):
        return self.filter(end_datetime__lte=timezone.now()).order_by("-start_datetime")

    def between(self, start, end):
        """Those that touch the half-open range of instants."""
        return self.filter(start_datetime__lt=end, end_datetime__gt=start)


class Appointment(PatientRow):
    """A visit of a patient with a specialist. Two that stand never overlap: the database refuses
    it for the specialist and for the patient."""

    class Status(models.TextChoices):
        PENDING = "Pending", _("Not yet confirmed")
        CONFIRMED = "Confirmed", _("Booked")
        CANCELED = "Canceled", _("Canceled")
        COMPLETED = "Completed", _("Done")
        NO_SHOW = "NoShow", _("Missed")

    specialist = FacilityForeignKey(
        Specialist,
        on_delete=models.PROTECT,
        related_name="appointments",
        verbose_name=_("specialist"),
    )
    appointment_type = FacilityForeignKey(
        AppointmentType, on_delete=models.PROTECT, related_name="+", verbose_name=_("kind of visit")
    )
    start_datetime = models.DateTimeField(_("start"))
    end_datetime = models.DateTimeField(_("end"))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.CONFIRMED)
    reason = EncryptedTextField(_("reason"), blank=True, default="")
    cancel_reason = EncryptedTextField(_("reason for canceling"), blank=True, default="")
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
            ExclusionConstraint(
                name="one_visit_at_a_time_for_a_specialist",
                expressions=[
                    (SPAN, RangeOperators.OVERLAPS),
                    ("specialist", RangeOperators.EQUAL),
                ],
                condition=~Q(status="Canceled"),
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
        ]

    def __str__(self):
        return f"{self.start_datetime:%Y-%m-%d %H:%M}"
