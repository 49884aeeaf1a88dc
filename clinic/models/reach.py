"""How a person wishes to be reached: by which ways, at which hours, and by which clock."""

from zoneinfo import available_timezones

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _


class Channel(models.TextChoices):
    """The ways to a person."""

    PORTAL = "portal", _("Portal")
    EMAIL = "email", _("E-mail")
    SMS = "sms", _("SMS")
    WHATSAPP = "whatsapp", _("WhatsApp")


def portal_and_email() -> list[str]:
    return [Channel.PORTAL.value, Channel.EMAIL.value]


def validate_timezone(value: str) -> None:
    if value not in available_timezones():
        raise ValidationError(_("%(zone)s is not a known time zone."), params={"zone": value})


class Reached(models.Model):
    """What a person allows. Times without a value, and the zone, are the clinic's."""

    channels = ArrayField(
        models.CharField(max_length=10, choices=Channel),
        verbose_name=_("reached by"),
        default=portal_and_email,
        blank=True,
    )
    quiet_from = models.TimeField(_("no messages from"), null=True, blank=True)
    quiet_until = models.TimeField(_("no messages until"), null=True, blank=True)
    timezone = models.CharField(
        _("time zone"), max_length=64, blank=True, validators=[validate_timezone]
    )

    class Meta:
        abstract = True
