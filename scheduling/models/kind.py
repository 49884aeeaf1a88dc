"""Kinds of visits: how long each takes, who books it, and what belongs to it."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from clinic.models.base import FacilityRow

LONGEST_BUFFER = 120  # minutes


class Booker(models.TextChoices):
    """Who books a visit."""

    STAFF = "staff", _("The clinic")
    PATIENT = "patient", _("Patients")
    FAMILY = "family", _("Relatives")


def everybody() -> list[str]:
    return [booker.value for booker in Booker]


def minutes_field(label, most: int, **kwargs) -> models.PositiveSmallIntegerField:
    return models.PositiveSmallIntegerField(label, validators=[MaxValueValidator(most)], **kwargs)


class AppointmentType(FacilityRow):
    """A kind of visit. Lengths and buffers are minutes; `notice_hours` and `horizon_days` bound
    what patients and relatives book, and later than `cancel_hours` before it they cancel late."""

    name = models.CharField(_("name"), max_length=100)
    minutes = models.PositiveSmallIntegerField(
        _("length in minutes"),
        default=30,
        validators=[MinValueValidator(5), MaxValueValidator(480)],
    )
    buffer_before = minutes_field(_("minutes kept free before"), LONGEST_BUFFER, default=0)
    buffer_after = minutes_field(_("minutes kept free after"), LONGEST_BUFFER, default=0)
    bookable_by = ArrayField(
        models.CharField(max_length=10, choices=Booker),
        verbose_name=_("booked by"),
        default=everybody,
    )
    notice_hours = minutes_field(_("booked at least so many hours before"), 24 * 60, default=0)
    horizon_days = models.PositiveSmallIntegerField(
        _("booked at most so many days ahead"),
        default=365,
        validators=[MinValueValidator(1), MaxValueValidator(730)],
    )
    cancel_hours = minutes_field(_("canceled late from so many hours before"), 24 * 60, default=24)
    asks_confirmation = models.BooleanField(
        _("the patient confirms it"),
        default=False,
        help_text=_("A visit that the clinic books is awaited once the patient has confirmed it."),
    )
    capacity = models.PositiveSmallIntegerField(
        _("places"),
        default=1,
        help_text=_("More than one makes it a group session."),
        validators=[MinValueValidator(1), MaxValueValidator(200)],
    )
    price = models.DecimalField(
        _("price"),
        max_digits=10,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )
    place = models.CharField(_("place"), max_length=200, blank=True)
    telehealth_url = models.URLField(_("address of the video visit"), blank=True)
    needs_authorization = models.BooleanField(_("needs an authorization"), default=False)
    preparation = models.JSONField(
        _("how to prepare"),
        default=dict,
        blank=True,
        help_text=_("What the patient reads before the visit, by language."),
    )
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("kind of visit")
        verbose_name_plural = _("kinds of visits")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="appointmenttype_in_facility"),
            models.UniqueConstraint(fields=["facility", "name"], name="one_kind_a_name"),
            models.CheckConstraint(
                condition=Q(bookable_by__contained_by=everybody()), name="booked_by_who_can_be"
            ),
        ]

    def __str__(self):
        return self.name

    @property
    def is_group(self) -> bool:
        return self.capacity > 1

    def preparation_in(self, language: str | None = None) -> str:
        """How to prepare, in the language or else in the first that the clinic wrote."""
        told = self.preparation or {}
        wanted = language or get_language() or ""
        for code in (wanted, wanted.partition("-")[0]):
            if told.get(code):
                return told[code]
        return next((text for text in told.values() if text), "")
