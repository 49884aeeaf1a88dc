"""Questions of patients about who looked at their records."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from clinic.models.people import User
from clinic.security.fields import EncryptedTextField
from patients.models.patient import PatientRow


class LookQuestion(PatientRow):
    """A patient's question about one look at the record, and the clinic's answer."""

    look = models.CharField(_("look"), max_length=255)
    looked_at = models.DateTimeField(_("when"))
    looker = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("who")
    )
    told = EncryptedTextField(_("as shown"), blank=True, default="")
    question = EncryptedTextField(_("question"))
    asked_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", verbose_name=_("asked by")
    )
    answer = EncryptedTextField(_("answer"), blank=True, default="")
    answered_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("answered by")
    )
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)

    class Meta:
        verbose_name = _("question about a look")
        verbose_name_plural = _("questions about looks")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["facility", "patient", "look", "asked_by"], name="a_look_is_asked_once"
            )
        ]

    def __str__(self):
        return str(self._meta.verbose_name)
