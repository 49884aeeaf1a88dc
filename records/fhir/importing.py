"""The verb that takes a FHIR bundle into the chart."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from clinic.models import Facility, User
from clinic.security import tenancy
from clinic.security.permissions import Denied, Permission, Reach
from patients import health, registration
from patients.models import HealthFact, Patient, Source
from records.fhir import reading
from records.fhir.facts import Chart, EncounterFacts, PatientFacts
from records.fhir.loss import LossReport
from records.fhir.resources.datatypes import UUID
from records.fhir.tables import TABLES, columns

CREATED, UPDATED, UNCHANGED, VERIFIED = "created", "updated", "unchanged", "verified"
TAKEN_BACK = "taken back"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What an import did: rows created, updated, left as they were, ended because their source took
    them back, and left because a clinician has verified them since; the patients, and what was
    lost."""

    patients: tuple[Patient, ...]
    loss: LossReport
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def patient(self) -> Patient | None:
        """The patient of a bundle that has one."""
        return self.patients[0] if len(self.patients) == 1 else None

    @property
    def created(self) -> int:
        return self.counts[CREATED]

    @property
    def updated(self) -> int:
        return self.counts[UPDATED]

    @property
    def unchanged(self) -> int:
        return self.counts[UNCHANGED]

    @property
    def taken_back(self) -> int:
        return self.counts[TAKEN_BACK]

    @property
    def verified(self) -> int:
        return self.counts[VERIFIED]


@transaction.atomic
def import_bundle(*, data: bytes, facility: Facility, by: User | None) -> Outcome:
    """Take all patients of a bundle, UTF-8 JSON or gzip of it, into the acting facility's charts.

    The same bundle again changes nothing, a changed one updates, and what it takes back holds no
    longer; what it no longer has stays, and so does what a clinician has verified since. Raises
    `NotFHIR`, `Invalid`, `Conflict` and `Denied`, and then stores nothing; dangling references and
    doubtful values are no errors, they stand in the outcome's loss report.
    """
    actor = tenancy.current()
    actor.require(Permission.PATIENT_REGISTER)
    actor.require(Permission.CHART_WRITE)
    if actor.clinical != Reach.FACILITY:  # who sees some patients only could not tell a known one
        raise Denied(Permission.PATIENT_REGISTER)
    if actor.facility_id != facility.pk:
        raise tenancy.MissingFacility(_("An import works in the facility that is acted in."))
    found = reading.read(data, zone=facility.zone)
    counts: Counter[str] = Counter()
    for fhir_id in sorted(chart.patient.fhir_id for chart in found.charts):
        _wait_for_others(facility, fhir_id)
    patients = tuple(
        _take_in(chart, found.taken_back, facility, by, counts) for chart in found.charts
    )
    return Outcome(patients=patients, loss=found.loss, counts=counts)


def _take_in(
    chart: Chart,
    taken_back: dict[tuple[str, str], dict[str, str]],
    facility: Facility,
    by: User | None,
    counts: Counter[str],
) -> Patient:
    patient = _identify(chart.patient, facility, by, counts)
    attending = _attending(chart, facility)
    for table in TABLES:
        _keep(table.model, getattr(chart, table.place), patient, attending, counts)
        withdrawn = taken_back.get((chart.patient.fhir_id, table.place), {})
        _take_back(table.model, withdrawn, patient, counts)
    return patient


def _wait_for_others(facility: Facility, fhir_id: str) -> None:
    """Two imports of one patient come one after the other, also where none is registered yet."""
    with connection.cursor() as cursor:
        key = f"fhir:{facility.pk}:{fhir_id}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])


def _identify(
    facts: PatientFacts, facility: Facility, by: User | None, counts: Counter[str]
) -> Patient:
    """The patient, registered or corrected; what the source does not say stays as it is."""
    said = {name: getattr(facts, name) for name in columns(facts)}
    said = {name: value for name, value in said.items() if value not in ("", None, {}, "unknown")}
    patient = _registered(facts.fhir_id, facility)
    if patient is None:
        counts[CREATED] += 1
        said.setdefault("preferred_language", facility.language)
        return registration.register(by=by, fhir_id=facts.fhir_id, **said)
    changed = {name: value for name, value in said.items() if getattr(patient, name) != value}
    counts[UPDATED if changed else UNCHANGED] += 1
    return registration.correct(patient=patient, by=by, **changed) if changed else patient


def _registered(fhir_id: str, facility: Facility) -> Patient | None:
    """The patient whom a source calls so, or whom we called so in an export."""
    patients = Patient.objects.filter(facility=facility)
    ours = patients.filter(pk=fhir_id, fhir_id="") if UUID.fullmatch(fhir_id) else patients.none()
    return patients.filter(fhir_id=fhir_id).first() or ours.first()


def _attending(chart: Chart, facility: Facility) -> dict[str, User]:
    """The facility's people by NPI, of those whom the visits name."""
    numbers = {facts.attending_npi for facts in chart.encounters} - {""}
    people = User.objects.filter(npi_number__in=numbers, roles__facility=facility).distinct()
    return {person.npi_number: person for person in people} if numbers else {}


def _keep(
    model: type[HealthFact],
    found: Iterable[Any],
    patient: Patient,
    attending: dict[str, User],
    counts: Counter[str],
) -> None:
    """Rows for the facts: new ones together, changed ones singly, as a row seals its values."""
    rows = model.objects.filter(facility_id=patient.facility_id, patient=patient)
    known = {row.fhir_id or str(row.pk): row for row in rows}
    new = []
    for facts in found:
        values = {name: getattr(facts, name) for name in columns(facts)}
        values.setdefault("is_active", True)  # of what cannot end: it was not taken back
        if isinstance(facts, EncounterFacts):
            person = attending.get(facts.attending_npi)
            values["attending_id"] = person.pk if person else None
        row = known.get(facts.fhir_id)
        if row is None:
            new.append(_row(model, patient, facts.fhir_id, values))
        counts[_update(row, values) if row else CREATED] += 1
    model.objects.bulk_create(new, batch_size=500)


def _take_back(
    model: type[HealthFact], statuses: dict[str, str], patient: Patient, counts: Counter[str]
) -> None:
    """Ends the rows of resources that never were so; `statuses` by the resources' ids."""
    if not statuses:
        return
    rows = model.objects.filter(facility_id=patient.facility_id, patient=patient)
    for row in rows.filter(fhir_id__in=list(statuses), is_active=True):
        if row.verified_by_id:
            counts[VERIFIED] += 1
            continue
        health.take_back(row, statuses[row.fhir_id])
        row.save()
        counts[TAKEN_BACK] += 1


def _row(model: type[HealthFact], patient: Patient, fhir_id: str, values: dict) -> HealthFact:
    return model(
        facility_id=patient.facility_id,
        patient=patient,
        source=Source.IMPORT,
        fhir_id=fhir_id,
        **values,
    )


def _update(row: HealthFact, values: dict[str, Any]) -> str:
    """Brings a row to `values`, unless a clinician has verified it; tells what became of it."""
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    if not changed:
        return UNCHANGED
    if row.verified_by_id:
        return VERIFIED
    for name, value in changed.items():
        setattr(row, name, value)
    row.save()
    return UPDATED
