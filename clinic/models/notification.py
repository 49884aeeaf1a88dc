"""Notices to people: shown where they work, and sent as a letter without clinical content."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from clinic.models.base import FacilityRow
from clinic.models.people import User
from clinic.security.fields import EncryptedCharField, EncryptedTextField


class NotificationQuerySet(models.QuerySet):
    def unread(self):
        return self.filter(read_at=None)

    def unread_first(self):
        return self.order_by(models.F("read_at").asc(nulls_first=True), "-id")


class Notification(FacilityRow):
    """One notice to one person, in her language. It is hers alone to read."""

    class Kind(models.TextChoices):
        EMERGENCY = "emergency", _("Emergency access")
        SHARING = "sharing", _("Who sees a record")
        QUESTION = "question", _("A question about who looked")
        ACCOUNT = "account", _("Account and roles")
        VISIT = "visit", _("Visits")

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="+", verbose_name=_("person")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    title = EncryptedCharField(_("title"), max_length=200)
    text = EncryptedTextField(_("text"), blank=True, default="")
    link = models.CharField(_("address"), max_length=200, blank=True)
    patient_id = models.UUIDField(null=True, editable=False)
    read_at = models.DateTimeField(_("read"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ["-id"]
        indexes = [models.Index(fields=["user", "facility", "-id"], name="notices_of_a_person")]

    def __str__(self):
        return self.get_kind_display()
