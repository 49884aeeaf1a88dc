"""What happened: encounters, procedures and reports, imported or written here."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from clinic.models.people import User
from clinic.security.fields import EncryptedCharField, EncryptedJSONField, EncryptedTextField
from patients.models import HealthFact


class Encounter(HealthFact):
    """A visit that took place, with its time, kind and reason."""

    display = EncryptedCharField(_("kind"), max_length=300)
    code = EncryptedCharField(_("code"), max_length=50, blank=True, default="")
    reason = EncryptedCharField(_("reason"), max_length=300, blank=True, default="")
    encounter_class = models.CharField(_("class"), max_length=30, blank=True)
    status = models.CharField(_("status"), max_length=30, blank=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    attending = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    attending_name = EncryptedCharField(_("attended by"), max_length=200, blank=True, default="")
    provider_name = EncryptedCharField(_("place"), max_length=255, blank=True, default="")

    class Meta(HealthFact.Meta):
        verbose_name = _("past visit")
        verbose_name_plural = _("past visits")

    def __str__(self):
        return f"{self.started_at:%Y-%m-%d}" if self.started_at else str(self._meta.verbose_name)


class Procedure(HealthFact):
    """Something that was done: an operation, a treatment, a test."""

    display = EncryptedCharField(_("procedure"), max_length=300)
    code = EncryptedCharField(_("code"), max_length=50, blank=True, default="")
    status = models.CharField(_("status"), max_length=30, blank=True)
    reason = EncryptedCharField(_("reason"), max_length=300, blank=True, default="")
    performed_at = models.DateTimeField(_("started"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    encounter_fhir_id = models.CharField(max_length=100, blank=True, editable=False)

    class Meta(HealthFact.Meta):
        verbose_name = _("procedure")
        verbose_name_plural = _("procedures")

    def __str__(self):
        return str(self._meta.verbose_name)


class Report(HealthFact):
    """A diagnostic report and the readings it gathers."""

    display = EncryptedCharField(_("report"), max_length=300)
    code = EncryptedCharField(_("code"), max_length=50, blank=True, default="")
    status = models.CharField(_("status"), max_length=30, blank=True)
    conclusion = EncryptedTextField(_("conclusion"), blank=True, default="")
    issued_at = models.DateTimeField(_("issued"), null=True, blank=True)
    results = EncryptedJSONField(_("results"), blank=True, default=list)
    encounter_fhir_id = models.CharField(max_length=100, blank=True, editable=False)

    class Meta(HealthFact.Meta):
        verbose_name = _("report")
        verbose_name_plural = _("reports")

    def __str__(self):
        return str(self._meta.verbose_name)
