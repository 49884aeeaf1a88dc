"""Every page of the staff's site, asked for by every role, of the own clinic and of another."""

import re

import pytest
from django.urls import reverse

from clinic.tests.people import nobody_id
from config.tests.scene import CLINICAL

OK, SEE_OTHER, FORBIDDEN, MISSING = 200, 302, 403, 404
CARE = {"alma", "sarah", "nina", "phil"}
CLERKS = CARE | {"fred"}
NOT_STAFF = ("john", "jane")
STAFF = ("alma", "sarah", "omar", "nina", "phil", "fred", "aud")
STRANGERS = ("lucia", "rita")


def addresses(scene):
    """Page → its address, and who of Harbor's staff may open it."""
    patient, visit = scene.mr_doe.pk, scene.visit.pk
    specialist, letter = scene.specialists["sarah"].pk, scene.letter.pk
    return {
        "index": (reverse("admin:index"), CLERKS | {"omar"}),
        "find_patient": (reverse("admin:find_patient") + "?q=doe", CLERKS | {"omar"}),
        "chart": (reverse("admin:chart", args=[patient]), CLERKS),
        "write_record": (reverse("admin:write_record", args=[patient]), {"sarah", "nina"}),
        "revise_record": (reverse("admin:revise_record", args=[scene.record.pk]), {"sarah"}),
        "day": (reverse("admin:day"), CLERKS | {"omar"}),
        "visit": (reverse("admin:visit", args=[visit]), CLERKS),
        "quick_book": (
            reverse("admin:quick_book") + f"?patient={patient}", {"alma", "sarah", "nina", "fred"}
        ),
        "documents": (reverse("admin:documents"), CARE | {"omar"}),
        "documents_of": (reverse("admin:documents") + f"?patient={patient}", CARE),
        "document": (reverse("admin:document", args=[letter]), CARE),
        "document_file": (reverse("admin:document_file", args=[letter]), CARE),
        "hours": (reverse("admin:hours", args=[specialist]), CLERKS | {"omar"}),
        "specialists": (reverse("admin:clinic_specialist_changelist"), CLERKS | {"omar"}),
        "specialist": (
            reverse("admin:clinic_specialist_change", args=[specialist]), CLERKS | {"omar"}
        ),
        "new specialist": (reverse("admin:clinic_specialist_add"), {"alma"}),
        "kinds": (reverse("admin:scheduling_appointmenttype_changelist"), CLERKS | {"omar"}),
        "kind": (
            reverse("admin:scheduling_appointmenttype_change", args=[scene.kind.pk]),
            CLERKS | {"omar"},
        ),
        "new kind": (
            reverse("admin:scheduling_appointmenttype_add"), {"alma", "sarah", "fred"}
        ),
        "register": (reverse("admin:patients_patient_add"), {"alma", "sarah", "nina", "fred"}),
        "correct": (
            reverse("admin:patients_patient_change", args=[patient]),
            {"alma", "sarah", "nina", "fred"},
        ),
        "roles": (reverse("admin:roles"), CLERKS | {"omar", "aud"}),
        "person": (reverse("admin:person", args=[scene.fred.pk]), {"alma"}),
        "invite": (reverse("admin:invite"), {"alma"}),
        "facility": (reverse("admin:facility"), {"alma"}),
        "choose": (reverse("admin:choose_facility"), CLERKS | {"omar", "aud"}),
        "trail": (reverse("admin:trail"), {"alma", "aud"}),
    }  # fmt: skip


OF_ONE = [
    "chart", "write_record", "revise_record", "visit", "quick_book", "documents_of", "document",
    "document_file", "hours", "specialist", "kind", "correct", "person",
]  # fmt: skip


@pytest.mark.parametrize("name", STAFF)
def test_each_role_opens_its_pages_and_no_others(scene, browse, name):
    client = browse(name)
    answers = {
        page: client.get(address).status_code for page, (address, _) in addresses(scene).items()
    }
    may = {page for page, (_, who) in addresses(scene).items() if name in who}
    assert {page for page, status in answers.items() if status == OK} == may
    refused = {status for page, status in answers.items() if page not in may}
    assert refused <= {SEE_OTHER, FORBIDDEN, MISSING}


@pytest.mark.parametrize("name", STRANGERS)
def test_another_clinics_rows_do_not_exist(scene, browse, name):
    client = browse(name)
    for page in OF_ONE:
        answer = client.get(addresses(scene)[page][0])
        assert answer.status_code in {FORBIDDEN, MISSING}, page
        body = answer.content.decode()
        assert "Doe" not in body and not [word for word in CLINICAL if word in body], page


def test_another_clinics_lists_show_nothing_of_ours(scene, browse):
    client = browse("rita")
    for page in ("index", "find_patient", "day", "documents", "specialists", "kinds", "roles",
                 "trail"):  # fmt: skip
        answer = client.get(addresses(scene)[page][0])
        body = answer.content.decode()
        assert answer.status_code == OK, page
        for word in ("John", "Doe ", "Sarah", "Check-up", *CLINICAL):
            assert word not in body, (page, word)


@pytest.mark.parametrize("name", ["fred", "aud"])
def test_no_clinical_content_for_desk_and_auditor(scene, browse, name):
    client = browse(name)
    client.get(reverse("admin:index"))
    for page, (address, _who) in addresses(scene).items():
        body = client.get(address, follow=True).content.decode()
        assert not [word for word in CLINICAL if word in body], page


def test_a_specialist_reaches_only_patients_granted_to_her(scene, browse):
    from patients import access
    from patients.models import AccessGrant

    client = browse("omar")
    chart = reverse("admin:chart", args=[scene.mr_doe.pk])
    assert client.get(chart).status_code == MISSING
    assert b"John" not in client.get(reverse("admin:find_patient") + "?q=doe").content
    with scene.acting("alma"):
        access.grant(patient=scene.mr_doe, user=scene.omar, source=AccessGrant.Source.CARE_TEAM)
    answer = client.get(chart)
    assert answer.status_code == OK and b"plantedallergen" in answer.content


@pytest.mark.parametrize("name", NOT_STAFF)
def test_patients_and_relatives_find_no_door(scene, browse, name):
    client = browse(name)
    for page, (address, _who) in addresses(scene).items():
        answer = client.get(address, follow=True)
        assert answer.status_code == FORBIDDEN, page


def test_a_stranger_is_asked_to_sign_in(scene, client):
    for page, (address, _who) in addresses(scene).items():
        answer = client.get(address)
        assert answer.status_code == SEE_OTHER and "login" in answer["Location"], page


def without_tokens(answer) -> str:
    """The page without its own address and what is new each time it is drawn."""
    body = answer.content.decode().replace(answer.wsgi_request.path, "")
    return re.sub(r"[A-Za-z0-9]{64}", "", body)


def test_what_may_not_be_seen_answers_as_what_is_not_there(scene, browse):
    client = browse("lucia")
    ours = client.get(reverse("admin:chart", args=[scene.mr_doe.pk]))
    nobody = client.get(reverse("admin:chart", args=[nobody_id()]))
    assert ours.status_code == nobody.status_code == MISSING
    assert without_tokens(ours) == without_tokens(nobody)


def test_writing_by_another_clinic_changes_nothing(scene, browse):
    client = browse("rita")
    posts = [
        (reverse("admin:visit", args=[scene.visit.pk]), {"to": "Canceled", "version": 1}),
        (reverse("admin:patients_patient_change", args=[scene.mr_doe.pk]), {"first_name": "X"}),
        (reverse("admin:hours", args=[scene.specialists["sarah"].pk]), {}),
        (reverse("admin:person", args=[scene.fred.pk]), {"role": "nurse"}),
        (reverse("admin:document", args=[scene.letter.pk]), {"read_again": "1"}),
        (reverse("admin:chart_ask", args=[scene.mr_doe.pk]), {"question": "knee?"}),
    ]
    for address, data in posts:
        assert client.post(address, data).status_code in {FORBIDDEN, MISSING}, address
    with scene.acting("sarah"):
        scene.visit.refresh_from_db()
        scene.mr_doe.refresh_from_db()
        assert (scene.visit.status, scene.mr_doe.first_name) == ("Confirmed", "John")


def test_what_django_and_unfold_bring_along_is_closed(scene, browse):
    client = browse("alma")
    patient = reverse("admin:patients_patient_change", args=[scene.mr_doe.pk])
    history = reverse("admin:patients_patient_history", args=[scene.mr_doe.pk])
    delete = reverse("admin:patients_patient_delete", args=[scene.mr_doe.pk])
    assert client.get(history).status_code == MISSING
    assert client.post(delete, {"post": "yes"}).status_code == FORBIDDEN
    assert client.get("/admin/search/?s=doe").status_code == MISSING
    assert client.get("/admin/patients/").status_code == SEE_OTHER
    assert client.get(patient).status_code == OK
