"""The health profile: read whole, and its facts recorded, amended and retired."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.errors import Invalid, Missing, Stale
from clinic.security import tenancy
from clinic.security.permissions import Category, Permission
from patients import access, sensitivity
from patients.models import (
    TAKEN_BACK,
    Allergy,
    BloodType,
    Condition,
    HealthFact,
    Immunization,
    Medication,
    Patient,
    Reading,
    Source,
    VerifiableFact,
)

MOST = 200  # rows of one kind; a chart that needs more is read through the API
CATEGORIES = {
    Allergy: Category.MEDICATIONS,
    Medication: Category.MEDICATIONS,
    BloodType: Category.RECORDS,
    Condition: Category.RECORDS,
    Immunization: Category.RECORDS,
    Reading: Category.RECORDS,
}
# Of each pair the second day is never before the first; only a medicine's end lies ahead.
PERIODS = (("onset_date", "abatement_date"), ("active_from", "active_until"))
NOT_AHEAD = ("onset_date", "abatement_date", "determined_on", "given_at", "taken_at")
# Kinds whose number says nothing without its unit (kilograms or pounds, °C or °F, mg/dL or mmol/L).
MEASURED = {
    Reading.Kind.WEIGHT,
    Reading.Kind.HEIGHT,
    Reading.Kind.TEMPERATURE,
    Reading.Kind.GLUCOSE,
}
KEPT = ("id", "facility", "patient", "source", "recorded_by", "verified_by", "fhir_id", "version")


@dataclass(frozen=True, slots=True)
class Vaccine:
    """All doses of one vaccine: the newest, and how many were given."""

    newest: Immunization
    times: int


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of a patient beyond single visits; lists are in the order of a chart."""

    allergies: list[Allergy]
    medications: list[Medication]
    conditions: list[Condition]
    immunizations: list[Immunization]
    blood_type: BloodType | None

    @property
    def critical(self) -> list[Allergy]:
        """The allergies that can kill."""
        return [allergy for allergy in self.allergies if allergy.is_critical]

    def vaccines(self) -> list[Vaccine]:
        """The immunizations by vaccine, the one given last leading."""
        newest: dict[str, Immunization] = {}
        for one in self.immunizations:
            newest.setdefault(one.vaccine.casefold(), one)
        times = Counter(one.vaccine.casefold() for one in self.immunizations)
        return [Vaccine(one, times[name]) for name, one in newest.items()]


def of(patient: Patient, *, by) -> Profile:
    """The profile as far as the person may see it. Costs five queries; notes nothing."""

    def rows(model, category: Category, *order: Any) -> QuerySet:
        visible = access.visible(model.objects.filter(patient=patient), by, category=category)
        return visible.order_by(*order)

    newest = F("onset_date").desc(nulls_last=True)
    conditions = rows(Condition, Category.RECORDS, "status", newest, "-id").standing()
    return Profile(
        allergies=list(rows(Allergy, Category.MEDICATIONS, "-id").active()[:MOST]),
        medications=list(
            rows(
                Medication, Category.MEDICATIONS, F("active_from").desc(nulls_last=True), "-id"
            ).active()[:MOST]
        ),
        conditions=list(conditions[:MOST]),
        immunizations=list(
            rows(
                Immunization, Category.RECORDS, F("given_at").desc(nulls_last=True), "-id"
            ).active()[:MOST]
        ),
        blood_type=rows(
            BloodType, Category.RECORDS, F("determined_on").desc(nulls_last=True), "-id"
        )
        .active()
        .first(),
    )


def visible_to(user, model: type[HealthFact]) -> QuerySet[Any]:
    """The facts of one kind that the person may see."""
    return access.visible(model.objects.all(), user, category=CATEGORIES[model])


@transaction.atomic
def record(model: type[HealthFact], *, patient: Patient, by, **facts) -> HealthFact:
    """Add a fact to the patient's health profile. Raises `Invalid` and stores nothing then."""
    tenancy.current().require(Permission.CHART_WRITE)
    access.require_reach(patient, CATEGORIES[model], by)
    of_patient = tenancy.current().is_portal
    fact = model(
        facility_id=patient.facility_id,
        patient=patient,
        source=Source.PATIENT if of_patient else Source.CLINICIAN,
        recorded_by_id=None if of_patient else by.pk,
        verified_by_id=None if of_patient else by.pk,
    )
    sensitivity.check(
        fact, facts, patient=patient, category=CATEGORIES[model], author=not of_patient, by=by
    )
    return _stored(fact, facts)


@transaction.atomic
def amend(*, fact: HealthFact, by, version: int | None = None, **facts) -> HealthFact:
    """Correct a fact; who amends it has verified it, and who says nothing of it has not. Raises
    `Invalid`, `Missing` and `Stale`."""
    tenancy.current().require(Permission.CHART_WRITE)
    rows = visible_to(by, type(fact)).filter(pk=fact.pk)
    row = rows.select_for_update(of=("self",)).first()
    if row is None:
        raise Missing(_("There is no such entry."))
    if version is not None and row.version != version:
        raise Stale(_("It was changed since you read it. Read it again."))
    if not facts:
        return row
    author = row.recorded_by_id == by.pk and not tenancy.current().is_portal
    sensitivity.check(
        row, facts, patient=row.patient, category=CATEGORIES[type(row)], author=author, by=by
    )
    row.verified_by_id = by.pk
    return _stored(row, facts)


def retire(*, fact: HealthFact, by, version: int | None = None) -> HealthFact:
    """Say that a fact holds no longer. It stays in the chart's history."""
    return amend(fact=fact, by=by, version=version, is_active=False)


def _stored(fact: HealthFact, facts: dict[str, Any]) -> HealthFact:
    known = {field.name for field in fact._meta.concrete_fields if field.editable} - {*KEPT}
    if unknown := set(facts) - known:
        raise _wrong({name: _("This field cannot be set.") for name in unknown})
    for name, value in facts.items():
        setattr(fact, name, value)
    take_back(fact)
    check(fact)
    fact.save()
    return fact


def take_back(fact: HealthFact, verification_status: str = "") -> None:
    """A fact that is said to be refuted, or entered in error, holds no longer."""
    if verification_status and isinstance(fact, VerifiableFact):
        fact.verification_status = verification_status
    if verification_status or getattr(fact, "verification_status", "") in TAKEN_BACK:
        fact.is_active = False
        if isinstance(fact, Condition):
            fact.status = Condition.Status.INACTIVE


def check(fact: HealthFact) -> None:
    """Raise `Invalid` naming every field that cannot be."""
    wrong: dict[str, Any] = {}
    try:
        fact.clean_fields(exclude=KEPT)
    except ValidationError as error:
        wrong |= {name: messages[0] for name, messages in error.message_dict.items()}
    for first, last in PERIODS:
        start, end = getattr(fact, first, None), getattr(fact, last, None)
        if start and end and end < start:
            wrong.setdefault(last, _("The end cannot be before the start."))
    for name in NOT_AHEAD:
        if _is_ahead(getattr(fact, name, None)):
            wrong.setdefault(name, _("This time is still to come."))
    if isinstance(fact, Reading):
        wrong = _wrong_of_reading(fact) | wrong
    if wrong:
        raise _wrong(wrong)


def _wrong_of_reading(reading: Reading) -> dict[str, Any]:
    if reading.value is None and not reading.text:
        return {"value": _("Give the value, or words where it is no number.")}
    if reading.value is not None and not reading.unit and reading.reading_type in MEASURED:
        return {"unit": _("Give the unit that the value was measured in.")}
    return {}


def _is_ahead(when: date | datetime | None) -> bool:
    """Whether the time lies ahead, with an hour or a day of grace for clocks and zones."""
    if isinstance(when, datetime):
        return when > timezone.now() + timedelta(hours=1)
    return when is not None and when > timezone.localdate() + timedelta(days=1)


def _wrong(fields: dict[str, Any]) -> Invalid:
    return Invalid(
        _("Some details need to be corrected."), fields={name: [m] for name, m in fields.items()}
    )
