"""A FHIR bundle out of untrusted bytes, able to resolve its references."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.utils.translation import gettext as _

from records.fhir.element import Element
from records.fhir.parsing import NotFHIR, parse

READABLE_TYPES = ("transaction", "batch", "collection", "searchset", "document")

FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
TYPE_NAME = re.compile(r"[A-Z][A-Za-z]{1,60}")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One resource of the bundle; `fhir_id` is its own, else made from its content."""

    type: str
    fhir_id: str
    resource: Element
    full_url: str = ""

    @property
    def name(self) -> str:
        return f"{self.type}/{self.fhir_id}"


class SetAside(Exception):
    """A resource must not reach the chart; the message says why."""


class TakenBack(SetAside):
    """Its source says that it was never so: what the chart has of it holds no longer.

    `verification_status` is FHIR's word for it, where there is one.
    """

    def __init__(self, reason: str, verification_status: str = "entered-in-error"):
        super().__init__(reason)
        self.verification_status = verification_status


class Bundle:
    """The entries of a validated bundle, and the way from a reference to what it names."""

    def __init__(self, *, envelope: Element, entries: tuple[Entry, ...]):
        self.envelope = envelope
        self.entries = entries
        self._by_name = {entry.name: entry for entry in entries}
        self.by_url = {entry.full_url: entry for entry in entries if entry.full_url}
        self._by_urn = {f"urn:uuid:{entry.fhir_id}": entry for entry in entries}
        self._by_identifier = self._identified()
        self._contained: dict[int, dict[str, Entry]] = {}

    @classmethod
    def read(cls, data: bytes) -> "Bundle":
        """The bundle in `data`, UTF-8 JSON or gzip of it. Raises NotFHIR."""
        document = parse(data)
        if not isinstance(document, dict) or document.get("resourceType") != "Bundle":
            raise NotFHIR(_("This is JSON, but not a FHIR Bundle."), "resourceType")
        if document.get("type") not in READABLE_TYPES:
            readable = ", ".join(READABLE_TYPES)
            raise NotFHIR(
                _("Bundles of these types are read: %(types)s.") % {"types": readable},
                "Bundle.type",
            )
        items = document.get("entry", [])
        if not isinstance(items, list):
            raise NotFHIR(_("The entries are not a list."), "Bundle.entry")
        entries = tuple(
            _entry(item, index) for index, item in enumerate(items) if _has_resource(item, index)
        )
        _check_unique(entries)
        envelope = document | {
            "entry": [{k: v for k, v in item.items() if k != "resource"} for item in items]
        }
        return cls(envelope=Element(envelope), entries=entries)

    def find(self, reference: object, *, within: Element) -> Entry | None:
        """What `reference` names: an entry, or what `within` contains; None where it dangles."""
        if not isinstance(reference, str) or not reference:
            return None
        if reference.startswith("#"):
            return self._contained_in(within.root).get(reference[1:])
        reference = reference.split("/_history/", 1)[0]
        if "?" in reference:
            return self._matching(reference)
        return (
            self.by_url.get(reference)
            or self._by_urn.get(reference)
            or self._by_name.get(reference)
        )

    def _matching(self, conditional: str) -> Entry | None:
        """`Practitioner?identifier=system|value`, where exactly one entry answers it."""
        try:
            url = urlsplit(conditional)
        except ValueError:
            return None
        wanted = parse_qs(url.query)
        if set(wanted) != {"identifier"} or len(wanted["identifier"]) != 1:
            return None
        system, bar, value = wanted["identifier"][0].rpartition("|")
        found = self._by_identifier.get((url.path.rsplit("/", 1)[-1], value), [])
        matches = {entry.name: entry for given, entry in found if not bar or given == system}
        return next(iter(matches.values())) if len(matches) == 1 else None

    def _contained_in(self, root: Element) -> dict[str, Entry]:
        if id(root) not in self._contained:
            found = [(e.peek("resourceType"), e.peek("id"), e) for e in root.children("contained")]
            self._contained[id(root)] = {
                fhir_id: Entry(type=kind, fhir_id=fhir_id, resource=element)
                for kind, fhir_id, element in found
                if isinstance(kind, str) and isinstance(fhir_id, str)
            }
        return self._contained[id(root)]

    def _identified(self) -> dict[tuple[str, str], list[tuple[str, Entry]]]:
        index: dict[tuple[str, str], list[tuple[str, Entry]]] = {}
        for entry in self.entries:
            for system, value in _identifiers(entry.resource.peek("identifier")):
                index.setdefault((entry.type, value), []).append((system, entry))
        return index


def _has_resource(item: Any, index: int) -> bool:
    if not isinstance(item, dict):
        raise NotFHIR(_("An entry is not an object."), f"Bundle.entry[{index}]")
    return "resource" in item


def _entry(item: dict[str, Any], index: int) -> Entry:
    path = f"Bundle.entry[{index}].resource"
    resource = item["resource"]
    if not isinstance(resource, dict):
        raise NotFHIR(_("A resource is not an object."), path)
    kind = resource.get("resourceType")
    if not isinstance(kind, str) or not TYPE_NAME.fullmatch(kind):
        raise NotFHIR(_("A resource does not say its type."), f"{path}.resourceType")
    full_url = item.get("fullUrl", "")
    if not isinstance(full_url, str):
        raise NotFHIR(_("An address is not a text."), f"Bundle.entry[{index}].fullUrl")
    fhir_id = resource.get("id", _id_within(full_url) or _digest(resource))
    if not isinstance(fhir_id, str) or not FHIR_ID.fullmatch(fhir_id):
        raise NotFHIR(_("An id is not one to 64 letters, digits, hyphens and dots."), f"{path}.id")
    return Entry(type=kind, fhir_id=fhir_id, resource=Element(resource), full_url=full_url)


def _id_within(full_url: str) -> str:
    found = re.split("[:/]", full_url)[-1]
    return found if FHIR_ID.fullmatch(found) else ""


def _digest(resource: dict[str, Any]) -> str:
    return sha256(json.dumps(resource, sort_keys=True, default=str).encode()).hexdigest()


def _check_unique(entries: tuple[Entry, ...]) -> None:
    names: set[str] = set()
    for index, entry in enumerate(entries):
        own = {entry.name, entry.full_url} - {""}
        if own & names:
            raise NotFHIR(_("Two entries have the same id."), f"Bundle.entry[{index}]")
        names |= own


def _identifiers(found: Any) -> Iterator[tuple[str, str]]:
    for item in found if isinstance(found, list) else ():
        if isinstance(item, dict) and isinstance(item.get("value"), str):
            yield str(item.get("system", "")), item["value"]
