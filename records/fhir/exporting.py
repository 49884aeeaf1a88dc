"""The verb that gives a chart out as a FHIR R4 bundle."""

from collections.abc import Iterator
from typing import Any

from clinic.models import User
from clinic.security import tenancy, trail
from clinic.security.permissions import Permission
from patients import cover
from patients.models import Patient
from records.fhir import writing
from records.fhir.facts import Chart, EncounterFacts, PatientFacts
from records.fhir.tables import TABLES, Table, columns


def export_bundle(*, patient: Patient, by: User | None) -> bytes:
    """The chart of `patient` as a FHIR R4 collection bundle, in UTF-8 JSON; the trail notes it.

    Importing it again finds the same rows. Raises `Denied`.
    """
    tenancy.current().require(Permission.CHART_VIEW)
    trail.read("patients.patient", [(patient.pk, patient.pk)], how="download")
    return writing.write(chart_of(patient))


def chart_of(patient: Patient) -> Chart:
    """The facts that FHIR can say of a patient, from the tables that keep them."""
    patient_id = patient.fhir_id or str(patient.pk)
    shown = set(columns(PatientFacts)) - cover.hidden(patient)
    values = {name: getattr(patient, name) for name in shown}
    places = {table.place: tuple(_facts(table, patient, patient_id)) for table in TABLES}
    return Chart(patient=PatientFacts(fhir_id=patient_id, **values), **places)


def _facts(table: Table, patient: Patient, patient_id: str) -> Iterator[Any]:
    """The rows of a table as facts, without what is void: what was taken back and, of facts that
    cannot end, what is no longer active."""
    rows = table.model.objects.filter(facility_id=patient.facility_id, patient=patient)
    names = columns(table.facts)
    if "is_active" not in names:
        rows = rows.active()
    elif "verification_status" in names:
        rows = rows.standing()
    if table.facts is EncounterFacts:
        rows = rows.select_related("attending")
    for row in rows.order_by("pk"):
        values = {name: getattr(row, name) for name in names}
        if table.facts is EncounterFacts and row.attending:
            values["attending_npi"] = row.attending.npi_number
        yield table.facts(fhir_id=row.fhir_id or str(row.pk), patient_id=patient_id, **values)
