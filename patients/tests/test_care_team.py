"""The care team: whom physicians and nurses see where the clinic has it that they see whom they
treat, who lets whom in, and confidential content."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from clinic import staffing
from clinic.errors import Invalid, Missing
from clinic.models import Facility, Notification, RoleAssignment
from clinic.security import tenancy
from clinic.security.permissions import Category, Denied, Permission, Role
from clinic.tests.refusals import denied, refused
from patients import access, care_team, registration
from patients.models import AccessGrant, Patient
from patients.tests import opened
from records import charting

REASON = "She treats him for this."
C = Category


@pytest.fixture
def narrowed(cast):
    """Harbor, where physicians and nurses see only whom they treat."""
    with tenancy.system(cast.harbor):
        Facility.objects.filter(pk=cast.harbor.pk).update(care_reach="care_team")
    return cast


def seen_by(cast, name: str, category: Category = C.VIEW) -> set:
    """The keys of the patients whose category the person reaches."""
    with cast.acting(name):
        rows = access.visible(Patient.objects.all(), None, category=category, column="pk")
        return set(rows.values_list("pk", flat=True))


def ends_of(cast, name: str, patient, source="care_team") -> dict:
    return opened.ends_of(cast, name, patient, source)


def opened_to(cast, name: str, patient, source="care_team") -> set[str]:
    return set(ends_of(cast, name, patient, source))


def let_in(cast, name: str, patient, by="alma", **more) -> None:
    with cast.acting(by):
        care_team.join(patient=patient, user=cast.people[name], by=cast.people[by], **more)


# Letting in
def test_why_somebody_is_let_in_is_kept_where_it_is_said(cast):
    for name, said, kept in (
        ("omar", {}, ""),
        ("phil", {"reason": "  Her knee.  "}, "Her knee."),
        ("nina", {"reason": "k" * 400}, "k" * 300),
    ):
        let_in(cast, name, cast.mr_doe, **said)
        with tenancy.system(cast.harbor):
            rows = AccessGrant.grants.filter(user=cast.people[name], source="care_team")
            assert {row.reason for row in rows} == {kept}


@pytest.mark.parametrize("name", ["lucia", "jane", "john"])
def test_who_does_not_work_here_is_not_let_in(cast, name):
    with refused(Invalid, "user"):
        let_in(cast, name, cast.mr_doe)
    assert opened_to(cast, name, cast.mr_doe) == set()


def test_a_specialist_lets_nobody_in(cast):
    let_in(cast, "omar", cast.mr_doe)
    with denied(Permission.CARE_TEAM_MANAGE):
        let_in(cast, "nina", cast.mr_doe, by="omar")
    assert opened_to(cast, "nina", cast.mr_doe) == set()


def test_nobody_is_let_in_in_anothers_name(cast):
    with cast.acting("alma"), denied(Permission.PATIENT_VIEW):
        care_team.join(patient=cast.mr_doe, user=cast.omar, by=cast.sarah)
    assert opened_to(cast, "omar", cast.mr_doe) == set()


def test_who_reads_the_whole_clinic_takes_her_place_in_the_team(cast):
    let_in(cast, "alma", cast.mr_doe)
    assert opened_to(cast, "alma", cast.mr_doe) >= {"view", "records"}


# Whom one sees
@pytest.mark.parametrize("name", ["sarah", "nina", "omar"])
def test_who_is_narrowed_sees_her_care_teams_patients_only(narrowed, name):
    assert seen_by(narrowed, name) == set()
    let_in(narrowed, name, narrowed.mr_doe)
    assert seen_by(narrowed, name) == {narrowed.mr_doe.pk}
    assert seen_by(narrowed, name, C.RECORDS) == {narrowed.mr_doe.pk}


def test_the_others_see_what_they_saw(cast):
    names = ("alma", "phil", "fred")
    before = {name: seen_by(cast, name) for name in names}
    records = {name: seen_by(cast, name, C.RECORDS) for name in names}
    with tenancy.system(cast.harbor):
        Facility.objects.filter(pk=cast.harbor.pk).update(care_reach="care_team")
    assert {name: seen_by(cast, name) for name in names} == before
    assert {name: seen_by(cast, name, C.RECORDS) for name in names} == records
    assert len(before["fred"]) == 3 and records["fred"] == set()


def test_she_keeps_whom_she_registers(narrowed):
    with narrowed.acting("sarah"):
        patient = registration.register(
            by=narrowed.sarah, first_name="New", last_name="Comer", date_of_birth=date(1990, 1, 31)
        )
    assert seen_by(narrowed, "sarah", C.RECORDS) == {patient.pk}
    assert seen_by(narrowed, "nina") == set()


def test_a_birthday_that_she_corrects_moves_what_guardians_see(narrowed):
    let_in(narrowed, "nina", narrowed.jimmy)
    with narrowed.acting("nina"):
        registration.correct(
            patient=narrowed.jimmy, by=narrowed.nina, date_of_birth=date(1990, 6, 1)
        )
    assert opened_to(narrowed, "john", narrowed.jimmy, source="family") == set()


# Who lets whom in
def test_who_treats_lets_colleagues_in_and_knows_who_they_are(narrowed):
    let_in(narrowed, "sarah", narrowed.mr_doe)
    let_in(narrowed, "nina", narrowed.mr_doe, by="sarah", reason="Wound care")
    with narrowed.acting("sarah"):
        team = {one.name: (one.role, one.given_by) for one in care_team.members(narrowed.mr_doe)}
        assert team == {
            "Nina Test": ("Nurse", "Sarah Test"), "Sarah Test": ("Physician", "Alma Test"),
        }  # fmt: skip
        care_team.leave(patient=narrowed.mr_doe, user_id=narrowed.nina.pk, by=narrowed.sarah)
        with pytest.raises(Missing):
            care_team.leave(patient=narrowed.mr_doe, user_id=narrowed.nina.pk, by=narrowed.sarah)
    assert seen_by(narrowed, "nina") == set()


def test_who_does_not_treat_lets_nobody_in(narrowed):
    with narrowed.acting("sarah"), pytest.raises(Missing):
        care_team.join(patient=narrowed.mr_doe, user=narrowed.nina, by=narrowed.sarah)
    let_in(narrowed, "omar", narrowed.mr_doe)
    with narrowed.acting("omar"), pytest.raises(Denied):
        care_team.join(patient=narrowed.mr_doe, user=narrowed.nina, by=narrowed.omar)
    assert opened_to(narrowed, "nina", narrowed.mr_doe) == set()


def test_nobody_opens_more_to_herself_or_than_she_reads(narrowed):
    let_in(narrowed, "sarah", narrowed.mr_doe, categories=[C.RECORDS])
    mine = {"patient": narrowed.mr_doe, "by": narrowed.sarah}
    with narrowed.acting("sarah"):
        with refused(Invalid, "user"):
            care_team.join(user=narrowed.sarah, **mine)
        with pytest.raises(Invalid):
            care_team.join(user=narrowed.nina, categories=[C.MEDICATIONS], **mine)
        with pytest.raises(Invalid):
            care_team.join(user=narrowed.nina, categories=[C.SHARING], **mine)
    assert opened_to(narrowed, "sarah", narrowed.mr_doe) == {"view", "records"}
    let_in(narrowed, "nina", narrowed.mr_doe, by="sarah")
    assert opened_to(narrowed, "nina", narrowed.mr_doe) == {"view", "records"}


def test_what_is_open_for_a_time_is_passed_on_until_then_at_most(narrowed):
    """So two who let each other in stay no longer than they were let in."""
    day, week = (timezone.now() + timedelta(days=n) for n in (1, 7))
    let_in(narrowed, "sarah", narrowed.mr_doe, expires_at=day)
    let_in(narrowed, "sarah", narrowed.mr_doe, expires_at=week, categories=[C.RECORDS])
    assert ends_of(narrowed, "sarah", narrowed.mr_doe)["medications"] == day
    for asked in (None, week + timedelta(days=1)):
        let_in(narrowed, "nina", narrowed.mr_doe, by="sarah", expires_at=asked)
        given = ends_of(narrowed, "nina", narrowed.mr_doe)
        assert given["records"] == given["view"] == week
        assert {given[c] for c in care_team.USUAL if c not in (C.VIEW, C.RECORDS)} == {day}
    let_in(narrowed, "sarah", narrowed.mr_doe, by="nina")
    assert set(ends_of(narrowed, "sarah", narrowed.mr_doe).values()) == {day, week}
    soon = timezone.now() + timedelta(hours=1)
    let_in(narrowed, "nina", narrowed.mr_doe, by="sarah", expires_at=soon)
    assert set(ends_of(narrowed, "nina", narrowed.mr_doe).values()) == {soon}


def test_of_two_ways_by_which_one_reads_the_longer_counts(narrowed):
    day = timezone.now() + timedelta(days=1)
    let_in(narrowed, "sarah", narrowed.mr_doe)
    with tenancy.system(narrowed.harbor):
        access.grant(
            patient=narrowed.mr_doe, user=narrowed.sarah, source="referral", expires_at=day,
            categories=[C.VIEW, C.RECORDS],
        )  # fmt: skip
    let_in(narrowed, "nina", narrowed.mr_doe, by="sarah", categories=[C.RECORDS])
    assert ends_of(narrowed, "nina", narrowed.mr_doe) == {"view": None, "records": None}


def test_what_ones_role_opens_is_passed_on_without_an_end(cast):
    day = timezone.now() + timedelta(days=1)
    let_in(cast, "sarah", cast.mr_doe, expires_at=day)
    let_in(cast, "omar", cast.mr_doe, by="sarah")
    assert set(ends_of(cast, "omar", cast.mr_doe).values()) == {None}


def test_it_ends_by_its_own_clock(narrowed):
    with pytest.raises(Invalid):
        let_in(narrowed, "sarah", narrowed.mr_doe, expires_at=timezone.now())
    let_in(narrowed, "sarah", narrowed.mr_doe, expires_at=timezone.now() + timedelta(hours=1))
    assert seen_by(narrowed, "sarah") == {narrowed.mr_doe.pk}
    with tenancy.system(narrowed.harbor):
        AccessGrant.grants.filter(user=narrowed.sarah).update(
            expires_at=timezone.now() - timedelta(hours=1)
        )
    assert seen_by(narrowed, "sarah") == set()
    with narrowed.acting("alma"):
        assert care_team.members(narrowed.mr_doe) == []


def test_who_left_and_came_back_begins_anew(cast):
    let_in(cast, "omar", cast.mr_doe)
    with cast.acting("alma"):
        row = RoleAssignment.objects.get(user=cast.omar, facility=cast.harbor)
        staffing.dismiss(assignment=row, by=cast.alma)
        staffing.assign(user=cast.omar, role=Role.SPECIALIST, facility=cast.harbor, by=cast.alma)
        assert care_team.members(cast.mr_doe) == []
    assert seen_by(cast, "omar") == set()
    let_in(cast, "omar", cast.mr_doe)
    assert seen_by(cast, "omar") == {cast.mr_doe.pk}


@pytest.mark.parametrize("raw", [False, True])
def test_who_is_deleted_leaves_no_grants_to_a_namesake(cast, raw):
    with tenancy.system(cast.harbor):
        patient = registration.register(
            by=None, first_name="Gone", last_name="Soon", date_of_birth=date(1990, 1, 31)
        )
        let_in(cast, "omar", patient)
        copy = Patient.objects.get(pk=patient.pk)
        if raw:
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM patients_patient WHERE id = %s", [patient.pk])
        else:
            Patient.objects.get(pk=patient.pk).delete()
        copy.save(force_insert=True)
        assert Patient.objects.filter(pk=patient.pk).exists()
        assert not AccessGrant.grants.filter(content_object=patient).exists()
    assert seen_by(cast, "omar") == set()


# Confidential content
@pytest.fixture
def secret(cast):
    """A record of HIV care, written by Sarah."""
    with cast.acting("sarah"):
        return charting.write(
            patient=cast.mr_doe, by=cast.sarah, primary_diagnosis="plantedsecret",
            sensitivity="confidential", confidential_kind="hiv", final=True,
        )  # fmt: skip


def reads_it(cast, name: str, record) -> bool:
    with cast.acting(name):
        return charting.visible_to(cast.people[name]).filter(pk=record.pk).exists()


def confide(cast, to: str, by: str, **changed):
    said = {"kinds": [C.HIV], "reason": REASON} | changed
    with cast.acting(by):
        return care_team.confide(
            patient=cast.mr_doe, user=cast.people[to], by=cast.people[by], **said
        )


def test_confidential_content_needs_a_grant_of_its_own_and_can_be_passed_on(cast, secret):
    assert reads_it(cast, "sarah", secret), "its author"
    assert not reads_it(cast, "nina", secret) and not reads_it(cast, "alma", secret)
    let_in(cast, "nina", cast.mr_doe)
    assert not reads_it(cast, "nina", secret), "the care team alone does not open it"
    with pytest.raises(Denied):
        confide(cast, "phil", "nina")
    confide(cast, "nina", "alma")
    assert reads_it(cast, "nina", secret)
    confide(cast, "phil", "nina")
    assert reads_it(cast, "phil", secret)
    assert not reads_it(cast, "alma", secret)


def test_who_holds_a_kind_for_a_day_opens_it_for_a_day_and_never_to_herself(cast, secret, api):
    day = timezone.now() + timedelta(days=1)
    confide(cast, "nina", "alma", until=day)
    before = ends_of(cast, "nina", cast.mr_doe)
    assert before == {"view": day, "hiv": day}
    with pytest.raises(Denied):
        confide(cast, "nina", "nina")
    with pytest.raises(Invalid):
        let_in(cast, "nina", cast.mr_doe, by="nina", categories=[C.RECORDS, C.HIV])
    body = {"user": str(cast.nina.pk), "categories": ["medications", "hiv"]}
    answer = api("nina").post(f"patients/{cast.mr_doe.pk}/care-team/", body)
    assert answer.status_code == 400 and list(answer.json()["errors"]) == ["user"]
    assert ends_of(cast, "nina", cast.mr_doe) == before
    hour = timezone.now() + timedelta(hours=1)
    confide(cast, "phil", "nina", until=hour)
    assert ends_of(cast, "phil", cast.mr_doe) == {"view": hour, "hiv": hour}
    confide(cast, "phil", "nina", until=day + timedelta(days=1))
    assert ends_of(cast, "phil", cast.mr_doe) == before
    let_in(cast, "omar", cast.mr_doe, by="nina", categories=[C.RECORDS, C.HIV])
    ends = ends_of(cast, "omar", cast.mr_doe)
    assert ends == {"view": None, "records": None, "hiv": day}
    confide(cast, "phil", "alma")
    assert ends_of(cast, "phil", cast.mr_doe) == {"view": None, "hiv": None}, "she oversees"


def test_an_administrator_does_not_open_it_to_herself(cast, secret):
    with pytest.raises(Denied):
        confide(cast, "alma", "alma")
    assert not reads_it(cast, "alma", secret)
    assert opened_to(cast, "alma", cast.mr_doe) == set()


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": "HIV"},
        {"reason": " " * 30},
        {"reason": "\u200b" * 10},
        {"reason": "HIV" + "\u3164" * 20},
        {"reason": "x" * 20},
        {"kinds": []},
        {"kinds": [C.RECORDS]},
    ],
)
def test_it_needs_a_kind_and_a_sentence(cast, wrong):
    with pytest.raises(Invalid):
        confide(cast, "nina", "alma", **wrong)
    assert opened_to(cast, "nina", cast.mr_doe) == set()


WRONG = {
    "no kind": ({"kinds": []}, "categories"),
    "no kind of confidential content": ({"kinds": [C.HIV, C.RECORDS]}, "categories"),
    "a word": ({"reason": "HIV"}, "reason"),
    "over": ({"until": timezone.now() - timedelta(days=1)}, "until"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_named(cast, wrong):
    said, field = WRONG[wrong]
    with refused(Invalid, field):
        confide(cast, "nina", "alma", **said)
    with refused(Invalid, "user"):
        confide(cast, "lucia", "alma")
    assert opened_to(cast, "nina", cast.mr_doe) == set()


def test_who_opened_it_and_why_is_kept(cast):
    confide(cast, "nina", "alma", reason=f"  {'Why, in words. ' * 30} ")
    with tenancy.system(cast.harbor):
        for row in AccessGrant.grants.filter(user=cast.nina, source="care_team"):
            assert row.granted_by_id == cast.alma.pk
            assert row.reason == ("Why, in words. " * 30).strip()[:300]
        [told] = Notification.objects.filter(user=cast.john)
    assert (told.link, told.patient_id) == ("/portal/sharing/", cast.mr_doe.pk)
    assert told.title == "Confidential content was opened to Nina Test"


def test_nobody_opens_it_in_anothers_name_or_beyond_reach(cast):
    with cast.acting("alma"), denied(Permission.PATIENT_VIEW):
        care_team.confide(
            patient=cast.mr_doe, user=cast.phil, kinds=[C.HIV], reason=REASON, by=cast.nina
        )
    with cast.acting("omar"), refused(Missing, "patient"):
        care_team.confide(
            patient=cast.mr_doe, user=cast.phil, kinds=[C.HIV], reason=REASON, by=cast.omar
        )
    with denied(Permission.CARE_TEAM_MANAGE):  # of two kinds she holds one
        confide(cast, "nina", "alma")
        confide(cast, "phil", "nina", kinds=[C.HIV, C.MENTAL_HEALTH])
    assert opened_to(cast, "phil", cast.mr_doe) == set()
    confide(cast, "nina", "alma", kinds=[C.HIV, C.MENTAL_HEALTH])
    confide(cast, "phil", "nina", kinds=[C.HIV, C.MENTAL_HEALTH])
    assert opened_to(cast, "phil", cast.mr_doe) == {"view", "hiv", "mental_health"}


def test_where_one_sees_whom_one_treats_a_kind_is_passed_on_too(narrowed):
    let_in(narrowed, "nina", narrowed.mr_doe)
    confide(narrowed, "nina", "alma")
    confide(narrowed, "sarah", "nina")
    assert opened_to(narrowed, "sarah", narrowed.mr_doe) == {"view", "hiv"}
    confide(narrowed, "phil", "sarah")  # who reads nothing else of him
    assert opened_to(narrowed, "phil", narrowed.mr_doe) == {"view", "hiv"}


def test_leaving_closes_one_patient_to_one_person(cast):
    for patient in (cast.mr_doe, cast.mrs_doe):
        let_in(cast, "omar", patient)
    let_in(cast, "phil", cast.mr_doe)
    with cast.acting("sarah"):
        access.grant(
            patient=cast.mr_doe, user=cast.aud, source="referral", categories=[C.RECORDS],
            by=cast.sarah,
        )  # fmt: skip
    with cast.acting("sarah"), denied(Permission.PATIENT_VIEW):
        care_team.leave(patient=cast.mr_doe, user_id=cast.omar.pk, by=cast.alma)
    with cast.acting("sarah"):
        care_team.leave(patient=cast.mr_doe, user_id=cast.omar.pk, by=cast.sarah)
        for nobody in (cast.omar, cast.nina, cast.aud):
            with refused(Missing):
                care_team.leave(patient=cast.mr_doe, user_id=nobody.pk, by=cast.sarah)
    assert opened_to(cast, "omar", cast.mr_doe) == set()
    assert opened_to(cast, "omar", cast.mrs_doe) == set(map(str, care_team.USUAL))
    assert opened_to(cast, "phil", cast.mr_doe) == set(map(str, care_team.USUAL))
    assert opened_to(cast, "aud", cast.mr_doe, source="referral") == {"records"}


def test_it_is_opened_until_a_day(cast, secret):
    let_in(cast, "nina", cast.mr_doe)
    soon = timezone.now() + timedelta(days=7)
    confide(cast, "nina", "alma", until=soon)
    assert reads_it(cast, "nina", secret)
    with tenancy.system(cast.harbor):
        held = AccessGrant.grants.filter(user=cast.nina, source="care_team")
        ends = dict(held.values_list("permission__codename", "expires_at"))
        assert ends["hiv"] == soon and ends["view"] is ends["records"] is None
        past = timezone.now() - timedelta(days=1)
        held.filter(permission__codename="hiv").update(expires_at=past)
    assert not reads_it(cast, "nina", secret)
    assert C.RECORDS in opened_to(cast, "nina", cast.mr_doe)


def test_it_is_not_opened_until_a_time_that_is_over(cast):
    with refused(Invalid, "until"):
        confide(cast, "nina", "alma", until=timezone.now())
    assert opened_to(cast, "nina", cast.mr_doe) == set()


def test_it_is_opened_to_people_of_the_clinic_only(cast):
    for stranger in ("lucia", "jane"):
        with pytest.raises(Invalid):
            confide(cast, stranger, "alma")
        assert opened_to(cast, stranger, cast.mr_doe) == set()
    for who in ("fred", "phil"):
        with pytest.raises(Denied):
            confide(cast, "nina", who)


def test_the_patient_is_told_and_only_who_reads_it_knows_to_whom_it_is_open(cast):
    confide(cast, "nina", "alma")
    with tenancy.system(cast.harbor):
        [told] = Notification.objects.filter(user=cast.john)
    assert "Nina Test" in told.title and "hiv" not in told.title.lower() + told.text.lower()

    def known_to(name):
        with cast.acting(name):
            return [one.categories for one in care_team.members(cast.mr_doe)]

    assert known_to("sarah") == []
    assert known_to("nina") == known_to("alma") == [["hiv", "view"]]


def test_leaving_the_team_closes_it_too(cast, secret):
    confide(cast, "nina", "alma")
    with cast.acting("alma"):
        care_team.leave(patient=cast.mr_doe, user_id=cast.nina.pk, by=cast.alma)
    assert not reads_it(cast, "nina", secret)
