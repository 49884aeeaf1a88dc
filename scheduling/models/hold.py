"""Times that are kept for somebody for some minutes."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.models.base import FacilityForeignKey, FacilityRow
from clinic.models.people import Specialist, User
from patients.models import Patient
from scheduling.models.availability import Room
from scheduling.models.group import GroupSession
from scheduling.models.kind import AppointmentType


class HoldQuerySet(models.QuerySet):
    def in_force(self):
        return self.filter(expires_at__gt=timezone.now())


class Hold(FacilityRow):
    """A time that is kept for a patient while a form is filled in or an offer is thought over. It
    ends by itself; what it kept is free again from that moment on. Of a group `session` that has
    begun to fill it keeps a place, and takes no time of its own."""

    specialist = FacilityForeignKey(
        Specialist, on_delete=models.CASCADE, related_name="+", verbose_name=_("specialist")
    )
    appointment_type = FacilityForeignKey(
        AppointmentType, on_delete=models.CASCADE, related_name="+", verbose_name=_("kind of visit")
    )
    room = FacilityForeignKey(
        Room,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("room"),
    )
    patient = FacilityForeignKey(
        Patient, on_delete=models.CASCADE, related_name="+", verbose_name=_("patient")
    )
    session = FacilityForeignKey(
        GroupSession,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("group session"),
    )
    held_by = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, related_name="+", verbose_name=_("held by")
    )
    start_datetime = models.DateTimeField(_("start"))
    end_datetime = models.DateTimeField(_("end"))
    buffer_before = models.PositiveSmallIntegerField(default=0, editable=False)
    buffer_after = models.PositiveSmallIntegerField(default=0, editable=False)
    expires_at = models.DateTimeField(_("ends"))

    objects = HoldQuerySet.as_manager()

    class Meta:
        verbose_name = _("held time")
        verbose_name_plural = _("held times")
        ordering = ["start_datetime"]
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="hold_in_facility"),
            models.CheckConstraint(
                condition=Q(end_datetime__gt=F("start_datetime")),
                name="a_hold_ends_after_it_starts",
            ),
        ]
        indexes = [models.Index(fields=["facility", "expires_at"], name="holds_that_end")]

    def __str__(self):
        return f"{self.start_datetime:%Y-%m-%d %H:%M}"
