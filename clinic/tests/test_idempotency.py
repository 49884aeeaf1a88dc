"""`Idempotency-Key` under attack: raced, crossed between people, cut off before the answer."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection, transaction
from django.utils import timezone

from clinic.models import IdempotencyKey, LogEntry, RoleAssignment
from clinic.security import idempotency, tenancy
from clinic.tests.people import make_cast
from clinic.tests.programs import Program
from patients import care_team, registration
from patients.models import Medication, Patient
from scheduling.tests.hours import at, open_hours

KEY = "3f0c1a52-register"
PERSON = {"first_name": "Ida", "last_name": "Twice", "date_of_birth": "1970-05-05"}
TWINS = 8


def soon():
    return timezone.now() + timedelta(days=2)


def registered(cast) -> int:
    with tenancy.system(cast.harbor), transaction.atomic():
        return sum(p.last_name == "Twice" for p in Patient.objects.all())


def test_the_same_again_has_one_effect_and_one_answer(cast, api):
    fred = api("fred")
    answers = [fred.post("patients/", PERSON, Idempotency_Key=KEY) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert registered(cast) == 1
    assert fred.post("patients/", PERSON, Idempotency_Key="another").status_code == 201
    assert registered(cast) == 2


def test_another_body_path_or_method_is_refused(cast, api):
    sarah = api("sarah")
    patient = sarah.post("patients/", PERSON, Idempotency_Key=KEY).json()["id"]
    other = sarah.post("patients/", PERSON | {"first_name": "Eda"}, Idempotency_Key=KEY)
    elsewhere = sarah.post(
        f"patients/{patient}/allergies/", {"allergen": "Latex"}, Idempotency_Key=KEY
    )
    assert other.status_code == elsewhere.status_code == 422
    assert registered(cast) == 1


def test_keys_of_two_people_and_of_two_clinics_do_not_meet(cast, api):
    answers = [
        api(name).post("patients/", PERSON, Idempotency_Key=KEY)
        for name in ("fred", "nina", "lucia")
    ]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({answer.json()["id"] for answer in answers}) == 3
    again = api("nina").post("patients/", PERSON, Idempotency_Key=KEY)
    assert again.json()["id"] == answers[1].json()["id"], "a new token of hers is still she"


def test_a_replay_is_a_reading_on_the_trail(cast, api):
    sarah = api("sarah")
    made = sarah.post("patients/", PERSON, Idempotency_Key=KEY).json()["id"]
    allergies = f"patients/{made}/allergies/"
    known = sarah.post(allergies, {"allergen": "Latex"}, Idempotency_Key="latex").json()["id"]

    def reads() -> Counter:
        with tenancy.system(cast.harbor):
            rows = LogEntry.entries.reads().filter(patient_id=made, actor=cast.sarah)
            return Counter(rows.values_list("resource", "object_pk"))

    before = reads()
    sarah.post("patients/", PERSON, Idempotency_Key=KEY)
    sarah.post(allergies, {"allergen": "Latex"}, Idempotency_Key="latex")
    assert reads() - before == {("patients.patient", made): 1, ("patients.allergy", known): 1}


def test_an_answer_is_kept_for_its_sender_alone(cast, api):
    """No view reads the answers but the replay; the database shows nobody another's."""
    api("sarah").post("patients/", PERSON, Idempotency_Key=KEY)
    for name, portal in (("john", True), ("nina", False), ("fred", False), ("aud", False)):
        with cast.acting(name, portal=portal):
            assert not IdempotencyKey.objects.exists(), name
    with cast.acting("sarah"):
        assert IdempotencyKey.objects.count() == 1


def test_a_replay_tells_no_clinical_content_to_who_reads_none_any_more(cast, api):
    """A physician becomes front desk: the visit is hers to see still, why he comes is not."""
    kind = open_hours(cast)
    booked = {
        "patient": str(cast.mr_doe.pk), "specialist": str(cast.specialists["omar"].pk),
        "appointment_type": str(kind.pk), "start_datetime": at(10).isoformat(),
        "reason": "Plantedreason",
    }  # fmt: skip
    made = api("sarah").post("appointments/", booked, Idempotency_Key=KEY)
    assert made.status_code == 201 and b"Plantedreason" in made.content
    with tenancy.system(cast.harbor):
        RoleAssignment.objects.filter(user=cast.sarah).update(role="front_desk")
    again = api("sarah").post("appointments/", booked, Idempotency_Key=KEY)
    assert again.status_code in {409, 422} and b"Plantedreason" not in again.content


def test_a_replay_tells_nothing_of_what_was_kept_from_its_sender_since(cast, api):
    """Another marks it as confidential: the kept answer is as closed as the row."""
    path = f"patients/{cast.mr_doe.pk}/medications/"
    body, nina = {"generic_name": "Plantedpill"}, api("nina")
    made = nina.post(path, body, Idempotency_Key=KEY).json()["id"]
    with tenancy.system(cast.harbor):
        kept = {"sensitivity": "confidential", "confidential_kind": "hiv", "recorded_by": None}
        Medication.objects.filter(pk=made).update(**kept)
    again = nina.post(path, body, Idempotency_Key=KEY)
    assert again.status_code == 422 and b"Plantedpill" not in again.content
    with tenancy.system(cast.harbor):
        assert Medication.objects.count() == 1


def test_why_a_patient_was_referred_is_told_as_long_as_her_records_are(cast, api):
    referred = {"to": str(cast.nina.pk), "reason": "Plantedreason", "until": soon().isoformat()}
    path, omar = f"patients/{cast.mr_doe.pk}/referrals/", api("omar")
    with cast.acting("sarah"):
        care_team.join(patient=cast.mr_doe, user=cast.omar, by=cast.sarah)
    assert omar.post(path, referred, Idempotency_Key=KEY).status_code == 201
    assert b"Plantedreason" in omar.post(path, referred, Idempotency_Key=KEY).content
    with cast.acting("sarah"):
        care_team.leave(patient=cast.mr_doe, user_id=cast.omar.pk, by=cast.sarah)
        care_team.join(
            patient=cast.mr_doe, user=cast.omar, categories=["appointments"], by=cast.sarah
        )
    again = omar.post(path, referred, Idempotency_Key=KEY)
    assert again.status_code in {404, 422} and b"Plantedreason" not in again.content


def test_what_was_told_of_a_kind_is_told_as_long_as_the_kind_is_read(cast, api):
    with cast.acting("alma"):
        care_team.confide(
            patient=cast.mr_doe, user=cast.sarah, kinds=["hiv"], reason="She treats it.",
            by=cast.alma,
        )  # fmt: skip
    path, sarah = f"patients/{cast.mr_doe.pk}/care-team/", api("sarah")
    body = {"user": str(cast.omar.pk), "categories": ["hiv"], "reason": "Plantedreason"}
    assert sarah.post(path, body, Idempotency_Key=KEY).status_code == 201
    assert b"Plantedreason" in sarah.post(path, body, Idempotency_Key=KEY).content
    with cast.acting("alma"):
        care_team.leave(patient=cast.mr_doe, user_id=cast.sarah.pk, by=cast.alma)
    again = sarah.post(path, body, Idempotency_Key=KEY)
    assert again.status_code in {400, 422} and b"Plantedreason" not in again.content


def test_a_refused_or_broken_attempt_leaves_the_key_free(cast, api, monkeypatch):
    fred = api("fred")
    assert fred.post("patients/", PERSON | {"ssn": "1"}, Idempotency_Key=KEY).status_code == 400
    register = registration.register

    def then_break(**identity):
        register(**identity)
        raise RuntimeError("after the work, before the answer")

    with monkeypatch.context() as broken:
        broken.setattr(registration, "register", then_break)
        assert fred.post("patients/", PERSON, Idempotency_Key=KEY).status_code == 500
    assert registered(cast) == 0, "the work went with its key"
    assert fred.post("patients/", PERSON, Idempotency_Key=KEY).status_code == 201
    assert registered(cast) == 1


def test_a_replay_needs_the_permission_that_the_first_needed(cast, api):
    """The kept answer is opened to nobody who could not ask for it now."""
    fred = api("fred")
    assert fred.post("patients/", PERSON, Idempotency_Key=KEY).status_code == 201
    with tenancy.system(cast.harbor):
        RoleAssignment.objects.filter(user=cast.fred).update(role="auditor")
    answer = fred.post("patients/", PERSON, Idempotency_Key=KEY)
    assert answer.status_code == 403 and b"Twice" not in answer.content


def test_the_kept_answer_is_sealed_and_the_key_is_a_digest(cast, api):
    api("fred").post("patients/", PERSON, Idempotency_Key=KEY)
    with tenancy.system(cast.harbor), connection.cursor() as cursor:
        cursor.execute("SELECT k::text FROM clinic_idempotencykey k")
        ((row,),) = cursor.fetchall()
    assert "Twice" not in row and KEY not in row and "c1." in row


@pytest.mark.django_db(transaction=True)
def test_twins_and_a_cut_line_on_committed_data(transactional_db, monkeypatch):
    """Eight twins at once have one effect and one answer. An answer that is lost after the commit
    is given again, and nothing is done again."""
    with transaction.atomic():
        cast = make_cast()
        token = cast.token("fred")
    start = Barrier(TWINS)

    def twin(_number: int) -> tuple:
        start.wait(timeout=30)
        try:
            answer = Program(token).post("patients/", PERSON, Idempotency_Key=KEY)
            return answer.status_code, answer.content
        finally:
            connection.close()

    with ThreadPoolExecutor(TWINS) as pool:
        outcome = Counter(pool.map(twin, range(TWINS)))
    ((status, _content),) = outcome
    assert status == 201 and registered(cast) == 1
    with tenancy.system(cast.harbor), transaction.atomic():
        written = LogEntry.entries.filter(
            resource="patients.patient", action=LogEntry.Action.CREATE
        )
        assert written.filter(actor=cast.fred).count() == 1
        assert IdempotencyKey.objects.count() == 1

    class Cut(BaseException):
        """The process is gone after the commit, before a byte of the answer."""

    def cut(*args, **kwargs):
        raise Cut

    second = PERSON | {"first_name": "Uma"}
    with monkeypatch.context() as broken:
        broken.setattr("clinic.security.trail.write_deferred", cut)
        with pytest.raises(Cut):
            Program(token).post("patients/", second, Idempotency_Key="cut")
    connection.close()
    assert registered(cast) == 2, "it was committed"
    answer = Program(token).post("patients/", second, Idempotency_Key="cut")
    assert answer.status_code == 201 and answer.json()["first_name"] == "Uma"
    assert registered(cast) == 2

    def before_commit(**kept):
        finish(**kept)
        raise Cut

    finish, third = idempotency.finish, PERSON | {"first_name": "Eva"}
    with monkeypatch.context() as broken:
        broken.setattr(idempotency, "finish", before_commit)
        with pytest.raises(Cut):
            Program(token).post("patients/", third, Idempotency_Key="early")
    connection.close()
    assert registered(cast) == 2, "neither the work nor its key is there"
    assert Program(token).post("patients/", third, Idempotency_Key="early").status_code == 201
    assert registered(cast) == 3
