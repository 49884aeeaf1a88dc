"""Who looked at a record: the entries of the trail, put together as a person would count them.

One request that read several things is one look.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.apps import apps
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import CharField, Count, DateField, Max, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, TruncWeek
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from clinic.models import LogEntry, RoleAssignment, User
from clinic.security.permissions import Category
from clinic.security.tenancy import Purpose
from patients import access
from patients.models import FamilyMember, Patient

NOT_LOOKS = ["refused", "seal_broken"]  # nothing was seen
EMERGENCY = "compliance.emergencyaccess"
CARE = (Purpose.TREATMENT, Purpose.OPERATIONS, Purpose.PAYMENT)


@dataclass(frozen=True)
class Look:
    """One look at a record, in plain words. `look` names it for a question about it."""

    look: str
    at: datetime
    who: str
    role: str
    what: str
    why: str
    purpose: str
    purpose_text: str
    is_own: bool = False
    emergency: str = ""  # what kind of emergency was given as the reason


@dataclass
class Week:
    """How often somebody looked in the week that begins on `start`, by purpose of use."""

    start: date
    counts: dict[str, int] = field(default_factory=dict)

    def of(self, purposes: Collection[str]) -> int:
        return sum(self.counts.get(purpose, 0) for purpose in purposes)


def entries_about(patient: Patient, user: User, *, own: bool) -> QuerySet[LogEntry]:
    """The readings of the patient's record that the person may know of; his `own` too, or not."""
    rows = LogEntry.entries.about(patient).reads().exclude(compliance_flags__overlap=NOT_LOOKS)
    if not own:
        rows = rows.exclude(actor_id=user.pk)
    rows = access.visible(rows, user, category=Category.ACCESS_LOG)
    return rows.annotate(look=Coalesce("cid", Cast("id", CharField())))


def looks_at(patient: Patient, user: User, *, own: bool = True) -> QuerySet:
    """Looks as rows, newest first; `in_words` makes a page of them readable."""
    how = KeyTextTransform("how", "additional_data")
    return (
        entries_about(patient, user, own=own)
        .values("look", "actor_id", "purpose")
        .annotate(
            at=Max("timestamp"),
            last=Max("id"),
            resources=ArrayAgg("resource", distinct=True),
            hows=ArrayAgg(how, distinct=True),
        )
        .order_by("-last")
    )


def by_week(patient: Patient, user: User, *, weeks: int, own: bool = True) -> list[Week]:
    """The looks of the last weeks, the present one included, oldest first."""
    today = timezone.localdate()
    monday = today - timedelta(days=today.weekday())
    found = [Week(monday - timedelta(weeks=n)) for n in reversed(range(weeks))]
    rows = (
        entries_about(patient, user, own=own)
        .annotate(week=TruncWeek("timestamp", output_field=DateField()))
        .filter(week__gte=found[0].start)
        .values_list("week", "purpose")
        .annotate(looks=Count("look", distinct=True))
        .order_by()
    )
    by_start = {week.start: week for week in found}
    for start, purpose, looks in rows:
        if start in by_start:
            by_start[start].counts[purpose] = looks
    return found


def in_words(rows: list[dict], patient: Patient, user: User) -> list[Look]:
    """The rows of `looks_at` with names, roles and reasons; four queries, however many rows."""
    ids = {row["actor_id"] for row in rows if row["actor_id"]}
    people = User.objects.in_bulk(ids)
    roles = RoleAssignment.objects.titles(ids)
    family = dict(
        FamilyMember.objects.filter(patient=patient, user_id__in=ids).values_list(
            "user_id", "relationship"
        )
    )
    kinds = _emergencies(rows, patient)
    return [
        Look(
            look=row["look"],
            at=row["at"],
            who=_name(people.get(row["actor_id"])),
            role=_role(row["actor_id"], row["purpose"], patient, user, roles, family),
            what=_what(row["resources"], row["hows"]),
            why=_why(row["hows"]),
            purpose=row["purpose"],
            purpose_text=str(Purpose(row["purpose"]).label) if row["purpose"] else _("Other"),
            is_own=row["actor_id"] == user.pk,
            emergency=_kind_of(row, kinds),
        )
        for row in rows
    ]


def _emergencies(rows: list[dict], patient: Patient) -> list[LogEntry]:
    """How the record was opened in emergencies, the latest first. The app above that breaks the
    glass is known by what the trail keeps of it."""
    if all(row["purpose"] != Purpose.EMERGENCY for row in rows):
        return []
    opened = LogEntry.entries.about(patient).filter(resource=EMERGENCY)
    return list(opened.filter(action=LogEntry.Action.CREATE).order_by("-timestamp"))


def _kind_of(row: dict, opened: list[LogEntry]) -> str:
    """The kind of emergency that was given as the reason for this look."""
    if row["purpose"] != Purpose.EMERGENCY:
        return ""
    for entry in opened:
        if entry.actor_id == row["actor_id"] and entry.timestamp <= row["at"]:
            kind = (entry.changes or {}).get("category", [None, None])[1]
            field = apps.get_model(EMERGENCY)._meta.get_field("category")
            return str(dict(field.flatchoices).get(kind, ""))
    return ""


def _name(person: User | None) -> str:
    return person.get_full_name() if person else _("The clinic’s computer")


def _role(actor_id, purpose, patient, user, roles, family) -> str:
    if actor_id == user.pk:
        return _("You")
    if actor_id is not None and actor_id == patient.user_id:
        return _("Patient")
    if purpose in {Purpose.OWN, Purpose.FAMILY} or actor_id not in roles:
        relationship = family.get(actor_id)
        if relationship:
            return str(FamilyMember.Relationship(relationship).label)
    return roles.get(actor_id, "")


def _what(resources: list[str], hows: list[str]) -> str:
    """“Documents, visits”: what was read, by the names that the models carry."""
    if "chart" in hows:
        return _("The whole record")
    if "summary" in hows:
        return _("Emergency summary")
    own_words = {
        "patients.patient": _("name and details"),
        "patients.accessgrant": _("who can see the record"),
        LogEntry._meta.label_lower: _("who looked"),
    }
    words = sorted({own_words.get(name) or _plural(name) for name in resources})
    return capfirst(", ".join(words))


def _plural(resource: str) -> str:
    try:
        return str(apps.get_model(resource)._meta.verbose_name_plural)
    except (LookupError, ValueError):
        return resource.rpartition(".")[2]


def _why(hows: list[str]) -> str:
    reasons = {
        "search": _("Found in a search"),
        "download": _("The file was opened"),
        "answer": _("To answer a question"),
    }
    return ". ".join(reasons[how] for how in sorted(filter(None, hows)) if how in reasons)
