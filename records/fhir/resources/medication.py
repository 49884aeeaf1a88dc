"""MedicationRequest, and the Medication that it may name: what a patient was ordered to take."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy

from records.fhir.bundle import Entry, SetAside, TakenBack
from records.fhir.element import Element
from records.fhir.facts import MedicationFacts
from records.fhir.resources.datatypes import (
    RXNORM,
    Concept,
    Json,
    compact,
    read_concept,
    read_reasons,
    read_words,
    write_concept,
    write_reference,
    write_time,
)

if TYPE_CHECKING:
    from records.fhir.reader import Reader

NOT_ORDERS = ("proposal", "plan", "option")
PERIODS = {
    "min": ngettext_lazy("minute", "%(count)s minutes", "count"),
    "h": ngettext_lazy("hour", "%(count)s hours", "count"),
    "d": ngettext_lazy("day", "%(count)s days", "count"),
    "wk": ngettext_lazy("week", "%(count)s weeks", "count"),
    "mo": ngettext_lazy("month", "%(count)s months", "count"),
}


def read(entry: Entry, reader: Reader) -> MedicationFacts:
    """A medicine. Raises SetAside where it is nobody's, nameless, or no order to take it."""
    resource = entry.resource
    _check_ordered(resource)
    patient_id = reader.patient_of(resource.child("subject"))
    medicine = _medicine(resource, reader)
    if medicine is None:
        raise SetAside(_("it does not say which medicine"))
    dosages = resource.children("dosageInstruction")
    dosage = dosages[0] if dosages else Element({})
    return MedicationFacts(
        fhir_id=entry.fhir_id,
        patient_id=patient_id,
        generic_name=medicine.display,
        code=medicine.code,
        dosage=dosage.text("text", limit=200) or _dose(dosage),
        frequency=_frequency(dosage),
        route=read_words(dosage.child("route"), limit=100),
        indication=read_reasons(resource, reader),
        prescribed_by=reader.name_of(resource.child("requester"), "Practitioner"),
        is_active=_is_active(resource),
        active_from=resource.day("authoredOn", reader.zone),
    )


def read_product(entry: Entry, reader: Reader) -> Concept:
    """The medicine that a request names by reference. Raises SetAside where it has no name."""
    medicine = read_concept(entry.resource.child("code"), RXNORM)
    if medicine is None:
        raise SetAside(_("it does not say which medicine"))
    return medicine


def write(facts: MedicationFacts) -> Json:
    """The MedicationRequest resource."""
    dosage = compact(
        text=facts.dosage,
        timing={"code": {"text": facts.frequency}} if facts.frequency else None,
        route=write_concept(facts.route),
    )
    return compact(
        resourceType="MedicationRequest",
        id=facts.fhir_id,
        status="active" if facts.is_active else "stopped",
        intent="order",
        medicationCodeableConcept=write_concept(facts.generic_name, facts.code, RXNORM),
        subject=write_reference("Patient", facts.patient_id),
        authoredOn=write_time(facts.active_from),
        requester={"display": facts.prescribed_by} if facts.prescribed_by else None,
        reasonCode=[{"text": facts.indication}] if facts.indication else None,
        dosageInstruction=[dosage] if dosage else None,
    )


def _check_ordered(resource: Element) -> None:
    if resource.peek("doNotPerform") not in (None, False):
        raise SetAside(_("it is an order not to give a medicine"))
    if resource.peek("intent") in NOT_ORDERS or resource.peek("status") in ("draft", "cancelled"):
        raise TakenBack(_("it was not ordered"))
    if resource.peek("intent") == "order":
        resource.keep("intent")


def _medicine(resource: Element, reader: Reader) -> Concept | None:
    concept = read_concept(resource.child("medicationCodeableConcept"), RXNORM)
    return concept or reader.linked(resource.child("medicationReference"), "Medication")


def _is_active(resource: Element) -> bool:
    """Whether it is taken now; of why it is not, nothing is kept."""
    status = resource.peek("status")
    if status in ("active", "stopped"):
        resource.keep("status")
    elif status in ("completed", "on-hold"):
        resource.reduce("status", _("kept as stopped"))
    return status in ("active", None)


def _dose(dosage: Element) -> str:
    """The amount of one dose, such as `2 tablet`."""
    for rate in dosage.children("doseAndRate"):
        quantity = rate.child("doseQuantity")
        if (value := quantity.number("value")) is not None and value < 10**9:
            unit = quantity.text("unit", limit=100) or quantity.text("code", limit=100)
            return f"{value:f} {unit}".strip()
        quantity.forget()
    return ""


def _frequency(dosage: Element) -> str:
    """How often, such as `2 per day`, `1 per 8 hours`, or `as needed`."""
    timing = dosage.child("timing")
    often = read_words(timing.child("code"), limit=150) or _repeat(timing.child("repeat"))
    if dosage.peek("asNeededBoolean") is not True:
        return often
    dosage.keep("asNeededBoolean")
    needed = _("as needed")
    return f"{often}, {needed}" if often else needed


def _repeat(repeat: Element) -> str:
    unit, times, period = (repeat.peek(name) for name in ("periodUnit", "frequency", "period"))
    known = isinstance(unit, str) and unit in PERIODS
    if not (known and _is_count(times) and _is_count(period)):
        return ""
    repeat.keep("frequency", "period", "periodUnit")
    words = {"times": int(times), "period": PERIODS[unit] % {"count": int(period)}}
    return _("%(times)d per %(period)s") % words


def _is_count(number: object) -> bool:
    if isinstance(number, bool) or not isinstance(number, int | Decimal):
        return False
    return 0 < number < 10_000 and number == int(number)
