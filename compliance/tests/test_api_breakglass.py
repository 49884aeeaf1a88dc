"""Emergency access by program: what it takes, what it answers, and what it opens."""

import pytest

from clinic.models import SpentCode
from clinic.security import tenancy
from clinic.tests.people import nobody_id
from clinic.tests.programs import wrong_fields
from compliance.models import EmergencyAccess
from compliance.tests.emergencies import (
    CRITICAL,
    NOT_CRITICAL,
    REASON,
    code,
    end_the_hour,
)

PATH = "break-glass/"


def asked(cast, **given) -> dict:
    """What a program sends; a fresh code each time."""
    SpentCode.objects.all().delete()
    body = {"patient": str(cast.maria.pk), "category": "acute", "reason": REASON, "otp": code()}
    return body | given


@pytest.fixture
def opened(emergency, api) -> str:
    answer = api("omar").post(PATH, asked(emergency))
    assert answer.status_code == 201, answer.content
    return answer.json()["id"]


def count(cast) -> int:
    with tenancy.system(cast.harbor):
        return EmergencyAccess.objects.count()


def test_the_patient_is_opened(emergency, api):
    answer = api("omar").post(PATH, asked(emergency))
    assert answer.status_code == 201
    body = answer.json()
    assert (body["patient"], body["scope"]) == (str(emergency.maria.pk), ["view", "summary"])
    assert body["reviewed_at"] is None and "review_note" not in body and "otp" not in body
    assert code() not in str(body)


def test_the_chart_answers_the_summary_and_nothing_more(emergency, api):
    path = f"patients/{emergency.maria.pk}/"
    omar = api("omar")
    assert omar.get(f"{path}chart/").status_code == 404
    before = omar.get(path)
    assert before.status_code == 404 and b"planted" not in before.content.lower()
    assert omar.post(PATH, asked(emergency)).status_code == 201
    chart = omar.get(f"{path}chart/").json()
    assert chart["partial"] == ["allergies", "blood_types", "conditions", "medications"]
    assert [row["allergen"] for row in chart["allergies"]] == ["plantedpenicillin"]
    assert [row["generic_name"] for row in chart["medications"]] == ["plantedwarfarin"]
    assert [row["display"] for row in chart["conditions"]] == ["plantedepilepsy"]
    assert [row["group"] for row in chart["blood_types"]] == ["O-"]
    for closed in ("records", "documents", "readings", "immunizations", "encounters",
                   "appointments"):  # fmt: skip
        assert chart[closed] is None
    assert "allergies" not in chart["demographics"], "a part of them would read as all of them"
    assert not [word for word in NOT_CRITICAL if word in str(chart)]
    for kind in ("allergies", "medications", "conditions", "readings", "immunizations"):
        listed = omar.get(f"{path}{kind}/")
        assert listed.status_code == 404 or listed.json()["results"] == []
        assert not [word for word in (*CRITICAL, *NOT_CRITICAL) if word in str(listed.content)]


def test_the_end_is_the_end_of_the_next_request(emergency, api, opened):
    omar, path = api("omar"), f"patients/{emergency.maria.pk}/chart/"
    assert omar.get(path).status_code == 200
    with tenancy.system(emergency.harbor):
        end_the_hour(emergency, EmergencyAccess.objects.get(pk=opened))
    answer = omar.get(path)
    assert answer.status_code == 404 and b"planted" not in answer.content.lower()
    assert omar.get(f"patients/{emergency.maria.pk}/").status_code == 404


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"reason": "too short"}, {"reason"}),
        ({"reason": ""}, {"reason"}),
        ({"reason": "z" * 50}, {"reason"}),
        ({"reason": "abc" + "\u200b" * 17}, {"reason"}),
        ({"reason": "\u3164\u115f\u1160\uffa0" * 6}, {"reason"}),
        ({"category": "curious"}, {"category"}),
        ({"otp": "000000"}, {"otp"}),
        ({"otp": ""}, {"otp"}),
        ({"expires_at": "2030-01-01T00:00:00Z"}, {"expires_at"}),
        ({"scope": ["records"]}, {"scope"}),
        ({"user": str(nobody_id())}, {"user"}),
        ({"patient": "maria"}, {"patient"}),
    ],
)
def test_what_is_wrong_is_named_and_opens_nothing(emergency, api, given, fields):
    answer = api("omar").post(PATH, asked(emergency, **given))
    assert wrong_fields(answer) == fields and b"plantedsouza" not in answer.content.lower()
    assert count(emergency) == 0


@pytest.mark.parametrize("missing", ["category", "reason", "otp"])
def test_nothing_may_be_left_out(emergency, api, missing):
    body = asked(emergency)
    del body[missing]
    assert wrong_fields(api("omar").post(PATH, body)) == {missing}
    assert count(emergency) == 0


def test_another_clinics_patient_and_nobody_answer_alike(emergency, api):
    omar, answers = api("omar"), []
    for pk in (emergency.dona_ana.pk, nobody_id(), emergency.omar.pk):
        answer = omar.post(PATH, asked(emergency, patient=str(pk)))
        answers.append((answer.status_code, answer.content))
    body = asked(emergency)
    del body["patient"]
    nameless = omar.post(PATH, body)
    answers.append((nameless.status_code, nameless.content))
    assert {status for status, _body in answers} == {404} and len(set(answers)) == 1
    assert count(emergency) == 0


@pytest.mark.parametrize("name", ["fred", "aud", "alma", "phil", "john", "jane"])
def test_who_may_not(emergency, api, name):
    assert api(name).post(PATH, asked(emergency)).status_code == 403
    assert count(emergency) == 0


def test_the_same_key_opens_once_and_a_code_works_once(emergency, api):
    omar, body = api("omar"), asked(emergency)
    first = omar.post(PATH, body, Idempotency_Key="one")
    again = omar.post(PATH, body, Idempotency_Key="one")
    assert (first.status_code, again.status_code) == (201, 201) and first.json() == again.json()
    other = omar.post(PATH, body | {"patient": str(emergency.mr_doe.pk)})
    assert wrong_fields(other) == {"otp"}
    assert count(emergency) == 1


def test_too_often_is_429(emergency, api):
    omar = api("omar")
    for _attempt in range(5):
        assert omar.post(PATH, asked(emergency, otp="000000")).status_code == 400
    answer = omar.post(PATH, asked(emergency))
    assert answer.status_code == 429 and answer["Retry-After"] == "3600"
    assert count(emergency) == 0


def test_refused_attempts_are_on_the_trail_though_nothing_else_is_kept(emergency, api):
    api("omar").post(PATH, asked(emergency, otp="000000"))
    rows = api("alma").get("audit/", flag="break_glass_refused").json()["results"]
    assert [(row["details"]["why"], row["surface"], row["patient"]) for row in rows] == [
        ("otp", "api", None)
    ]


def test_more_is_opened_and_given_back(emergency, api, opened):
    omar, chart = api("omar"), f"patients/{emergency.maria.pk}/chart/"
    body = asked(emergency, categories=["medications", "hiv"])
    for name in ("patient", "category"):
        del body[name]
    answer = omar.post(f"{PATH}{opened}/widen/", body)
    assert answer.status_code == 200, answer.content
    assert set(answer.json()["scope"]) == {"view", "summary", "medications", "hiv"}
    shown = omar.get(chart).json()
    assert shown["partial"] == ["blood_types", "conditions"]
    assert "plantedhivpill" in str(shown["medications"]) and "plantedpollen" in str(shown)
    back = omar.post(f"{PATH}{opened}/give-back/", {}, Idempotency_Key="back")
    assert back.status_code == 200 and back.json()["ended_at"]
    assert omar.post(f"{PATH}{opened}/give-back/", {}, Idempotency_Key="back").json() == back.json()
    assert omar.get(chart).status_code == 404
    assert omar.post(f"{PATH}{opened}/give-back/", {}).status_code == 409
    body["otp"] = asked(emergency)["otp"]
    assert omar.post(f"{PATH}{opened}/widen/", body).status_code == 409


@pytest.mark.parametrize("wanted", [[], ["messages"], ["sharing"], ["records", "nonsense"]])
def test_what_is_not_to_be_had(emergency, api, opened, wanted):
    body = {"categories": wanted, "reason": REASON, "otp": asked(emergency)["otp"]}
    fields = wrong_fields(api("omar").post(f"{PATH}{opened}/widen/", body))
    assert all(name.startswith("categories") for name in fields)


def test_anothers_access_does_not_exist(emergency, api, opened):
    body = {"categories": ["records"], "reason": REASON, "otp": asked(emergency)["otp"]}
    for name in ("nina", "lucia"):
        program = api(name)
        assert program.get(f"{PATH}{opened}/").status_code == 404
        assert program.post(f"{PATH}{opened}/widen/", body).status_code == 404
        assert program.post(f"{PATH}{opened}/give-back/", {}).status_code == 404
        assert program.get(PATH).json()["results"] == []
    with tenancy.system(emergency.harbor):
        row = EmergencyAccess.objects.get(pk=opened)
    assert row.scope == ["view", "summary"] and row.ended_at is None


def test_it_is_listed_and_reviewed_by_the_administrator(emergency, api, opened):
    alma, omar = api("alma"), api("omar")
    assert [row["id"] for row in alma.get(PATH, reviewed="false").json()["results"]] == [opened]
    assert omar.post(f"{PATH}{opened}/review/", {"outcome": "justified"}).status_code == 403
    assert wrong_fields(alma.post(f"{PATH}{opened}/review/", {"outcome": "misused"})) == {"note"}
    answer = alma.post(f"{PATH}{opened}/review/", {"outcome": "questioned", "note": "Phone first."})
    assert answer.status_code == 200
    assert (answer.json()["outcome"], answer.json()["review_note"]) == (
        "questioned", "Phone first.",
    )  # fmt: skip
    assert alma.post(f"{PATH}{opened}/review/", {"outcome": "justified"}).status_code == 409
    seen = omar.get(f"{PATH}{opened}/").json()
    assert seen["reviewed_at"] and "review_note" not in seen
    assert alma.get(PATH, reviewed="false").json()["results"] == []


@pytest.mark.parametrize("name", ["fred", "aud", "phil", "john"])
def test_who_neither_opens_nor_reviews_sees_no_list(emergency, api, name, opened):
    assert api(name).get(PATH).status_code == 403
    assert api(name).get(f"{PATH}{opened}/").status_code == 403


def test_another_clinics_administrator_reviews_nothing(emergency, api, opened):
    rita = api("rita")
    assert rita.get(PATH).json()["results"] == []
    answer = rita.post(f"{PATH}{opened}/review/", {"outcome": "justified"})
    assert answer.status_code == 404
    with tenancy.system(emergency.harbor):
        assert EmergencyAccess.objects.get(pk=opened).reviewed_at is None


def test_what_is_read_by_program_is_marked(emergency, api, opened):
    api("omar").get(f"patients/{emergency.maria.pk}/chart/")
    api("omar").get(f"patients/{emergency.maria.pk}/")
    rows = api("alma").get("audit/", flag="break_glass", action="access").json()["results"]
    looks = [row for row in rows if row["resource"] == "patients.patient"]
    assert len(looks) == 2 and {row["purpose"] for row in looks} == {"emergency"}
    assert {row["patient"] for row in looks} == {str(emergency.maria.pk)}
