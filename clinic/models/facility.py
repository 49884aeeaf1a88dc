"""Facilities, and the wrapped data keys under which their data is sealed."""

from datetime import time
from zoneinfo import ZoneInfo

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from clinic.models.base import Row
from clinic.models.reach import validate_timezone
from clinic.security.permissions import CONFIDENTIAL_KINDS, STAFF_ROLES, Role

MOST_YEARS = 25  # of a person who is not of age yet, anywhere


class FacilityType(models.TextChoices):
    CLINIC = "clinic", _("Clinic")
    HOSPITAL = "hospital", _("Hospital")
    HOLISTIC_CENTER = "holistic_center", _("Holistic centre")
    LABORATORY = "laboratory", _("Laboratory")
    PHARMACY = "pharmacy", _("Pharmacy")


def all_staff() -> list[str]:
    return sorted(STAFF_ROLES)


def two_days_and_two_hours() -> list[int]:
    return [48, 2]


def private_from_twelve() -> dict[str, int]:
    """From which age a minor's confidential care is closed to guardians, by its kind: a careful
    start, which the clinic sets by the law of its place."""
    return dict.fromkeys(CONFIDENTIAL_KINDS, 12)


class Facility(Row):
    """A clinic: the border that no data crosses."""

    class CareReach(models.TextChoices):
        """Whom physicians and nurses reach."""

        FACILITY = "facility", _("All patients of the clinic")
        CARE_TEAM = "care_team", _("Only patients whom they treat")

    slug = models.SlugField(_("short name"), unique=True)
    name = models.CharField(_("name"), max_length=255)
    npi = models.CharField(_("NPI"), max_length=20, blank=True)
    tax_id = models.CharField(_("tax number"), max_length=30, blank=True)
    facility_type = models.CharField(
        _("kind"), max_length=30, choices=FacilityType, default=FacilityType.CLINIC
    )
    timezone = models.CharField(
        _("time zone"), max_length=64, default="UTC", validators=[validate_timezone]
    )
    language = models.CharField(_("language"), max_length=10, default="en")
    phone = models.CharField(_("phone"), max_length=30, blank=True)
    emergency_number = models.CharField(_("emergency number"), max_length=20, default="911")
    address_line1 = models.CharField(_("address"), max_length=255, blank=True)
    city = models.CharField(_("city"), max_length=100, blank=True)
    state = models.CharField(_("state"), max_length=50, blank=True)
    zip_code = models.CharField(_("postal code"), max_length=20, blank=True)
    country = models.CharField(
        _("country"),
        max_length=2,
        default="US",
        help_text=_("Two letters, as in US or BR: how phone numbers without a country are read."),
        validators=[RegexValidator(r"^[A-Z]{2}$")],
    )
    currency = models.CharField(
        _("currency"),
        max_length=3,
        default="USD",
        help_text=_("Three letters, as in USD or BRL."),
        validators=[RegexValidator(r"^[A-Z]{3}$")],
    )
    reminder_hours = ArrayField(
        models.PositiveSmallIntegerField(
            validators=[MinValueValidator(1), MaxValueValidator(14 * 24)]
        ),
        verbose_name=_("reminders so many hours before a visit"),
        default=two_days_and_two_hours,
        blank=True,
        size=5,
    )
    quiet_from = models.TimeField(_("no messages from"), default=time(21))
    quiet_until = models.TimeField(_("no messages until"), default=time(8))
    care_reach = models.CharField(
        _("physicians and nurses see"),
        max_length=20,
        choices=CareReach,
        default=CareReach.FACILITY,
    )
    second_factor_roles = ArrayField(
        models.CharField(max_length=20, choices=Role),
        verbose_name=_("roles that need a second step at sign-in"),
        default=all_staff,
        blank=True,
    )
    majority_age = models.PositiveSmallIntegerField(
        _("age of majority"),
        default=18,
        validators=[MinValueValidator(14), MaxValueValidator(MOST_YEARS)],
    )
    private_from = models.JSONField(
        _("private from guardians from the age of"), default=private_from_twelve, blank=True
    )
    settings = models.JSONField(_("settings"), default=dict, blank=True)
    next_mrn = models.PositiveIntegerField(default=1, editable=False)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        ordering = ["name"]
        verbose_name = _("facility")
        verbose_name_plural = _("facilities")

    def __str__(self):
        return self.name

    @property
    def facility_id(self):
        return self.pk

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class DataKey(models.Model):
    """A data key of a facility, wrapped by a master key. Read by `clinic.security.keyring`."""

    id = models.UUIDField(primary_key=True, editable=False)
    facility = models.ForeignKey(
        Facility, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("facility")
    )
    version = models.PositiveIntegerField(_("version"))
    wrapped = models.TextField(_("wrapped key"))
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("data key")
        verbose_name_plural = _("data keys")
        constraints = [
            models.UniqueConstraint(
                fields=["facility", "version"], name="one_key_a_version", nulls_distinct=False
            )
        ]

    def __str__(self):
        return f"{self.facility_id} {self.version}"
