"""Families: who belongs to one, who is related to a patient, and what was agreed to."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.models.base import FacilityForeignKey, FacilityRow
from clinic.models.people import Invitation, User
from clinic.security.fields import EncryptedCharField, EncryptedTextField
from clinic.security.permissions import SHARED
from patients import ages
from patients.models.patient import PatientRow


class FamilyAccount(FacilityRow):
    """A family: its name, who speaks for it, and how many people it can have. Nobody speaks for it
    as long as neither the patient nor, of a minor, a guardian has an account.

    It says who belongs together. What one sees of another is in the consents alone.
    """

    name = EncryptedCharField(_("name of the family"), max_length=100)
    primary_member = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("primary member"),
    )
    max_members = models.PositiveSmallIntegerField(
        _("at most"), default=6, validators=[MinValueValidator(1), MaxValueValidator(20)]
    )
    privacy_settings = models.JSONField(_("privacy"), default=dict, blank=True)

    class Meta:
        verbose_name = _("family")
        verbose_name_plural = _("families")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="family_in_facility"),
            models.CheckConstraint(
                condition=Q(max_members__range=(1, 20)), name="a_family_has_an_end"
            ),
        ]

    def __str__(self):
        return str(self._meta.verbose_name)


class FamilyMember(PatientRow):
    """A relative beside a patient. What opens to her is what was agreed to (`Consent`).

    Invited, she has no account here yet and is known by the name that the patient gave.
    """

    class Relationship(models.TextChoices):
        PARENT = "parent", _("Parent")
        SPOUSE = "spouse", _("Spouse or partner")
        CHILD = "child", _("Child")
        SIBLING = "sibling", _("Brother or sister")
        GRANDPARENT = "grandparent", _("Grandparent")
        GUARDIAN = "guardian", _("Guardian")
        OTHER = "other", _("Other")

    class PermissionLevel(models.TextChoices):
        NONE = "none", _("Sees nothing")
        LIMITED = "limited", _("Sees what was agreed to")
        FULL = "full", _("Acts for the patient")

    account = FacilityForeignKey(
        FamilyAccount, on_delete=models.PROTECT, related_name="members", verbose_name=_("family")
    )
    user = models.ForeignKey(
        User,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="family",
        verbose_name=_("relative"),
    )
    invitation = FacilityForeignKey(
        Invitation,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("invitation"),
    )
    invited_name = EncryptedCharField(_("name"), max_length=200, blank=True, default="")
    relationship = models.CharField(_("relationship"), max_length=20, choices=Relationship)
    permission_level = models.CharField(
        _("permission"), max_length=10, choices=PermissionLevel, default=PermissionLevel.LIMITED
    )
    is_guardian = models.BooleanField(_("guardian of a minor"), default=False)
    # Of a minor's relative: what is open to her now was agreed to by a guardian, or is one by law.
    guardian_consent = models.BooleanField(_("a guardian has agreed"), default=False)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("family member")
        verbose_name_plural = _("family members")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="familymember_in_facility"),
            models.UniqueConstraint(
                fields=["facility", "patient", "user"],
                condition=Q(ended_at=None),
                name="a_relative_stands_once",
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=False) | Q(invitation__isnull=False),
                name="a_relative_is_known_or_invited",
            ),
        ]

    def __str__(self):
        return self.get_relationship_display()

    @property
    def is_minor(self) -> bool:
        """Whether the patient is not of age yet."""
        return ages.is_minor(self.patient, self.facility)

    @property
    def name(self) -> str:
        return self.user.get_full_name() if self.user_id else self.invited_name


class ConsentQuerySet(models.QuerySet):
    def current(self):
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=Now()), revoked_at=None)


class Consent(PatientRow):
    """What was agreed that a relative may see, by whom, until when, and the text agreed to.

    A change is a new version; of a version only its end is ever written (`frozen_consent`). One
    version stands at a time; the grants of `source` family are made from it in the same
    transaction.
    """

    class Basis(models.TextChoices):
        AGREED = "agreed", _("Agreed to")
        GUARDIAN = "guardian", _("Guardian of a minor")

    family_member = FacilityForeignKey(
        FamilyMember,
        on_delete=models.PROTECT,
        related_name="consents",
        verbose_name=_("family member"),
    )
    number = models.PositiveIntegerField(_("version"))
    basis = models.CharField(_("basis"), max_length=10, choices=Basis, default=Basis.AGREED)
    categories = ArrayField(
        models.CharField(max_length=30, choices=[(c.value, c.label) for c in SHARED]),
        verbose_name=_("open"),
    )
    text = EncryptedTextField(_("text"))
    language = models.CharField(_("language"), max_length=10)
    given_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("given by")
    )
    expires_at = models.DateTimeField(_("ends"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    revoked_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("revoked by")
    )

    objects = ConsentQuerySet.as_manager()

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["facility", "family_member", "number"], name="a_version_is_written_once"
            ),
            models.UniqueConstraint(
                fields=["facility", "family_member"],
                condition=Q(revoked_at=None),
                name="one_consent_stands",
            ),
        ]
        indexes = [models.Index(fields=["patient", "-created_at"], name="consents_of_a_patient")]

    def __str__(self):
        return str(self.number)

    @property
    def is_over(self) -> bool:
        """Whether its time is over, though nobody revoked it."""
        return self.expires_at is not None and self.expires_at <= timezone.now()
