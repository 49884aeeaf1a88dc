"""Patients in the API: registered, found, read, corrected; by whom, and by whom not."""

from clinic.models import LogEntry
from clinic.tests.people import nobody_id
from clinic.tests.programs import wrong_fields
from patients import health
from patients.models import Allergy, Patient

PERSON = {
    "first_name": "Zoë", "last_name": "O'Hara-Muñoz", "date_of_birth": "1990-05-17",
    "gender": "female", "ssn": "123-45-6789", "phone": "+1 (555) 010-2233",
    "email": "zoe@example.org", "emergency_contact": {"name": "Max", "phone": "5550102234"},
    "insurance_info": {"provider": "Acme"}, "preferred_language": "es",
}  # fmt: skip
CONTRACT = {
    "id", "mrn", "first_name", "last_name", "date_of_birth", "gender", "ssn", "cpf", "phone",
    "email", "emergency_contact", "insurance_info", "preferred_language", "is_active", "version",
}  # fmt: skip


def test_registered_found_read_and_corrected(api):
    fred = api("fred")
    made = fred.post("patients/", PERSON)
    assert made.status_code == 201 and made["ETag"] == '"1"'
    body = made.json()
    assert set(body) >= CONTRACT
    assert {name: body[name] for name in PERSON} == PERSON
    assert body["mrn"] and body["is_active"] is True
    assert fred.get(made["Location"]).json()["id"] == body["id"]
    for query in ("muñoz zoe", "ohara", "5550102233", "ZOE@example.org", "1990-05-17", body["mrn"]):
        found = fred.get("patients/", q=query)
        assert [p["id"] for p in found.json()["results"]] == [body["id"]], query
    assert fred.get("patients/", q="nobody here").json()["results"] == []
    path = f"patients/{body['id']}/"
    corrected = fred.patch(path, {"last_name": "Ng", "is_active": False}).json()
    assert (corrected["last_name"], corrected["is_active"]) == ("Ng", False)
    assert corrected["version"] > body["version"] and corrected["phone"] == PERSON["phone"]
    inactive = fred.get("patients/", is_active="false").json()["results"]
    assert [p["id"] for p in inactive] == [body["id"]]


def test_searches_of_one_form_find_by_what_each_asked_and_where(api):
    """Their statement is compiled once: only what each asked may differ, and must."""
    fred, rita = api("fred"), api("rita")
    zoe = fred.post("patients/", PERSON).json()["id"]
    max_ = fred.post("patients/", PERSON | {"first_name": "Max", "ssn": ""}).json()["id"]
    far = rita.post("patients/", PERSON).json()["id"]

    def found(program, query, **more):
        return [p["id"] for p in program.get("patients/", q=query, **more).json()["results"]]

    assert found(fred, "zoe ohara") == [zoe] and found(fred, "max ohara") == [max_]
    assert found(rita, "zoe ohara") == [far] and found(rita, "max ohara") == []
    assert found(fred, "zoe") == [zoe] and found(fred, "1990-05-17") == [max_, zoe]
    assert found(fred, "zoe hara ohara munoz zoe ohar") == [zoe], "more words than are kept"
    first = fred.get("patients/", q="ohara", limit=1).json()
    assert [p["id"] for p in first["results"]] == [max_]
    following = fred.get(first["next"]).json()["results"]
    assert [p["id"] for p in following] == [zoe]


def test_a_number_is_one_patients_only(api):
    fred, rita = api("fred"), api("rita")
    assert fred.post("patients/", PERSON).status_code == 201
    taken = fred.post("patients/", PERSON | {"first_name": "Other"})
    assert taken.status_code == 409 and "Zoë" not in taken.content.decode()
    assert rita.post("patients/", PERSON).status_code == 201, "another facility knows nothing of it"


def test_a_record_number_may_be_chosen_and_never_blocks_those_that_are_given(api):
    fred = api("fred")
    first = fred.post("patients/", PERSON | {"ssn": ""}).json()["mrn"]
    following = f"{first[:2]}{int(first[2:]) + 1:06d}"
    chosen = fred.post("patients/", PERSON | {"ssn": "", "mrn": following})
    assert chosen.json()["mrn"] == following
    assert fred.post("patients/", PERSON | {"ssn": "", "mrn": following}).status_code == 409
    given = fred.post("patients/", PERSON | {"ssn": ""})
    assert given.status_code == 201 and given.json()["mrn"] not in {first, following}
    assert wrong_fields(fred.patch(f"patients/{chosen.json()['id']}/", {"mrn": "X"})) == {"mrn"}


def test_allergies_are_for_readers_of_clinical_content(api, cast):
    with cast.acting("sarah"):
        for allergen, active in (("Penicillin", True), ("Dust", False)):
            health.record(
                Allergy, patient=cast.mr_doe, by=cast.sarah, allergen=allergen, is_active=active
            )
    path = f"patients/{cast.mr_doe.pk}/"
    assert api("sarah").get(path).json()["allergies"] == ["Penicillin"]
    listed = api("nina").get("patients/").json()["results"]
    assert {p["id"]: p["allergies"] for p in listed}[str(cast.mr_doe.pk)] == ["Penicillin"]
    for answer in (api("fred").get(path), api("fred").get("patients/")):
        assert answer.status_code == 200 and b"allergies" not in answer.content


def test_out_of_reach_reads_like_not_there(api, cast):
    nothing = api("sarah").get(f"patients/{nobody_id()}/")
    for name, patient in (
        ("sarah", cast.dona_ana), ("omar", cast.mr_doe), ("jane", cast.mr_doe),
        ("ana", cast.mr_doe), ("lucia", cast.jimmy),
    ):  # fmt: skip
        answer = api(name).get(f"patients/{patient.pk}/")
        assert (answer.status_code, answer.json()) == (404, nothing.json()), name
    for name, expected in (
        ("omar", set()), ("john", {cast.mr_doe.pk, cast.jimmy.pk}), ("jane", {cast.mrs_doe.pk}),
        ("lucia", {cast.dona_ana.pk}),
    ):  # fmt: skip
        rows = api(name).get("patients/").json()["results"]
        assert {p["id"] for p in rows} == {str(pk) for pk in expected}, name
        assert api(name).get("patients/", q="doe").json()["results"] == [
            p for p in rows if p["last_name"] == "Doe"
        ]


def test_only_who_may_registers_and_corrects(api, cast):
    path = f"patients/{cast.mr_doe.pk}/"
    with cast.acting("alma"):
        before = Patient.objects.count()
    for name in ("omar", "phil", "aud", "john", "jane"):
        assert api(name).post("patients/", PERSON).status_code == 403, name
        assert api(name).patch(path, {"first_name": "Planted"}).status_code == 403, name
    assert api("lucia").patch(path, {"first_name": "Planted"}).status_code == 404
    with cast.acting("alma"):
        assert Patient.objects.count() == before
        assert Patient.objects.get(pk=cast.mr_doe.pk).first_name == "John"
    assert api("aud").get("patients/").status_code == 403
    assert api("aud").get(path).status_code == 403


def test_readings_and_refusals_are_on_the_trail(api, cast):
    sarah = api("sarah")
    sarah.get(f"patients/{cast.mr_doe.pk}/")
    sarah.get("patients/", q="doe")
    sarah.get("patients/")
    sarah.get(f"patients/{cast.dona_ana.pk}/")
    with cast.acting("alma"):
        entries = LogEntry.entries.filter(actor_id=cast.sarah.pk, surface="api")
        reads = entries.reads().filter(resource="patients.patient", patient_id=cast.mr_doe.pk)
        hows = [entry.additional_data["how"] for entry in reads.order_by("id")]
        refused = entries.filter(compliance_flags__contains=["refused"]).get()
    assert hows == ["detail", "search", "list"]
    assert refused.object_pk == str(cast.dona_ana.pk)
    assert {entry.token_id for entry in reads} != {None}


def test_a_list_costs_the_same_whatever_its_length(api, cast, django_assert_max_num_queries):
    fred, sarah = api("fred"), api("sarah")
    for number in range(12):
        patient = fred.post("patients/", PERSON | {"ssn": "", "last_name": f"Ng{number}"}).json()
        body = {"allergen": f"Allergen {number}"}
        assert sarah.post(f"patients/{patient['id']}/allergies/", body).status_code == 201
    with django_assert_max_num_queries(12) as two:
        assert len(sarah.get("patients/", limit=2).json()["results"]) == 2
    with django_assert_max_num_queries(len(two)):
        assert len(sarah.get("patients/", limit=15).json()["results"]) == 15
