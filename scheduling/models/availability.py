"""When a specialist can be booked, and where."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clinic.models.base import FacilityForeignKey, FacilityRow
from clinic.models.people import Specialist
from scheduling.models.kind import LONGEST_BUFFER, AppointmentType


class Room(FacilityRow):
    """A room of the clinic. Two visits never share one at a time."""

    name = models.CharField(_("name"), max_length=100)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("room")
        verbose_name_plural = _("rooms")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="room_in_facility"),
            models.UniqueConstraint(fields=["facility", "name"], name="one_room_a_name"),
        ]

    def __str__(self):
        return self.name


class AvailabilityBlock(FacilityRow):
    """Weekly hours of a specialist in wall-clock time of the facility's zone; or, with
    `exception_date`, the hours of that one date instead (none where `is_closed`).

    A wall-clock time that comes twice on its date says which one it is: `start_fold` and `end_fold`
    are 0 for the first, 1 for the second (PEP 495).
    """

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
    start_fold = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)
    end_fold = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)
    valid_from = models.DateField(_("valid from"), null=True, blank=True)
    valid_until = models.DateField(_("valid until"), null=True, blank=True)
    location = models.CharField(_("place"), max_length=100, blank=True)
    room = FacilityForeignKey(
        Room,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("room"),
    )
    slot_minutes = models.PositiveSmallIntegerField(
        _("a visit begins every so many minutes"),
        null=True,
        blank=True,
        help_text=_("Empty: as long as the visit takes."),
        validators=[MinValueValidator(5), MaxValueValidator(480)],
    )
    buffer_minutes = models.PositiveSmallIntegerField(
        _("minutes kept free between visits"),
        default=0,
        validators=[MaxValueValidator(LONGEST_BUFFER)],
    )
    appointment_types = models.ManyToManyField(
        AppointmentType, through="BlockKind", related_name="+", verbose_name=_("kinds of visits")
    )

    class Meta:
        verbose_name = _("availability")
        verbose_name_plural = _("availability")
        ordering = ["day_of_week", "start_time"]
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="block_in_facility"),
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
        indexes = [models.Index(fields=["specialist"], name="blocks_of_a_specialist")]

    def __str__(self):
        return str(self.exception_date or self.day_of_week)


class BlockKind(FacilityRow):
    """One of the kinds of visits that hours serve; hours without any serve all."""

    block = FacilityForeignKey(
        AvailabilityBlock, on_delete=models.CASCADE, related_name="kinds", verbose_name=_("hours")
    )
    appointment_type = FacilityForeignKey(
        AppointmentType,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("kind of visit"),
    )

    class Meta:
        verbose_name = _("kind of visit of hours")
        verbose_name_plural = _("kinds of visits of hours")
        constraints = [
            models.UniqueConstraint(fields=["block", "appointment_type"], name="a_kind_once")
        ]

    def __str__(self):
        return str(self.appointment_type_id)


class Holiday(FacilityRow):
    """A date on which the whole clinic is closed, but for hours set for that very date."""

    date = models.DateField(_("date"))
    name = models.CharField(_("name"), max_length=100)

    class Meta:
        verbose_name = _("holiday")
        verbose_name_plural = _("holidays")
        ordering = ["date"]
        constraints = [
            models.UniqueConstraint(fields=["facility", "date"], name="one_holiday_a_date")
        ]

    def __str__(self):
        return self.name


class Leave(FacilityRow):
    """Days on which a specialist is away, the last one included."""

    specialist = FacilityForeignKey(
        Specialist, on_delete=models.CASCADE, related_name="leaves", verbose_name=_("specialist")
    )
    first_day = models.DateField(_("first day"))
    last_day = models.DateField(_("last day"))

    class Meta:
        verbose_name = _("leave")
        verbose_name_plural = _("leaves")
        ordering = ["first_day"]
        constraints = [
            models.CheckConstraint(
                condition=Q(last_day__gte=F("first_day")), name="a_leave_ends_after_it_begins"
            )
        ]
        indexes = [models.Index(fields=["specialist", "last_day"], name="leaves_of_a_specialist")]

    def __str__(self):
        return f"{self.first_day} – {self.last_day}"
