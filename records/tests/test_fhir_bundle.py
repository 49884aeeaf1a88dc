"""What a bundle must be to be read, and where its references lead."""

import gzip
import json
import time

import pytest

from records.fhir.bundle import Bundle
from records.fhir.element import Element
from records.fhir.parsing import MAX_BYTES, NotFHIR
from records.tests.bundles import packed

EMPTY = '{"resourceType": "Bundle", "type": "collection", "entry": [%s]}'
NOWHERE = Element({})


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not JSON (line 1, column 1)"),
        (b"\x00\x01\x02", "not JSON"),
        (b"{\xff}", "not UTF-8 (byte 1)"),
        ("{}".encode("utf-16"), "not UTF-8"),
        (b"[1, 2", "not JSON"),
        (b"{} {}", "not JSON"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": -Infinity}', "-Infinity is no number"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too many digits"),
        (b'{"a": 1, "a": 2}', "same name twice"),
        (b"null", "not a FHIR Bundle"),
        (b"[]", "not a FHIR Bundle"),
        (b'{"resourceType": "Patient"}', "not a FHIR Bundle. (resourceType)"),
        (b'{"resourceType": "Bundle"}', "(Bundle.type)"),
        (b'{"resourceType": "Bundle", "type": "history"}', "(Bundle.type)"),
        (b'{"resourceType": "Bundle", "type": ["batch"]}', "(Bundle.type)"),
        (b'{"resourceType": "Bundle", "type": "batch", "entry": {}}', "(Bundle.entry)"),
        ((EMPTY % "7").encode(), "(Bundle.entry[0])"),
        ((EMPTY % '{"resource": []}').encode(), "(Bundle.entry[0].resource)"),
        ((EMPTY % '{"resource": {"id": "1"}}').encode(), "(Bundle.entry[0].resource.resourceType)"),
        (packed({"resourceType": "Patient", "id": "a b"}), "(Bundle.entry[0].resource.id)"),
        (packed({"resourceType": "Patient", "id": None}), "(Bundle.entry[0].resource.id)"),
        (packed({"resourceType": "Patient", "id": "1" * 65}), "(Bundle.entry[0].resource.id)"),
        (packed(*[{"resourceType": "Patient", "id": "1"}] * 2), "same id. (Bundle.entry[1])"),
        (packed({"resourceType": "Patient", "gender": "\x00"}), "resource.gender)"),
        (packed({"resourceType": "Patient", "gender": "\ud800"}), "half a character"),
        (packed({"resourceType": "Patient", "\x00": 1}), "NUL byte"),
        (b"[" * 100_000, "nested more than 64"),
        (b"[" * 200 + b"]" * 200, "nested more than 64"),
        (b"\x1f\x8b broken", "gzip compression is broken"),
        (gzip.compress(packed())[:-9], "gzip compression is broken"),
    ],
)
def test_refused_with_a_reason_and_a_place(data, says):
    with pytest.raises(NotFHIR) as refusal:
        Bundle.read(data)
    assert says in str(refusal.value)
    assert str(refusal.value).isprintable(), "one line that no terminal chokes on"


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_huge_file_is_refused_before_it_is_parsed(pack):
    data = pack(b" " * (MAX_BYTES + 1))
    started = time.perf_counter()
    with pytest.raises(NotFHIR, match="larger than 32 MB"):
        Bundle.read(data)
    assert time.perf_counter() - started < 2


def test_two_entries_with_one_address_are_refused():
    entries = [
        {"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Patient", "id": str(n)}}
        for n in range(2)
    ]
    data = json.dumps({"resourceType": "Bundle", "type": "batch", "entry": entries}).encode()
    with pytest.raises(NotFHIR, match="same id"):
        Bundle.read(data)


@pytest.mark.parametrize("kind", ["transaction", "batch", "collection", "searchset", "document"])
def test_bundles_of_every_kind_that_carries_resources_are_read(kind):
    bundle = Bundle.read(b"\xef\xbb\xbf" + packed({"resourceType": "Basic"}, kind=kind))
    assert [entry.type for entry in bundle.entries] == ["Basic"]


def test_entries_without_a_resource_are_passed_over():
    entry = '{"request": {"method": "DELETE", "url": "Patient/1"}}, {"fullUrl": ["odd"]}'
    assert Bundle.read((EMPTY % entry).encode()).entries == ()


def test_a_resource_without_an_id_has_one_that_stays_the_same():
    first, second = (Bundle.read(packed({"resourceType": "Basic"})).entries[0] for _ in "12")
    assert first.fhir_id == second.fhir_id
    assert len(first.fhir_id) == 64


NPI = "http://hl7.org/fhir/sid/us-npi"


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    npi = [{"system": NPI, "value": "42"}]
    resources = {
        "urn:uuid:0a": {"resourceType": "Patient", "id": "pat"},
        "https://a.example/fhir/Practitioner/doc": {
            "resourceType": "Practitioner",
            "id": "doc",
            "identifier": npi,
        },
        "https://a.example/fhir/Practitioner/twin1": {
            "resourceType": "Practitioner",
            "id": "twin1",
            "identifier": [{"system": "x", "value": "7"}],
        },
        "https://a.example/fhir/Practitioner/twin2": {
            "resourceType": "Practitioner",
            "id": "twin2",
            "identifier": [{"system": "x", "value": "7"}],
        },
        "urn:uuid:0b": {
            "resourceType": "MedicationRequest",
            "id": "order",
            "contained": [{"resourceType": "Medication", "id": "m"}],
        },
    }
    entries = [{"fullUrl": url, "resource": resource} for url, resource in resources.items()]
    packed = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    return Bundle.read(json.dumps(packed).encode())


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("urn:uuid:0a", "Patient/pat"),
        ("urn:uuid:pat", "Patient/pat"),
        ("Patient/pat", "Patient/pat"),
        ("Patient/pat/_history/3", "Patient/pat"),
        ("https://a.example/fhir/Practitioner/doc", "Practitioner/doc"),
        (f"Practitioner?identifier={NPI}|42", "Practitioner/doc"),
        ("Practitioner?identifier=42", "Practitioner/doc"),
    ],
)
def test_a_reference_leads_to_its_entry(bundle, reference, name):
    assert bundle.find(reference, within=NOWHERE).name == name


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/none",
        "https://b.example/fhir/Patient/pat",  # another server's patient of that id is another
        "Practitioner?identifier=other|42",
        "Practitioner?identifier=x|7",  # two answer
        "Practitioner?name=doc",
        "Practitioner?identifier=1&identifier=2",
        "http://[?identifier=42",
        "#m",  # contained elsewhere
        "",
        7,
        None,
    ],
)
def test_a_reference_that_leads_nowhere(bundle, reference):
    assert bundle.find(reference, within=NOWHERE) is None


def test_a_contained_resource_is_found_from_within_only(bundle):
    order = bundle.find("MedicationRequest/order", within=NOWHERE)
    assert bundle.find("#m", within=order.resource.child("anything")).type == "Medication"
