"""Families: who is related to a patient and acts for her."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from clinic.models.people import User
from patients.models.patient import PatientRow


class FamilyMember(PatientRow):
    """A relative's account beside a patient. What it opens are the grants that go with it."""

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

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="family", verbose_name=_("relative")
    )
    relationship = models.CharField(_("relationship"), max_length=20, choices=Relationship)
    permission_level = models.CharField(
        _("permission"), max_length=10, choices=PermissionLevel, default=PermissionLevel.LIMITED
    )
    is_minor = models.BooleanField(_("the patient is a minor"), default=False)
    guardian_consent = models.BooleanField(_("a guardian has agreed"), default=False)

    class Meta:
        verbose_name = _("family member")
        verbose_name_plural = _("family members")
        constraints = [
            models.UniqueConstraint(
                fields=["facility", "patient", "user"], name="a_relative_stands_once"
            )
        ]

    def __str__(self):
        return self.get_relationship_display()
