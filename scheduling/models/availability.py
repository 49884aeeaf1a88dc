"""When a specialist can be booked."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clinic.models.base import FacilityForeignKey, FacilityRow
from clinic.models.people import Specialist


class AppointmentType(FacilityRow):
    """A kind of visit: its name and its length in minutes."""

    name = models.CharField(_("name"), max_length=100)
    minutes = models.PositiveSmallIntegerField(
        _("length in minutes"),
        default=30,
        validators=[MinValueValidator(5), MaxValueValidator(480)],
    )
    portal_bookable = models.BooleanField(_("patients may book it"), default=True)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("kind of visit")
        verbose_name_plural = _("kinds of visits")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="appointmenttype_in_facility"),
            models.UniqueConstraint(fields=["facility", "name"], name="one_kind_a_name"),
        ]

    def __str__(self):
        return self.name


class AvailabilityBlock(FacilityRow):
    """Weekly hours of a specialist in wall-clock time of the facility's zone; or, with
    `exception_date`, the hours of that one date instead (none where `is_closed`)."""

    specialist = FacilityForeignKey(
        Specialist, on_delete=models.CASCADE, related_name="blocks", verbose_name=_("specialist")
    )
    day_of_week = models.PositiveSmallIntegerField(
        pgettext_lazy("of the week", "day"),
        help_text=_("1 is Monday, 7 is Sunday."),
        null=True,
        blank=True,
    )
    start_time = models.TimeField(_("from"), null=True, blank=True)
    end_time = models.TimeField(_("until"), null=True, blank=True)
    exception_date = models.DateField(_("only on"), null=True, blank=True)
    is_closed = models.BooleanField(_("closed"), default=False)
    valid_from = models.DateField(_("valid from"), null=True, blank=True)
    valid_until = models.DateField(_("valid until"), null=True, blank=True)
    location = models.CharField(_("place"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("availability")
        verbose_name_plural = _("availability")
        ordering = ["day_of_week", "start_time"]
        constraints = [
            models.CheckConstraint(
                condition=Q(day_of_week__isnull=True) | Q(day_of_week__range=(1, 7)),
                name="days_are_1_to_7",
            ),
            models.CheckConstraint(
                condition=Q(is_closed=True) | Q(end_time__gt=F("start_time")),
                name="a_block_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=Q(day_of_week__isnull=False) ^ Q(exception_date__isnull=False),
                name="weekly_or_one_date",
            ),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True)
                | Q(valid_until__isnull=True)
                | Q(valid_until__gte=F("valid_from")),
                name="valid_until_after_valid_from",
            ),
        ]

    def __str__(self):
        return str(self.exception_date or self.day_of_week)
