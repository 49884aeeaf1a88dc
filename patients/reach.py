"""Whom roles reach without a grant, said in words: made from the role table and the clinic's own
setting, so that it is what the database holds."""

from django.utils.translation import gettext as _

from clinic.models import Facility
from clinic.security.permissions import PORTAL_ROLES, ROLE_TABLE, Reach, Role


def readers(facility: Facility) -> list[Role]:
    """The roles that read the charts of all patients here."""
    kept_out = narrowed(facility)
    return [role for role in _wide() if ROLE_TABLE[role].clinical and role not in kept_out]


def seers() -> list[Role]:
    """The roles that see who all patients are and when they come, and nothing clinical."""
    return [role for role in _wide() if not ROLE_TABLE[role].clinical]


def narrowed(facility: Facility) -> list[Role]:
    """The roles that would reach everybody, and by the clinic's setting reach whom they treat."""
    if facility.care_reach != Facility.CareReach.CARE_TEAM:
        return []
    return [role for role, rule in ROLE_TABLE.items() if rule.narrowed]


def treating(facility: Facility) -> list[Role]:
    """All roles of the clinic that reach only whom they treat."""
    kept_out = narrowed(facility)
    return [
        role
        for role, rule in ROLE_TABLE.items()
        if (rule.reach == Reach.GRANTED or role in kept_out) and role not in PORTAL_ROLES
    ]


def in_words(facility: Facility) -> list[str]:
    """Who reaches every patient of the clinic by a role alone: a sentence each."""
    lines = [
        (_("Read every chart here, except what is restricted or confidential: %(roles)s."),
         readers(facility)),
        (_("See who every patient is and when she comes, and nothing clinical: %(roles)s."),
         seers()),
        (_("See only patients whom they treat: %(roles)s."), narrowed(facility)),
    ]  # fmt: skip
    return [text % {"roles": _listed(roles)} for text, roles in lines if roles]


def in_words_to_patients(facility: Facility) -> list[str]:
    """The same, said to whose record it is."""
    lines = [
        (_("Of the clinic, these see the record as their work needs it: %(roles)s."),
         readers(facility)),
        (_("These see only whom they treat, and stand below: %(roles)s."), treating(facility)),
        (_("These see your name, your details and your visits, nothing else: %(roles)s."),
         seers()),
    ]  # fmt: skip
    return [text % {"roles": _listed(roles).lower()} for text, roles in lines if roles]


def _wide() -> list[Role]:
    return [role for role, rule in ROLE_TABLE.items() if rule.reach == Reach.FACILITY]


def _listed(roles: list[Role]) -> str:
    names = [str(role.label) for role in roles]
    return ", ".join([*names[:1], *(name[:1].lower() + name[1:] for name in names[1:])])
