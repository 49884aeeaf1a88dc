"""Who waits for a time, and what is offered to her."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.models.base import FacilityForeignKey, FacilityRow
from clinic.models.people import Specialist, User
from patients.models import PatientRow
from scheduling.models.appointment import Appointment
from scheduling.models.hold import Hold
from scheduling.models.kind import AppointmentType


def all_days() -> list[int]:
    return list(range(1, 8))


class WaitlistQuerySet(models.QuerySet):
    def waiting(self):
        """Those who still wait, who came first leading."""
        rows = self.filter(status=WaitlistEntry.Status.WAITING)
        return rows.order_by("created_at", "id")


class WaitlistEntry(PatientRow):
    """A patient waits for a kind of visit: with any of some specialists (none named: anybody), on
    some days of the week, at some hours of the clinic's clock, from one date to another."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        BOOKED = "booked", _("Booked")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        ENDED = "ended", _("Ended")

    appointment_type = FacilityForeignKey(
        AppointmentType, on_delete=models.PROTECT, related_name="+", verbose_name=_("kind of visit")
    )
    specialists = models.ManyToManyField(
        Specialist, through="WaitlistSpecialist", related_name="+", verbose_name=_("specialists")
    )
    days = ArrayField(models.PositiveSmallIntegerField(), verbose_name=_("days"), default=all_days)
    from_time = models.TimeField(_("from"), null=True, blank=True)
    until_time = models.TimeField(_("until"), null=True, blank=True)
    first_day = models.DateField(_("first day"))
    last_day = models.DateField(_("last day"))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.WAITING)
    asked_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("asked by")
    )

    objects = WaitlistQuerySet.as_manager()

    class Meta:
        verbose_name = _("place on the waiting list")
        verbose_name_plural = _("waiting list")
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="entry_in_facility"),
            models.UniqueConstraint(
                fields=["patient", "appointment_type"],
                condition=Q(status="waiting"),
                name="one_waits_once_for_a_kind",
            ),
            models.CheckConstraint(
                condition=Q(last_day__gte=F("first_day")), name="a_wait_ends_after_it_begins"
            ),
            models.CheckConstraint(
                condition=Q(days__contained_by=all_days()) & Q(days__len__gte=1),
                name="waits_for_days_of_the_week",
            ),
        ]
        indexes = [models.Index(fields=["facility", "status", "created_at"], name="who_waits")]

    def __str__(self):
        return self.get_status_display()


class WaitlistSpecialist(FacilityRow):
    """One of the specialists for whom somebody waits."""

    entry = FacilityForeignKey(
        WaitlistEntry, on_delete=models.CASCADE, related_name="wished", verbose_name=_("who waits")
    )
    specialist = FacilityForeignKey(
        Specialist, on_delete=models.CASCADE, related_name="+", verbose_name=_("specialist")
    )

    class Meta:
        verbose_name = _("specialist waited for")
        verbose_name_plural = _("specialists waited for")
        constraints = [models.UniqueConstraint(fields=["entry", "specialist"], name="a_wish_once")]

    def __str__(self):
        return str(self.specialist_id)


class OfferQuerySet(models.QuerySet):
    def open(self):
        return self.filter(status=WaitlistOffer.Status.OPEN, expires_at__gt=timezone.now())


class WaitlistOffer(PatientRow):
    """A free time that is kept for one who waits until she answers, or the time to answer ends."""

    class Status(models.TextChoices):
        OPEN = "open", _("Offered")
        ACCEPTED = "accepted", _("Accepted")
        DECLINED = "declined", _("Declined")
        LAPSED = "lapsed", _("Lapsed")

    entry = FacilityForeignKey(
        WaitlistEntry, on_delete=models.CASCADE, related_name="offers", verbose_name=_("who waits")
    )
    specialist = FacilityForeignKey(
        Specialist, on_delete=models.PROTECT, related_name="+", verbose_name=_("specialist")
    )
    start_datetime = models.DateTimeField(_("start"))
    end_datetime = models.DateTimeField(_("end"))
    hold = FacilityForeignKey(
        Hold, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("held time")
    )
    appointment = FacilityForeignKey(
        Appointment,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("visit"),
    )
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.OPEN)
    expires_at = models.DateTimeField(_("answer until"))
    answered_at = models.DateTimeField(_("answered"), null=True)

    objects = OfferQuerySet.as_manager()

    class Meta:
        verbose_name = _("offer")
        verbose_name_plural = _("offers")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="offer_in_facility"),
            models.UniqueConstraint(
                fields=["entry"], condition=Q(status="open"), name="one_offer_at_a_time"
            ),
            models.UniqueConstraint(
                fields=["entry", "specialist", "start_datetime"], name="a_time_is_offered_once"
            ),
        ]

    def __str__(self):
        return f"{self.start_datetime:%Y-%m-%d %H:%M}"
