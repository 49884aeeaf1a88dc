"""The front desk, which reads no chart, tries to open one to herself through the portal: as the
patient, as a guardian, by a birthday, by an address that is hers."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from clinic import joining
from clinic.errors import Conflict, Invalid
from clinic.models import Invitation, LogEntry, Notification, RoleAssignment
from clinic.security import tenancy, trail
from clinic.security.permissions import Role
from clinic.tests.people import person
from clinic.tests.refusals import refused
from patients import access, addresses, enrolment, family, registration
from patients.models import AccessGrant, FamilyMember, Medication, Patient

PLANTED = "plantedmed"
GUARDIAN = {"name": "F", "relationship": "guardian"}
HIS = "pat@example.org"


@pytest.fixture
def pat(cast) -> Patient:
    """A patient without an account, who takes a medicine."""
    with tenancy.system(cast.harbor):
        patient = registration.register(
            by=None, first_name="Pat", last_name="Roe", date_of_birth=date(1990, 1, 1), email=HIS
        )
        Medication.objects.create(facility=cast.harbor, patient=patient, generic_name=PLANTED)
    return patient


def accept(cast, invitation: Invitation, name: str) -> None:
    with tenancy.system(cast.harbor):
        key = joining.key_of(invitation)
    joining.accept(key=key, with_another_address=True, by=cast.people[name])


def state(cast) -> tuple:
    """What an attack would change."""
    with tenancy.system(cast.harbor):
        return (
            set(AccessGrant.grants.values_list("user_id", "content_object_id", "source")),
            set(RoleAssignment.objects.values_list("user_id", "role")),
            set(Patient.objects.values_list("pk", "user_id")),
            set(FamilyMember.objects.values_list("patient_id", "user_id")),
            sorted(row.date_of_birth for row in Patient.objects.all()),
        )


def told(cast, name: str) -> list[Notification]:
    with tenancy.system(cast.harbor):
        return list(Notification.objects.filter(user=cast.people[name]))


def flagged(cast, flag: str, *names: str) -> list[tuple]:
    """Who did what bears the flag, and to whom; or what else is named of the entries."""
    with tenancy.system(cast.harbor):
        rows = LogEntry.entries.filter(compliance_flags__contains=[flag])
        return list(rows.values_list(*(names or ("actor_id", "patient_id"))))


# One's own letter
@pytest.mark.parametrize("name", ["fred", "alma"])
def test_nobody_takes_up_the_letter_that_she_wrote_as_the_patient(cast, pat, name):
    user = cast.people[name]
    with cast.acting(name):
        letter = enrolment.invite(patient=pat, email=user.email, by=user)
    before = state(cast)
    with refused(Conflict):
        accept(cast, letter, name)
    assert state(cast) == before and not told(cast, "john")
    with tenancy.system(cast.harbor):
        assert Invitation.objects.get(pk=letter.pk).is_open


def test_nor_by_the_pages(cast, pat, api, browse):
    asked = api("fred").post(f"patients/{pat.pk}/portal-account/", {"email": cast.fred.email})
    assert asked.status_code == 201
    with tenancy.system(cast.harbor):
        key = joining.key_of(Invitation.objects.get(role="patient"))
    before, browser = state(cast), browse("fred")
    answer = browser.post(f"/accounts/invitation/{key}/", {})
    assert answer.status_code == 400 and state(cast) == before
    for page in ("/portal/", "/portal/record/"):
        assert PLANTED not in browser.get(page).content.decode()


def test_nor_as_a_guardian(cast):
    with cast.acting("fred"):
        member = family.invite_guardian(
            patient=cast.jimmy, email=cast.fred.email, by=cast.fred, **GUARDIAN
        )
    before = state(cast)
    with refused(Conflict):
        accept(cast, member.invitation, "fred")
    assert state(cast) == before


def test_a_colleague_who_comes_into_the_portal_is_told_of(cast, pat):
    """Fred writes it, and Phil, who works here too, takes it up: perhaps he is a patient."""
    with cast.acting("fred"):
        letter = enrolment.invite(patient=pat, email=HIS, by=cast.fred)
    assert told(cast, "alma") == []
    accept(cast, letter, "phil")
    [notice] = told(cast, "alma")
    assert notice.title == "A colleague came into the portal"
    assert "Phil Test" in notice.text and "Roe" not in notice.title + notice.text
    assert flagged(cast, joining.COLLEAGUE) == [(cast.phil.pk, None)]
    [entry] = flagged(cast, joining.COLLEAGUE, "action", "object_pk")
    assert entry == (trail.UPDATE, str(letter.pk))
    assert notice.link == f"/admin/trail/?flag={joining.COLLEAGUE}"


def test_and_she_is_not_told_of_herself(cast, pat):
    with cast.acting("fred"):
        letter = enrolment.invite(patient=pat, email=HIS, by=cast.fred)
    accept(cast, letter, "alma")
    assert told(cast, "alma") == [] and flagged(cast, joining.COLLEAGUE) == [(cast.alma.pk, None)]


def test_who_does_not_work_here_is_not(cast, pat):
    """Lucia works in another clinic."""
    with cast.acting("fred"):
        letter = enrolment.invite(patient=pat, by=cast.fred)
    accept(cast, letter, "lucia")
    assert told(cast, "alma") == [] and flagged(cast, joining.COLLEAGUE) == []


# Addresses
def test_a_letter_to_the_address_on_file_is_nothing_to_tell(cast, pat):
    for said in ({}, {"email": "Pat@Example.org"}):
        with cast.acting("fred"):
            enrolment.invite(patient=pat, by=cast.fred, **said)
    assert told(cast, "alma") == [] and flagged(cast, addresses.NEW) == []


@pytest.mark.parametrize("whose", ["pat", "mrs_roe"])
def test_one_to_another_address_is_told_and_flagged(cast, pat, whose):
    """Mrs Roe has none on file."""
    with tenancy.system(cast.harbor):
        cast.patients["mrs_roe"] = registration.register(
            by=None, first_name="R", last_name="Roe", date_of_birth=date(1990, 1, 1)
        )
    patient = cast.patients.get(whose, pat)
    with cast.acting("fred"):
        enrolment.invite(patient=patient, email="fred.at.home@example.org", by=cast.fred)
    [notice] = told(cast, "alma")
    assert "Fred Test" in notice.text and notice.patient_id == patient.pk
    assert "Roe" not in notice.title + notice.text and "home" not in notice.title + notice.text
    assert flagged(cast, addresses.NEW) == [(cast.fred.pk, patient.pk)]


def test_writing_it_into_the_file_first_does_not_help(cast, pat):
    with cast.acting("fred"):
        patient = registration.correct(patient=pat, by=cast.fred, email="fred.at.home@example.org")
        enrolment.invite(patient=patient, by=cast.fred)
    assert len(told(cast, "alma")) == 1
    assert flagged(cast, addresses.NEW) == [(cast.fred.pk, pat.pk)]


def test_what_has_stood_there_long_is_settled(cast, pat, monkeypatch):
    with cast.acting("fred"):
        patient = registration.correct(patient=pat, by=cast.fred, email="new@example.org")
        assert not addresses.is_settled(patient, "new@example.org")
        later = timezone.now() + addresses.SETTLED + timedelta(seconds=1)
        monkeypatch.setattr(addresses.timezone, "now", lambda: later)
        assert addresses.is_settled(patient, "new@example.org")
        assert not addresses.is_settled(patient, HIS)


def test_a_guardians_letter_to_another_address_is_told(cast):
    with cast.acting("fred"):
        registration.correct(patient=cast.jimmy, by=cast.fred, phone="+1 555 0100")
        family.invite_guardian(patient=cast.jimmy, email="f2@example.org", by=cast.fred, **GUARDIAN)
    assert [one.patient_id for one in told(cast, "alma")] == [cast.jimmy.pk]
    assert flagged(cast, addresses.NEW) == [(cast.fred.pk, cast.jimmy.pk)]


def test_an_administrator_is_not_told_what_she_does_herself(cast, pat):
    with tenancy.system(cast.harbor):
        cast.people["abe"] = person("abe", cast.harbor, Role.ADMINISTRATOR)
    with cast.acting("alma"):
        enrolment.invite(patient=pat, email="other@example.org", by=cast.alma)
    assert told(cast, "alma") == [] and len(told(cast, "abe")) == 1


# Birthdays
@pytest.mark.parametrize("name", ["fred", "nina", "sarah"])
def test_who_is_of_age_is_made_a_minor_by_administrators_only(cast, name):
    before = state(cast)
    with cast.acting(name), refused(Invalid, "date_of_birth"):
        registration.correct(
            patient=cast.mr_doe, by=cast.people[name], date_of_birth=date(2015, 1, 1)
        )
    assert state(cast) == before
    with cast.acting(name):  # other days are hers to correct
        registration.correct(
            patient=cast.mr_doe, by=cast.people[name], date_of_birth=date(1981, 1, 1)
        )
        registration.correct(
            patient=cast.jimmy, by=cast.people[name], date_of_birth=date(2015, 1, 1)
        )


def test_nor_by_a_program(cast, api):
    before = state(cast)
    answer = api("fred").patch(f"patients/{cast.mr_doe.pk}/", {"date_of_birth": "2015-01-01"})
    assert answer.status_code == 400 and list(answer.json()["errors"]) == ["date_of_birth"]
    assert state(cast) == before


def test_who_decides_for_herself_gets_no_guardian_whatever_her_birthday(cast):
    with cast.acting("alma"):
        john = registration.correct(
            patient=cast.mr_doe, by=cast.alma, date_of_birth=date(2015, 1, 1)
        )
    before = state(cast)
    with cast.acting("fred"), refused(Invalid, "patient"):
        family.invite_guardian(patient=john, email="f2@example.org", by=cast.fred, **GUARDIAN)
    assert state(cast) == before
    with cast.acting("john", portal=True):
        assert access.visible_to(cast.john).filter(pk=john.pk).exists()


def test_whose_account_it_is_nobody_writes_into_the_file(cast, pat, api):
    before = state(cast)
    with cast.acting("fred"), refused(Invalid, "user"):
        registration.correct(patient=pat, by=cast.fred, user=cast.fred)
    answer = api("fred").patch(f"patients/{pat.pk}/", {"user": str(cast.fred.pk)})
    assert answer.status_code == 400 and state(cast) == before
