"""Group sessions: one time of a specialist, with several places."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from clinic.models.base import FacilityForeignKey, FacilityRow
from clinic.models.people import Specialist
from scheduling.models.availability import Room
from scheduling.models.kind import AppointmentType


class GroupSession(FacilityRow):
    """A time at which a specialist receives a group. It takes the time; the visits in it take
    places. It is there as long as anybody has one."""

    specialist = FacilityForeignKey(
        Specialist, on_delete=models.PROTECT, related_name="+", verbose_name=_("specialist")
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
    capacity = models.PositiveSmallIntegerField(_("places"))

    class Meta:
        verbose_name = _("group session")
        verbose_name_plural = _("group sessions")
        ordering = ["start_datetime"]
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="session_in_facility"),
            models.UniqueConstraint(
                fields=["specialist", "appointment_type", "start_datetime"],
                name="one_session_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(end_datetime__gt=F("start_datetime")),
                name="a_session_ends_after_it_starts",
            ),
        ]

    def __str__(self):
        return f"{self.start_datetime:%Y-%m-%d %H:%M}"
