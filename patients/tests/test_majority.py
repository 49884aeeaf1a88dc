"""Coming of age: guardians see to the end of the day before, and nothing from the day on."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from clinic import joining
from clinic.errors import Missing
from clinic.models import Invitation, Notification, User
from clinic.security import tenancy
from clinic.security.permissions import CONFIDENTIAL_KINDS, Category, Role
from clinic.tests.people import person
from clinic.tests.refusals import refused
from patients import (
    access,
    ages,
    consent,
    enrolment,
    family,
    majority,
    registration,
    relationships,
    tasks,
)
from patients.models import AccessGrant, Consent, FamilyMember, Patient

C = Category


def today(cast) -> date:
    return timezone.now().astimezone(cast.harbor.zone).date()


def born(cast, *, of_age_in: int) -> date:
    """A birthday by which somebody is 18 in so many days."""
    day = today(cast) + timedelta(days=of_age_in)
    return ages.birthday(day, -18)


@pytest.fixture
def teen(cast, monkeypatch):
    """`teen(of_age_in=1)` is a patient, guarded by John since some days ago."""

    def made(*, of_age_in: int, account: bool = False, email: str = "") -> Patient:
        with tenancy.system(cast.harbor):
            patient = registration.register(
                by=None, first_name="Teen", last_name="Doe", email=email,
                date_of_birth=born(cast, of_age_in=of_age_in),
            )  # fmt: skip
            earlier = timezone.now() - timedelta(days=2)
            with monkeypatch.context() as patch:
                if of_age_in <= 0:
                    patch.setattr(timezone, "now", lambda: earlier)
                if account:
                    enrolment.connect(patient=patient, user=cast.ana)
                family.stand(
                    patient=patient, user=cast.john, relationship="parent", level="full",
                    is_guardian=True,
                )  # fmt: skip
        return patient

    return made


def seen_by_john(cast, patient) -> frozenset[Category]:
    with cast.acting("john", portal=True):
        return access.categories_of(cast.john, patient)


def hand_over(cast) -> int:
    with tenancy.system(cast.harbor):
        return majority.hand_over()


def guardian(cast, patient) -> FamilyMember:
    with tenancy.system(cast.harbor):
        return FamilyMember.objects.get(patient=patient, user=cast.john)


def test_the_day_before_the_guardian_sees_and_nothing_is_handed_over(cast, teen):
    patient = teen(of_age_in=1)
    seen = seen_by_john(cast, patient)
    assert {C.RECORDS, C.SHARING} <= seen and not seen & set(CONFIDENTIAL_KINDS)
    assert hand_over(cast) == 0
    assert guardian(cast, patient).is_guardian and seen_by_john(cast, patient) == seen


def test_on_the_day_the_guardian_sees_nothing_before_any_clock_runs(cast, teen, api):
    patient = teen(of_age_in=0)
    assert seen_by_john(cast, patient) == frozenset()
    for page in ("", "chart/", "documents/", "family/"):
        assert api("john").get(f"patients/{patient.pk}/{page}").status_code == 404, page


def test_the_page_that_a_guardian_has_open_is_there_no_more(cast, teen, browse):
    patient = teen(of_age_in=1)
    john = browse("john")
    assert john.post(f"/portal/person/{patient.pk}/").status_code == 302
    assert "Teen" in john.get("/portal/record/").content.decode()
    with cast.acting("fred"):
        registration.correct(patient=patient, by=cast.fred, date_of_birth=born(cast, of_age_in=0))
    assert "Teen" not in john.get("/portal/record/").content.decode()
    assert john.post(f"/portal/person/{patient.pk}/").status_code == 404


def test_who_has_an_account_takes_over_and_both_are_told_once(cast, teen):
    patient = teen(of_age_in=0, account=True)
    assert hand_over(cast) == 1 and hand_over(cast) == 0
    member = guardian(cast, patient)
    assert (member.is_guardian, member.permission_level) == (False, "none")
    with tenancy.system(cast.harbor):
        assert consent.standing_of(member) is None
        own = AccessGrant.grants.filter(user=cast.ana, content_object=patient, source="self")
        assert "sharing" in own.values_list("permission__codename", flat=True)
        rows = Notification.objects.filter(patient_id=patient.pk)
        told = [(row.user_id, row.title) for row in rows]
    assert sorted(told) == sorted(
        [
            (cast.ana.pk, "You are of age: you decide who sees your record"),
            (cast.john.pk, "Your access as a guardian has ended"),
        ]
    )


def test_of_who_has_none_the_desk_is_told_once_and_no_letter_is_sent(cast, teen):
    """Whoever reads the mailbox on file, often the parents', would become the young adult."""
    patient = teen(of_age_in=0, email="family@home.test")
    assert hand_over(cast) == 1 and hand_over(cast) == 0
    with tenancy.system(cast.harbor):
        assert not Invitation.objects.exists()
        told = Notification.objects.filter(
            patient_id=patient.pk, link=f"/admin/chart/{patient.pk}/family/"
        )
        assert {row.user_id for row in told} == {cast.alma.pk, cast.fred.pk}
        assert {row.title for row in told} == {"A patient is of age and has no account"}
        assert len(told) == 2 and "Teen" not in "".join(row.title + row.text for row in told)


def test_a_letter_that_was_written_for_the_child_leads_nowhere_any_more(cast, teen):
    patient = teen(of_age_in=1, email="family@home.test")
    with cast.acting("fred"):
        letter = enrolment.invite(patient=patient, by=cast.fred)
    with tenancy.system(cast.harbor):
        key = joining.key_of(letter)
        registration.correct(patient=patient, by=None, date_of_birth=born(cast, of_age_in=0))
    assert hand_over(cast) == 1
    with refused(Missing):
        joining.accept_anew(
            key=key, first_name="Teen", last_name="Doe", password="a lake of many words"
        )
    with tenancy.system(cast.harbor):
        assert Patient.objects.get(pk=patient.pk).user_id is None
        assert not User.objects.filter(email="family@home.test").exists()


def test_taking_over_concerns_one_patient_and_her_guardians_alone(cast, teen):
    """John guards Jimmy, too, and Jane stands beside both; a guardian of before has left."""
    patient = teen(of_age_in=0, account=True)
    with tenancy.system(cast.harbor):
        jane = family.stand(patient=patient, user=cast.jane, relationship="other", level="full")
        before = family.stand(
            patient=patient, user=person("gone", cast.harbor, Role.FAMILY_MEMBER),
            relationship="parent", level="full", is_guardian=True,
        )  # fmt: skip
        FamilyMember.objects.filter(pk=before.pk).update(ended_at=timezone.now())
        beside_jimmy = family.stand(patient=cast.jimmy, user=cast.jane, relationship="other")
    with cast.acting("john", portal=True):
        consent.give(member=beside_jimmy, categories=[C.RECORDS], by=cast.john)
    with tenancy.system(cast.harbor):
        assert majority.take_over(patient.pk) is True
        assert majority.take_over(patient.pk) is False, "she has taken over"
        assert majority.take_over(cast.jimmy.pk) is False, "he is a child"
        assert majority.take_over(cast.mr_doe.pk) is False, "he decides already"
        jane.refresh_from_db()
        assert (jane.permission_level, jane.is_guardian) == ("full", False)
        law = Consent.objects.get(family_member__patient=patient, family_member__user=cast.john)
        assert law.revoked_at and law.revoked_by_id is None
        assert guardian(cast, patient).guardian_consent is False
        told = Notification.objects.filter(patient_id=patient.pk).values_list("user_id", flat=True)
        assert set(told) == {cast.ana.pk, cast.john.pk}, "who had left is told nothing"
    with cast.acting("jane", portal=True):
        assert C.RECORDS in access.categories_of(cast.jane, cast.jimmy)


def test_what_is_said_then_leads_to_where_one_decides(cast, teen):
    patient = teen(of_age_in=0, account=True)
    hand_over(cast)
    with tenancy.system(cast.harbor):
        hers = Notification.objects.get(user=cast.ana, patient_id=patient.pk)
        his = Notification.objects.get(user=cast.john, patient_id=patient.pk)
    assert hers.link == "/portal/sharing/"
    assert hers.text == (
        "Your guardians see nothing of it any more. Grant it anew to whom you like."
    )
    assert his.text == "The young adult is of age and can grant it to you anew."


def test_the_desk_is_told_what_to_ask_for(cast, teen):
    patient = teen(of_age_in=0)
    hand_over(cast)
    with tenancy.system(cast.harbor):
        [told] = Notification.objects.filter(user=cast.fred, patient_id=patient.pk)
    assert told.text == (
        "Ask for an e-mail address that nobody else reads, then invite the patient. The address on"
        " file may be the parents’."
    )


# What guardians opened to others
@pytest.fixture
def aunt(cast):
    """`aunt(patient)`: a relative to whom John, the guardian, opens medicines."""
    cast.people["aunt"] = person("aunt", cast.harbor, Role.FAMILY_MEMBER)

    def made(patient) -> FamilyMember:
        with tenancy.system(cast.harbor):
            member = family.stand(patient=patient, user=cast.aunt, relationship="other")
        with cast.acting("john", portal=True):
            consent.give(member=member, categories=[C.MEDICATIONS], by=cast.john)
        return member

    return made


def seen_by_aunt(cast, patient) -> frozenset[Category]:
    with cast.acting("aunt", portal=True):
        return access.categories_of(cast.aunt, patient)


def test_it_ends_with_the_right_day_when_the_birthday_is_corrected(cast, teen, aunt, api):
    patient = teen(of_age_in=90)
    member = aunt(patient)
    assert C.MEDICATIONS in seen_by_aunt(cast, patient)
    with cast.acting("fred"):
        registration.correct(patient=patient, by=cast.fred, date_of_birth=born(cast, of_age_in=30))
    with tenancy.system(cast.harbor):
        ends = AccessGrant.grants.filter(user=cast.aunt).values_list("expires_at", flat=True)
        patient.refresh_from_db()
        assert set(ends) == {ages.of_age_at(patient.date_of_birth, cast.harbor)}
    with cast.acting("fred"):
        registration.correct(patient=patient, by=cast.fred, date_of_birth=born(cast, of_age_in=0))
    assert seen_by_aunt(cast, patient) == frozenset(), "before the clinic's clock comes round"
    for page in ("", "chart/", "medications/"):
        answer = api("aunt").get(f"patients/{patient.pk}/{page}")
        assert answer.status_code == 404 and b"Teen" not in answer.content, page
    with tenancy.system(cast.harbor):
        assert consent.standing_of(member) is None


def test_what_an_adult_had_agreed_to_herself_stays(cast):
    with tenancy.system(cast.harbor):
        member = family.stand(patient=cast.mr_doe, user=cast.jane, relationship="spouse")
    with cast.acting("john", portal=True):
        given = consent.give(member=member, categories=[C.RECORDS, C.HIV], by=cast.john)
    with cast.acting("fred"):
        registration.correct(patient=cast.mr_doe, by=cast.fred, date_of_birth=date(1981, 4, 12))
    with cast.acting("jane", portal=True):
        assert {C.RECORDS, C.HIV} <= access.categories_of(cast.jane, cast.mr_doe)
    with tenancy.system(cast.harbor):
        assert consent.standing_of(member) == given


def test_taking_over_ends_what_guardians_agreed_to_and_asked_for(cast, teen, aunt):
    patient = teen(of_age_in=3)
    member = aunt(patient)
    with cast.acting("john", portal=True):
        asked = relationships.invite_clinician(
            patient=patient, clinician=cast.omar, categories=[C.RECORDS], by=cast.john
        )
    with tenancy.system(cast.harbor):
        [ended] = Consent.objects.filter(family_member=member)
        patient.date_of_birth = born(cast, of_age_in=0)
        patient.save()
        consent.by_law(member=guardian(cast, patient), by=None)
        assert consent.standing_of(member) == ended
    assert hand_over(cast) == 1
    with tenancy.system(cast.harbor):
        ended.refresh_from_db()
        member.refresh_from_db()
        asked.refresh_from_db()
        assert ended.revoked_at and member.guardian_consent is False
        assert (member.ended_at, asked.status, asked.ended_by_id) == (None, "inactive", None)
        assert not AccessGrant.grants.filter(user__in=[cast.aunt, cast.omar]).exists()


def test_each_takes_over_in_her_turn(cast, teen, aunt):
    """Two are of age by the right birthdays, and the clock has come to one of them."""
    patients = [teen(of_age_in=3), teen(of_age_in=3)]
    one, other = [aunt(patient) for patient in patients]
    with tenancy.system(cast.harbor):
        for patient in patients:
            patient.date_of_birth = born(cast, of_age_in=0)
            patient.save()
        assert majority.take_over(patients[0].pk) is True
        assert consent.standing_of(one) is None and consent.standing_of(other)
        other.refresh_from_db()
        assert other.guardian_consent is True


def test_another_birthday_that_is_corrected_is_no_clock(cast, teen):
    patient = teen(of_age_in=0)
    with cast.acting("fred"):
        registration.correct(patient=cast.jimmy, by=cast.fred, date_of_birth=date(2015, 6, 1))
    with tenancy.system(cast.harbor):
        assert consent.standing_of(guardian(cast, patient))
    assert hand_over(cast) == 1


def test_whose_time_is_over(cast, teen):
    """Of Jimmy's guardian, of one who has left and of a relative it is not."""
    patient, _minor = teen(of_age_in=0), teen(of_age_in=1)
    with tenancy.system(cast.harbor):
        family.stand(patient=patient, user=cast.jane, relationship="sibling")
        before = family.stand(
            patient=patient, user=person("gone", cast.harbor, Role.FAMILY_MEMBER),
            relationship="parent", level="full", is_guardian=True,
        )  # fmt: skip
        FamilyMember.objects.filter(pk=before.pk).update(ended_at=timezone.now())
        assert list(majority.come_of_age()) == [guardian(cast, patient)]


def test_a_corrected_birthday_and_a_missing_guardian_hand_over_too(cast, teen):
    patient, alone = teen(of_age_in=9), teen(of_age_in=1, account=True)
    with cast.acting("alma"):
        family.end_guardian(member=guardian(cast, alone), by=cast.alma)
    with tenancy.system(cast.harbor):
        for one in (patient, alone):
            registration.correct(patient=one, by=None, date_of_birth=born(cast, of_age_in=0))
    assert seen_by_john(cast, patient) == frozenset()
    assert hand_over(cast) == 2 and hand_over(cast) == 0
    assert not guardian(cast, patient).is_guardian
    with tenancy.system(cast.harbor):
        own = AccessGrant.grants.filter(content_object=alone, source="self")
        assert "sharing" in own.values_list("permission__codename", flat=True)


def test_the_clock_looks_in_every_facility(cast, teen, settings, monkeypatch):
    patient, queued = teen(of_age_in=0), []
    monkeypatch.setattr(
        "clinic.tasks.current_app.send_task", lambda name, kwargs: queued.append((name, kwargs))
    )
    [row] = [r for r in settings.CELERY_BEAT_SCHEDULE.values() if r["task"] == tasks.hand_over.name]
    assert row["schedule"].minute == {5}
    tasks.hand_over()
    assert {name for name, _kwargs in queued} == {tasks.hand_over_here.name}
    assert {kwargs["facility_id"] for _name, kwargs in queued} == {
        str(cast.harbor.pk), str(cast.austa.pk),
    }  # fmt: skip
    for _name, kwargs in queued:
        tasks.hand_over_here(**kwargs)
    assert not guardian(cast, patient).is_guardian


@pytest.mark.parametrize(
    ("years", "day"),
    [(18, date(2030, 3, 1)), (20, date(2032, 2, 29)), (0, date(2012, 2, 29))],
)
def test_who_is_born_on_29_february(years, day):
    assert ages.birthday(date(2012, 2, 29), years) == day


def test_the_day_begins_on_the_clinics_clocks(cast):
    of_age = ages.of_age_at(date(2012, 2, 29), cast.harbor)
    assert of_age == datetime.combine(date(2030, 3, 1), time(0), ZoneInfo("America/New_York"))
    born_then = Patient(date_of_birth=date(2012, 2, 29), facility=cast.harbor)
    assert ages.is_minor(born_then, now=of_age - timedelta(microseconds=1))
    assert not ages.is_minor(born_then, now=of_age)
