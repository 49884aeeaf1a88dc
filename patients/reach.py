"""Whom roles reach without a grant, said in words: made from the role table and the clinic's own
setting, so that it is what the database holds."""

from django.utils.translation import gettext as _

from clinic.models import Facility
from clinic.security.permissions import ROLE_TABLE, Reach, Role


def readers(facility: Facility) -> list[Role]:
    """The roles that read the charts of all patients here."""
    narrowed = facility.care_reach == Facility.CareReach.CARE_TEAM
    return [
        role
        for role, rule in ROLE_TABLE.items()
        if rule.reach == Reach.FACILITY and rule.clinical and not (narrowed and rule.narrowed)
    ]


def seers() -> list[Role]:
    """The roles that see who all patients are and when they come, and nothing clinical."""
    return [
        role
        for role, rule in ROLE_TABLE.items()
        if rule.reach == Reach.FACILITY and not rule.clinical
    ]


def in_words(facility: Facility) -> list[str]:
    """Who reaches every patient of the clinic by a role alone: a sentence each."""
    told = [
        _("Read every chart here, except what is restricted or confidential: %(roles)s.")
        % {"roles": _listed(readers(facility))},
        _("See who every patient is and when she comes, and nothing clinical: %(roles)s.")
        % {"roles": _listed(seers())},
    ]
    if facility.care_reach == Facility.CareReach.CARE_TEAM:
        narrowed = [role for role, rule in ROLE_TABLE.items() if rule.narrowed]
        told.append(
            _("See only patients whom they treat: %(roles)s.") % {"roles": _listed(narrowed)}
        )
    return told


def _listed(roles: list[Role]) -> str:
    names = [str(role.label) for role in roles]
    return ", ".join([*names[:1], *(name[:1].lower() + name[1:] for name in names[1:])])
