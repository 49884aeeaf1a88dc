"""Grants on a patient: django-guardian's object permissions, with a source, a reason and an end."""

from datetime import timedelta

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from guardian.managers import UserObjectPermissionManager
from guardian.models import UserObjectPermissionBase

from clinic.models.base import uuid7
from clinic.models.facility import Facility
from clinic.models.people import RoleAssignment, User
from clinic.security.fields import EncryptedCharField
from patients.models.patient import Patient

LASTS = timedelta(minutes=60)  # an emergency access, at most


class AccessGrantQuerySet(models.QuerySet):
    def current(self):
        """Those in force: not ended, and given since the person took up the role on whose side they
        count (`app_held_since`)."""
        roles = RoleAssignment.objects.held().filter(
            user=OuterRef("user"), facility=OuterRef("facility")
        )
        held = roles.filter(held_since__lte=OuterRef("granted_at"))
        at_work = Exists(held.of_care()) | Exists(held.of_staff()) & ~Exists(roles.of_care())
        own = Q(source__in=AccessGrant.OWN)
        return self.filter(
            Q(expires_at=None) | Q(expires_at__gt=Now()),
            own & Exists(held.of_portal()) | ~own & at_work,
        )


class AccessGrant(UserObjectPermissionBase):
    """A person may see one category of one patient's chart, until `expires_at`.

    Only grants in force are rows: ending one deletes it, and the trail keeps that it was.
    """

    class Source(models.TextChoices):
        SELF = "self", _("The patient")
        FAMILY = "family", _("Family")
        CARE_TEAM = "care_team", _("Care team")
        INVITED = "invited", _("Invited by the patient, or agreed to by her")
        REFERRAL = "referral", _("Referral")
        EMERGENCY = "emergency", _("Emergency access")

    OWN = (
        Source.SELF,
        Source.FAMILY,
    )  # held as patient or relative; the others as one of the clinic

    # guardian leaves the key to its models; a sealed reason needs one known before the insert.
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    facility = models.ForeignKey(
        Facility, on_delete=models.PROTECT, related_name="+", verbose_name=_("facility")
    )
    content_object = models.ForeignKey(
        Patient,
        on_delete=models.CASCADE,
        related_name="grants",
        db_column="patient_id",
        db_constraint=False,
        verbose_name=_("patient"),
    )
    source = models.CharField(_("source"), max_length=20, choices=Source)
    reason = EncryptedCharField(_("reason"), max_length=300, blank=True, default="")
    expires_at = models.DateTimeField(_("ends"), null=True, blank=True)
    # Before the person last took up a role here it counts for nothing (`app_patients`).
    granted_at = models.DateTimeField(_("since"), default=timezone.now)
    granted_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("granted by")
    )

    objects = UserObjectPermissionManager()
    grants = AccessGrantQuerySet.as_manager()

    class Meta(UserObjectPermissionBase.Meta):
        verbose_name = _("grant on a patient")
        verbose_name_plural = _("grants on patients")
        unique_together = [("user", "permission", "content_object", "source")]
        indexes = [
            models.Index(fields=["user", "facility", "source"], name="grants_of_a_person"),
            models.Index(fields=["content_object"], name="grants_on_a_patient"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(source="emergency")
                | Q(expires_at__isnull=False, expires_at__lte=F("granted_at") + LASTS),
                name="an_emergency_grant_ends_within_an_hour",
            ),
        ]

    def save(self, *args, **kwargs):
        self.facility_id = self.facility_id or self.content_object.facility_id
        super().save(*args, **kwargs)
