"""Entries of the trail in words: who, what, about whom, why."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from clinic.models import LogEntry, RoleAssignment, User
from clinic.security import tenancy
from clinic.security.tenancy import Purpose
from compliance.review import ALARMS, REFUSED, RISKY
from patients.models import Patient

Action = LogEntry.Action
MOST_FIELDS = 6
FAILED = "login_failed"


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the explorer; see templates/admin/clinic/trail.html."""

    who: str
    role: str
    at: datetime
    what: str
    patient: str
    patient_href: str
    why: str
    state: str
    tone: str
    address: str


def lines(entries: Iterable[LogEntry], *, together: bool = True) -> list[Line]:
    """The entries in words, in three queries whatever their number.

    What one request did alike to several patients is one line, unless `together` is false.
    """
    rows = list(entries)
    people = people_named({row.actor_id for row in rows} | {account_tried(row) for row in rows})
    roles = roles_of(people)
    patients = _patients({row.patient_id for row in rows})
    groups = [list(g) for _key, g in groupby(rows, key=_act if together else _itself)]
    return [_line(group, people, roles, patients) for group in groups]


def _act(entry: LogEntry) -> tuple:
    """What entries have in common that are one act."""
    flags = tuple(entry.compliance_flags)
    how = _detail(entry, "how")
    return (entry.cid, entry.actor_id, entry.action, entry.resource, how, flags)


def _itself(entry: LogEntry) -> int:
    return entry.pk


def _line(group: list[LogEntry], people: dict, roles: dict, patients: dict) -> Line:
    first = group[0]
    about = dict.fromkeys(entry.patient_id for entry in group if entry.patient_id)
    named = [patients.get(pk) or _unnamed(pk) for pk in about]
    asked = {"request": first.cid} if len(about) > 1 else {"patient": next(iter(about), "")}
    return Line(
        who=people.get(first.actor_id) or _who(first),
        role=", ".join(roles.get(first.actor_id, ())),
        at=first.timestamp,
        what=what(first, many=len(named) > 1, account=people.get(account_tried(first), "")),
        patient=_("%(count)d patients") % {"count": len(named)}
        if len(named) > 1
        else "".join(named),
        patient_href=f"?{urlencode(asked)}" if about else "",
        why=why(first),
        address=first.remote_addr or "",
        **state(first),
    )


def people_named(ids: Iterable[UUID | None]) -> dict[UUID, str]:
    found = User.objects.in_bulk({pk for pk in ids if pk})
    return {pk: person.get_full_name() for pk, person in found.items()}


def roles_of(ids: Iterable[UUID]) -> dict[UUID, list[str]]:
    """The roles that people hold in the clinic today."""
    roles: dict[UUID, list[str]] = {}
    for one in RoleAssignment.objects.here().filter(user_id__in=list(ids)):
        roles.setdefault(one.user_id, []).append(one.get_role_display())
    return roles


def account_tried(entry: LogEntry) -> UUID | None:
    """The account to which somebody could not sign in, where the entry names one."""
    failed = FAILED in entry.compliance_flags and entry.object_pk
    return UUID(entry.object_pk) if failed else None


def what(entry: LogEntry, *, many: bool = False, account: str = "") -> str:
    """One sentence about what was done, with the names of things and never their values."""
    flags = set(entry.compliance_flags)
    could_not = _("Could not sign in as %(who)s") % {"who": account}
    signs = {
        "login": _("Signed in"),
        "logout": _("Signed out"),
        "totp_added": _("Set up the second step"),
        "totp_removed": _("Turned off the second step"),
        "recovery_codes_added": _("Made new recovery codes"),
        "recovery_codes_removed": _("Recovery codes ended"),
        FAILED: could_not if account else _("Could not sign in"),
        "break_glass_refused": _("Was refused emergency access"),
    }
    for flag, sentence in signs.items():
        if flag in flags:
            return sentence
    if REFUSED in flags:
        return _("Was refused access")
    if "seal_broken" in flags:
        return _("A sealed value could not be opened: %(what)s") % {"what": noun(entry.resource)}
    return _sentence(entry) % {"what": noun(entry.resource, plural=many)}


def why(entry: LogEntry) -> str:
    """The purpose of use; of a change, which details were changed."""
    purpose = Purpose(entry.purpose).label if entry.purpose in Purpose.values else ""
    reasons = [flag.partition(":")[2] for flag in entry.compliance_flags if ":" in flag]
    changed = _changed(entry) if entry.action == Action.UPDATE else []
    return ". ".join(filter(None, [str(purpose), *reasons, ", ".join(changed)]))


def state(entry: LogEntry) -> dict[str, str]:
    flags = set(entry.compliance_flags)
    if REFUSED in flags:
        return {"state": _("Refused"), "tone": "danger"}
    if flags & set(ALARMS) or entry.risk_score >= RISKY:
        return {"state": _("To review"), "tone": "warn"}
    return {"state": _("Usual"), "tone": "ok"}


def noun(resource: str, *, plural: bool = False) -> str:
    """What a resource is called: “patients.patient” is a patient."""
    try:
        meta = apps.get_model(resource)._meta
    except (LookupError, ValueError):
        return resource
    return str(meta.verbose_name_plural if plural else meta.verbose_name)


def _sentence(entry: LogEntry) -> str:
    if entry.action == Action.ACCESS:
        readings = {
            "chart": _("Opened the chart"),
            "summary": _("Opened the emergency summary"),
            "list": _("Saw in a list: %(what)s"),
            "search": _("Found by a search: %(what)s"),
            "download": _("Took a copy: %(what)s"),
            "answer": _("Read to answer a question: %(what)s"),
        }
        return readings.get(_detail(entry, "how"), _("Read: %(what)s"))
    changes = {
        Action.CREATE: _("Added: %(what)s"),
        Action.UPDATE: _("Changed: %(what)s"),
        Action.DELETE: _("Took away: %(what)s"),
    }
    return changes[entry.action]


def _changed(entry: LogEntry) -> list[str]:
    """The names of the columns that were changed."""
    try:
        meta = apps.get_model(entry.resource)._meta
    except (LookupError, ValueError):
        return []
    names = []
    for column in list(entry.changes or {})[:MOST_FIELDS]:
        try:
            names.append(str(meta.get_field(column.removesuffix("_id")).verbose_name))
        except FieldDoesNotExist:
            names.append(column)
    return names


def _detail(entry: LogEntry, name: str) -> Any:
    return (entry.additional_data or {}).get(name, "")


def _who(entry: LogEntry) -> str:
    if entry.actor_id:
        return _("A person who is gone")
    failed = FAILED in entry.compliance_flags
    return _("Somebody who was not signed in") if failed else _("The clinic’s computer")


def _patients(ids: set[UUID | None]) -> dict[UUID, str]:
    """Names and record numbers, for who may see patients."""
    known = Patient.objects.filter(
        pk__in=[pk for pk in ids if pk], facility_id__in=tenancy.current().facilities
    )
    return {row.pk: f"{row.full_name}, {row.mrn}" for row in known}


def _unnamed(patient_id: UUID | None) -> str:
    """A patient whose name the reviewer does not see has the end of the id."""
    if patient_id is None:
        return ""
    return capfirst(_("patient …%(end)s") % {"end": str(patient_id)[-6:]})
