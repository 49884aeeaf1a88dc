"""How carefully a piece of a chart is kept. The row policies hold it (`rls.PatientRows`)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from clinic.security.permissions import CONFIDENTIAL_KINDS, Sensitivity


class Kept(models.Model):
    """A row with a level: `restricted` opens by a grant only, whatever a role reaches;
    `confidential` needs, besides, a grant of its kind."""

    sensitivity = models.CharField(
        _("how it is kept"), max_length=20, choices=Sensitivity, default=Sensitivity.INTERNAL
    )
    confidential_kind = models.CharField(
        _("confidential as"),
        max_length=30,
        choices=[(kind.value, kind.label) for kind in CONFIDENTIAL_KINDS],
        blank=True,
        default="",
    )

    class Meta:
        abstract = True

    @property
    def kept(self) -> dict[str, str]:
        """How it is kept, for what is made of it."""
        return {"sensitivity": self.sensitivity, "confidential_kind": self.confidential_kind}

    @property
    def is_confidential(self) -> bool:
        return self.sensitivity == Sensitivity.CONFIDENTIAL


def confidential_has_a_kind(name: str) -> models.CheckConstraint:
    """What is confidential says of which kind, and nothing else does."""
    confidential = models.Q(sensitivity=Sensitivity.CONFIDENTIAL)
    kinds = models.Q(confidential_kind__in=CONFIDENTIAL_KINDS)
    plain = models.Q(confidential_kind="")
    return models.CheckConstraint(condition=confidential & kinds | ~confidential & plain, name=name)
