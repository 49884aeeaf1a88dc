"""Emergency access: who opened which patient, why, and what the review found."""

import math
from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.models.people import User
from clinic.security.fields import EncryptedTextField
from clinic.security.permissions import Category
from patients.models import PatientRow
from patients.models.access import LASTS


class EmergencyAccessQuerySet(models.QuerySet):
    def to_review(self):
        """Those whose outcome is not recorded yet."""
        return self.filter(reviewed_at=None)

    def late(self):
        """Those whose review should have been written by now."""
        return self.to_review().filter(review_due_at__lte=Now())

    def in_force(self):
        """Those that open something now."""
        return self.filter(ended_at=None, expires_at__gt=Now())


class EmergencyAccess(PatientRow):
    """One breaking of the glass. What it opens are grants of the source `emergency`, which end at
    the same moment; this row says why, and what the clinic made of it."""

    class Reason(models.TextChoices):
        UNCONSCIOUS = "unconscious", _("The patient cannot answer")
        ACUTE = "acute", _("Acute danger")
        ON_CALL = "on_call", _("On call for a colleague")
        TRANSFER = "transfer", _("Arrives from elsewhere")
        OTHER = "other", _("Another emergency")

    class Outcome(models.TextChoices):
        JUSTIFIED = "justified", _("Justified")
        QUESTIONED = "questioned", _("To be talked about")
        MISUSED = "misused", _("Misused")

    user = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", verbose_name=_("opened by")
    )
    category = models.CharField(_("kind of emergency"), max_length=20, choices=Reason)
    reason = EncryptedTextField(_("reason"))
    scope = ArrayField(
        models.CharField(max_length=30, choices=Category), verbose_name=_("open"), default=list
    )
    opened_at = models.DateTimeField(_("opened"))
    expires_at = models.DateTimeField(_("ends"))
    widened_at = models.DateTimeField(_("more was asked for"), null=True, blank=True)
    widened_reason = EncryptedTextField(_("why more"), blank=True, default="")
    ended_at = models.DateTimeField(_("given back"), null=True, blank=True)
    review_due_at = models.DateTimeField(_("review due"))
    escalated_at = models.DateTimeField(_("escalated"), null=True, blank=True)
    reviewed_at = models.DateTimeField(_("reviewed"), null=True, blank=True)
    reviewed_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("reviewed by")
    )
    outcome = models.CharField(_("outcome"), max_length=20, choices=Outcome, blank=True)
    review_note = EncryptedTextField(_("note of the review"), blank=True, default="")

    objects = EmergencyAccessQuerySet.as_manager()

    class Meta:
        verbose_name = _("emergency access")
        verbose_name_plural = _("emergency accesses")
        ordering = ["-opened_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(reviewed_at=None) | ~Q(outcome=""), name="a_review_has_an_outcome"
            ),
            models.CheckConstraint(
                condition=Q(reviewed_by=None) | ~Q(reviewed_by=F("user")),
                name="nobody_reviews_herself",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__lte=F("opened_at") + LASTS),
                name="an_emergency_lasts_an_hour",
            ),
        ]
        indexes = [
            models.Index(
                fields=["facility", "review_due_at"],
                condition=Q(reviewed_at=None),
                name="emergencies_to_review",
            )
        ]

    def __str__(self):
        return self.get_category_display()

    @property
    def is_in_force(self) -> bool:
        return self.ended_at is None and self.expires_at > timezone.now()

    @property
    def is_late(self) -> bool:
        return self.reviewed_at is None and self.review_due_at <= timezone.now()

    @property
    def ends_at(self) -> datetime:
        """When it ended, or will."""
        return self.ended_at or self.expires_at

    @property
    def seconds_left(self) -> int:
        """In whole seconds, the begun one among them: no page says that it is over before it is."""
        return max(0, math.ceil((self.ends_at - timezone.now()).total_seconds()))

    @property
    def opened(self) -> list[str]:
        """What was opened, in words."""
        return [str(Category(name).label) for name in self.scope if name != Category.VIEW]
