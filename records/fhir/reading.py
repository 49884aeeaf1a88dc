"""A bundle's bytes to charts, with an account of what was lost on the way."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Any

from django.utils.translation import gettext as _

from records.fhir.bundle import Bundle, Entry
from records.fhir.element import printable
from records.fhir.facts import Chart, PatientFacts
from records.fhir.loss import LossReport, Note, Tally
from records.fhir.parsing import dotted
from records.fhir.plausible import doubts
from records.fhir.reader import CHARTED, Reader
from records.fhir.resources.datatypes import write_url

PLACES = {
    "Encounter": "encounters",
    "Condition": "conditions",
    "AllergyIntolerance": "allergies",
    "MedicationRequest": "medications",
    "Immunization": "immunizations",
    "Observation": "readings",
    "Procedure": "procedures",
    "DiagnosticReport": "reports",
}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The charts of a bundle, one a patient, and what of the bundle is in none of them.

    `taken_back` has, by patient and place in a chart, the ids of resources that never were so, and
    the verification status that says it.
    """

    charts: tuple[Chart, ...]
    loss: LossReport
    taken_back: dict[tuple[str, str], dict[str, str]]


def read(data: bytes, *, zone: tzinfo = UTC, today: date | None = None) -> Reading:
    """Reads a bundle, UTF-8 JSON or gzip of it.

    Raises NotFHIR where it is none. Dangling references, unreadable and implausible values are no
    errors: they stand in the loss report. `zone` is the facility's: in it days begin and end.
    `today` is the day on which plausibility is judged.
    """
    bundle = Bundle.read(data)
    reader = Reader(bundle, zone)
    charts = tuple(_charts(bundle, reader))
    today = today or datetime.now(UTC).date()
    return Reading(
        charts=charts,
        loss=_account(bundle, reader, charts, today),
        taken_back=_taken_back(bundle, reader),
    )


def _charts(bundle: Bundle, reader: Reader) -> Iterator[Chart]:
    patients: list[PatientFacts] = []
    belongings: defaultdict[str, defaultdict[str, list[Any]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for entry in bundle.entries:
        facts = reader.read(entry) if entry.type in CHARTED else None
        if isinstance(facts, PatientFacts):
            patients.append(facts)
        elif facts is not None:
            belongings[facts.patient_id][PLACES[entry.type]].append(facts)
    for patient in patients:
        places = {name: tuple(facts) for name, facts in belongings[patient.fhir_id].items()}
        yield Chart(patient=patient, **places)


def _taken_back(bundle: Bundle, reader: Reader) -> dict[tuple[str, str], dict[str, str]]:
    found: defaultdict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for entry in bundle.entries:
        status = reader.taken_back.get(entry.name)
        if not status or entry.type not in PLACES:
            continue
        for name in ("subject", "patient"):
            reference = entry.resource.child(name)
            of = bundle.find(reference.peek("reference"), within=reference)
            if of is not None and of.type == "Patient":
                found[of.fhir_id, PLACES[entry.type]][entry.fhir_id] = status
    return found


def _account(bundle: Bundle, reader: Reader, charts: tuple[Chart, ...], today: date) -> LossReport:
    tallies: defaultdict[str, Tally] = defaultdict(Tally)
    for entry in bundle.entries:
        tallies[entry.type].count(entry.resource, kept=reader.facts.get(entry.name) is not None)
    _keep_addresses(bundle, reader)
    tallies["Bundle"].count(bundle.envelope, kept=True)
    unreadable = (note for entry in bundle.entries for note in _unreadable(entry))
    implausible = (note for chart in charts for note in doubts(chart, today=today))
    return LossReport(
        types=tuple(tally.result(kind) for kind, tally in sorted(tallies.items())),
        dangling=tuple(note for entry in bundle.entries for note in _dangling(entry, bundle)),
        set_aside=tuple(
            Note(resource=name, path=name.partition("/")[0], reason=reason)
            for name, reason in reader.set_aside.items()
        ),
        doubts=(*unreadable, *implausible),
    )


def _keep_addresses(bundle: Bundle, reader: Reader) -> None:
    """The address of an entry is kept where it says no more than the id of a kept resource."""
    bundle.envelope.keep("resourceType")
    for item in bundle.envelope.children("entry"):
        entry = bundle.by_url.get(str(item.peek("fullUrl")))
        kept = entry and entry.type in CHARTED and reader.facts.get(entry.name) is not None
        if entry and kept and entry.full_url == write_url(entry.fhir_id):
            item.keep("fullUrl")


def _dangling(entry: Entry, bundle: Bundle) -> Iterator[Note]:
    for path, _label, value in entry.resource.leaves():
        if path[-1] == "reference" and not bundle.find(value, within=entry.resource):
            reason = _("%(reference)s is not in this bundle") % {"reference": printable(str(value))}
            yield Note(resource=entry.name, path=dotted(path, entry.type), reason=reason)


def _unreadable(entry: Entry) -> Iterator[Note]:
    for path, reason in entry.resource.marks.unreadable.items():
        yield Note(resource=entry.name, path=dotted(path, entry.type), reason=str(reason))
