"""The conventions of the contract, which hold for every resource."""

import uuid

import pytest
from django.conf import settings
from django.test import RequestFactory, override_settings
from django.urls import path

from clinic.tests.people import nobody_id
from clinic.tests.programs import Program, wrong_fields
from config import urls
from config.api.throttling import TokenThrottle
from patients.models import Patient

PERSON = {"first_name": "Zoë", "last_name": "Ng", "date_of_birth": "1990-05-17"}


def is_problem(answer, status: int) -> None:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status and body["title"] and body["detail"]
    assert body["type"] == "about:blank"


def count(cast) -> int:
    with cast.acting("alma"):
        return Patient.objects.count()


def test_every_error_is_a_problem(api):
    sarah = api("sarah")
    is_problem(api().get("patients/"), 401)
    is_problem(Program("cr_nothing").get("patients/"), 401)
    is_problem(api("aud").get("patients/"), 403)
    is_problem(sarah.get(f"patients/{nobody_id()}/"), 404)
    is_problem(sarah.get("patients/not-an-id/"), 404)
    is_problem(sarah.get("no-such-resource/"), 404)
    is_problem(sarah.get("/api/nowhere/"), 404)
    is_problem(sarah.delete("patients/"), 405)
    is_problem(sarah.client.options("/api/v1/patients/", headers=sarah._headers({})), 405)
    is_problem(sarah.raw("POST", "patients/", b"a=b", "application/x-www-form-urlencoded"), 415)
    page = sarah._headers({"Accept": "text/html"})
    is_problem(sarah.client.get("/api/v1/patients/", headers=page), 406)


def test_an_address_without_its_slash_leads_on_with_method_and_body(api):
    answer = api("fred").post("patients", PERSON)
    assert answer.status_code == 308 and answer["Location"] == "/api/v1/patients/"
    assert api("fred").get("patients", q="doe")["Location"] == "/api/v1/patients/?q=doe"
    is_problem(api("fred").post("patiants", PERSON), 404)


def test_a_header_that_cannot_be_is_refused(api):
    is_problem(api("sarah", "a\x00b").get("me/"), 400)
    is_problem(api("sarah", "a\x00b").get("patients/"), 400)
    is_problem(api("sarah", "x" * 5000).get("me/"), 403)
    is_problem(Program("\x00").get("me/"), 400)


def broken(request):
    raise RuntimeError("planted: Jane Doe")


@pytest.fixture
def broken_address(monkeypatch):
    monkeypatch.setattr(urls, "urlpatterns", [path("api/v1/broken/", broken), *urls.urlpatterns])
    from django.urls import clear_url_caches

    clear_url_caches()
    yield
    clear_url_caches()


def test_a_fault_of_ours_is_a_problem_that_tells_nothing(api, broken_address):
    answer = api("sarah").get("broken/")
    is_problem(answer, 500)
    assert b"Jane" not in answer.content and b"RuntimeError" not in answer.content


BROKEN_BODIES = [
    b"{", b"[]", b'"text"', b"\xff\xfe", b'{"first_name": "\xff"}', b'{"first_name": NaN}',
        b'{"first_name": "\\ud800"}', b'{"address": ' + b'{"a":' * 60 + b"1" + b"}" * 60 + b"}",
        b'{"address": ' + b"[" * 3000 + b"]" * 3000 + b"}",
]  # fmt: skip


def test_a_body_that_is_no_json_object_is_refused(api, cast):
    before, fred = count(cast), api("fred")
    for body in BROKEN_BODIES:
        assert wrong_fields(fred.raw("POST", "patients/", body)) == {"body"}, body[:40]
    assert count(cast) == before


def test_a_body_of_more_than_a_megabyte_is_not_read(api):
    big = b'{"first_name": "' + b"a" * 1_100_000 + b'"}'
    is_problem(api("fred").raw("POST", "patients/", big), 413)


WRONG_FIELDS = [
    ("first_name", 5), ("first_name", ["A"]), ("first_name", {"a": "b"}), ("first_name", None),
    ("first_name", "A\x00B"), ("first_name", "A" * 101), ("first_name", "   "),
    ("date_of_birth", "17.05.1990"), ("date_of_birth", "1990-02-30"), ("date_of_birth", 19900517),
    ("date_of_birth", "2990-01-01"), ("date_of_birth", "0001-01-01"),
    ("gender", "planted"), ("gender", 10**30), ("is_active", "yes"), ("is_active", 1),
    ("ssn", "12"), ("cpf", "123.456.789-00"), ("email", "not an address"), ("email", "a\x00@b.co"),
    ("address", "text"), ("address", {"a": "\x00"}), ("address", {"a": "x" * 9000}),
    ("emergency_contact", []), ("insurance_info", None), ("preferred_language", "x" * 11),
    ("mrn", "A B"), ("mrn", "x" * 51),
    ("id", "01a1fdc6-b609-7347-87af-6d82017b27a2"), ("version", 7), ("facility", "austa"),
    ("created_at", "2020-01-01"),
    ("allergies", ["Penicillin"]), ("user", "01a1fdc6-b609-7347-87af-6d82017b27a2"),
    ("fhir_id", "1"),
]  # fmt: skip


def test_a_field_that_cannot_be_is_named_and_nothing_is_stored(api, cast):
    before, fred = count(cast), api("fred")
    for field, value in WRONG_FIELDS:
        answer = fred.post("patients/", PERSON | {field: value})
        assert wrong_fields(answer) == {field}, value
        assert "planted" not in answer.content.decode()
    assert count(cast) == before


WRONG_FILTERS = [
    ("patients/", {"limit": "0"}, "limit"), ("patients/", {"limit": "201"}, "limit"),
    ("patients/", {"limit": "ten"}, "limit"), ("patients/", {"limit": "٣"}, "limit"),
    ("patients/", {"limit": "9" * 5000}, "limit"),
    ("patients/", {"cursor": "nonsense"}, "cursor"),
    ("patients/", {"cursor": "cD1hYmM="}, "cursor"),
    ("patients/", {"cursor": "cD0lMDA="}, "cursor"),
    ("patients/", {"is_active": "perhaps"}, "is_active"), ("patients/", {"q": "x" * 201}, "q"),
    ("patients/", {"patiant": "x"}, "patiant"),
    ("appointments/", {"patient": "7"}, "patient"), ("appointments/", {"status": "Lost"}, "status"),
    ("appointments/", {"from": "2026-11-24T10:00"}, "from"),
    ("appointments/", {"to": "soon"}, "to"),
    ("appointments/", {"from": "2026-11-24T10:00:00Z", "to": "2026-11-23T10:00:00Z"}, "to"),
    ("appointments/", {"from": "9999-12-31T23:59:59-23:59"}, "from"),
    ("documents/", {"patient": "{}"}, "patient"),
    ("documents/", {"document_type": "x"}, "document_type"),
    ("audit/", {"from": "yesterday"}, "from"), ("audit/", {"action": "stare"}, "action"),
    ("slots/", {}, "appointment_type"), ("search/", {}, "q"),
]  # fmt: skip


def test_a_filter_that_cannot_be_is_named(api):
    alma = api("alma")
    for path_, query, field in WRONG_FILTERS:
        assert field in wrong_fields(alma.get(path_, **query)), (path_, query)
    # Refused before the API: the address itself is broken.
    assert wrong_fields(alma.get("audit/", actor="\x00")) == set()
    beyond = "cD05OTk5OTk5OTk5OTk5OTk5OTk5OTk="  # p=99999999999999999999
    assert alma.get("audit/", cursor=beyond).status_code == 200


def test_a_filter_is_given_once(api):
    assert wrong_fields(api("sarah").get("patients/?q=doe&q=zoe")) == {"q"}


def test_a_facility_that_one_has_no_part_in_is_like_one_that_does_not_exist(api):
    foreign, none = api("sarah", "austa").get("patients/"), api("sarah", "nowhere").get("patients/")
    is_problem(foreign, 403)
    assert none.json() == foreign.json()
    assert api("sarah", "harbor").get("patients/").status_code == 200


def test_pages_follow_cursors(api, cast):
    fred = api("fred")
    for number in range(5):
        assert fred.post("patients/", PERSON | {"last_name": f"Ng{number}"}).status_code == 201
    page = fred.get("patients/", limit=3).json()
    seen = [p["id"] for p in page["results"]]
    assert page["previous"] is None and len(seen) == 3
    while page["next"]:
        page = fred.get(page["next"]).json()
        seen += [p["id"] for p in page["results"]]
    assert len(seen) == len(set(seen)) == 8, "three of the cast and five new ones, each once"
    assert fred.get(page["previous"]).json()["results"]


def test_the_same_key_has_one_effect_and_one_answer(api, cast):
    fred, key = api("fred"), str(uuid.uuid4())
    before = count(cast)
    first = fred.post("patients/", PERSON, Idempotency_Key=key)
    again = fred.post("patients/", dict(reversed(PERSON.items())), Idempotency_Key=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json() and again["ETag"] == first["ETag"] == '"1"'
    assert count(cast) == before + 1
    is_problem(fred.post("patients/", PERSON | {"last_name": "Other"}, Idempotency_Key=key), 422)
    is_problem(fred.post("conversations/", {}, Idempotency_Key=key), 403)
    is_problem(api("nina").post("patients/", PERSON | {"ssn": "1"}, Idempotency_Key=key), 400)
    assert api("nina").post("patients/", PERSON, Idempotency_Key=key).json() != first.json()
    assert wrong_fields(fred.post("patients/", PERSON, Idempotency_Key="k" * 201)) == {
        "Idempotency-Key"
    }


def test_a_refused_request_leaves_its_key_free(api):
    fred, key = api("fred"), str(uuid.uuid4())
    assert fred.post("patients/", {"first_name": "A"}, Idempotency_Key=key).status_code == 400
    assert fred.post("patients/", PERSON, Idempotency_Key=key).status_code == 201


def test_an_old_version_is_refused(api, cast):
    fred = api("fred")
    read = fred.get(f"patients/{cast.mr_doe.pk}/")
    tag = read["ETag"]
    assert tag == f'"{read.json()["version"]}"'
    path = f"patients/{cast.mr_doe.pk}/"
    changed = fred.patch(path, {"phone": "5550100"}, If_Match=tag)
    assert changed.status_code == 200 and changed["ETag"] != tag
    is_problem(fred.patch(path, {"phone": "5550199"}, If_Match=tag), 412)
    is_problem(fred.patch(path, {"phone": "5550199"}, If_Match="nonsense"), 412)
    assert fred.get(path).json()["phone"] == "5550100"
    for match in ("*", "{}", '"9999", {}'):
        changed = fred.patch(path, {"phone": "5550101"}, If_Match=match.format(changed["ETag"]))
        assert changed.status_code == 200


def test_too_many_requests_are_told_when_to_come_back(api):
    TokenThrottle.counters.clear()
    sarah = api("sarah")
    with override_settings(API_RATE=3):
        answers = [sarah.get("me/") for _ in range(4)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    is_problem(answers[-1], 429)
    assert 1 <= int(answers[-1]["Retry-After"]) <= 60
    assert api("nina").get("me/").status_code == 200


def test_a_number_out_of_range_in_the_database_is_no_fault(rf: RequestFactory):
    from django.db import DataError

    from config.api.errors import _answer_to

    assert _answer_to(DataError("integer out of range")).status_code == 400


def test_the_upload_limit_leaves_room_for_the_form():
    """A file of exactly the limit is kept in memory, together with the form around it."""
    from records.api.documents import FORM_BYTES

    assert settings.FILE_UPLOAD_MAX_MEMORY_SIZE >= settings.UPLOAD_BYTES + FORM_BYTES
