"""From the invitation of a patient, a relative or a guardian to what is open to her: the letter,
the page, the role, and the record."""

import re
from datetime import date

import pytest
from django.core import mail
from django.test import Client

from clinic import tasks
from clinic.models import Invitation, RoleAssignment, User
from clinic.security import tenancy
from clinic.security.permissions import Category
from clinic.tests.browsing import SIGN_IN
from patients import access, consent, enrolment, family, registration
from patients.models import AccessGrant, FamilyMember, Patient

PASSWORD = "a lake of many words"
Relationship = FamilyMember.Relationship


@pytest.fixture(autouse=True)
def plain(settings):
    files = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": files}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.PUBLIC_URL = "https://chartroom.example.org"


def link_in(invitation: Invitation) -> str:
    """What the letter leads to, as the worker sends it."""
    mail.outbox.clear()
    tasks.send_invitation(invitation_id=str(invitation.pk), facility_id=str(invitation.facility_id))
    (letter,) = mail.outbox
    assert letter.to == [invitation.email]
    for name in ("Doe", "Eva", "Roe", "Jimmy"):
        assert name not in letter.subject + letter.body
    return re.search(r"https://chartroom\.example\.org(/accounts/\S+)", letter.body)[1]


def accept_anew(where: str, first: str, last: str) -> Client:
    browser = Client()
    said = {"first_name": first, "last_name": last, "password": PASSWORD}
    answer = browser.post(where, said)
    assert (answer.status_code, answer["Location"]) == (302, "/portal/")
    return browser


def eva(cast, born=date(1990, 3, 1), **more) -> Patient:
    with tenancy.system(cast.harbor):
        return registration.register(
            by=None, first_name="Eva", last_name="Roe", date_of_birth=born, **more
        )


def roles(cast, user) -> set[str]:
    with tenancy.system(cast.harbor):
        return set(RoleAssignment.objects.filter(user=user).values_list("role", flat=True))


class TestPatient:
    def test_she_reads_her_record_and_decides_who_else_does(self, cast):
        patient = eva(cast, email="eva@example.org")
        with cast.acting("fred"):
            invitation = enrolment.invite(patient=patient, by=cast.fred)
        where = link_in(invitation)
        browser = accept_anew(where, "Eva", "Roe")
        user = User.objects.get(email="eva@example.org")
        assert roles(cast, user) == {"patient"}
        page = browser.get("/portal/record/")
        assert page.status_code == 200 and page.context["portal"].shown.pk == patient.pk
        cast.people["eva"] = user
        with cast.acting("eva", portal=True) as actor:
            assert access.categories_of(user, patient) == set(Category)
            assert actor.stewarded == (patient.pk,)
        assert browser.get(where).status_code == 404

    def test_with_the_account_she_has_elsewhere(self, cast):
        patient = eva(cast, email=cast.ana.email)
        with cast.acting("fred"):
            where = link_in(enrolment.invite(patient=patient, by=cast.fred))
        browser = Client()
        browser.force_login(cast.ana, backend=SIGN_IN)
        assert browser.post(where)["Location"] == "/portal/"
        shown = browser.get("/portal/").content.decode()
        assert "Eva" in shown and "Harbor Family Clinic" in shown

    @pytest.mark.parametrize("name", ["john", "jane"])
    def test_one_address_of_two_people_merges_them_never(self, cast, name):
        """John is a patient himself; so is Jane. Their account does not become Eva's own."""
        patient = eva(cast, email=cast.people[name].email)
        with cast.acting("fred"):
            where = link_in(enrolment.invite(patient=patient, by=cast.fred))
        browser = Client()
        browser.force_login(cast.people[name], backend=SIGN_IN)
        before = roles(cast, cast.people[name])
        answer = browser.post(where)
        assert answer.status_code == 400
        assert "belongs to somebody else" in answer.content.decode()
        with tenancy.system(cast.harbor):
            patient.refresh_from_db()
            assert patient.user is None and patient.invitation.is_open
            assert not AccessGrant.grants.filter(content_object=patient).exists()
        assert roles(cast, cast.people[name]) == before

    def test_a_guardians_account_does_not_become_the_childs(self, cast):
        """Jimmy's letter goes to his father's address."""
        with cast.acting("fred"):
            where = link_in(
                enrolment.invite(patient=cast.jimmy, email="home@example.org", by=cast.fred)
            )
        user = User.objects.create_user("home@example.org", PASSWORD)
        with tenancy.system(cast.harbor):
            family.stand(patient=cast.jimmy, user=user, relationship=Relationship.PARENT)
        browser = Client()
        browser.force_login(user, backend=SIGN_IN)
        assert browser.post(where).status_code == 400
        with tenancy.system(cast.harbor):
            cast.jimmy.refresh_from_db()
            assert cast.jimmy.user is None


class TestRelative:
    def invite(self, cast, **more) -> FamilyMember:
        given = {
            "email": "kin@example.org", "name": "Kin", "relationship": Relationship.SIBLING,
            "categories": [Category.MEDICATIONS],
        }  # fmt: skip
        with cast.acting("john", portal=True):
            return family.invite(patient=cast.mr_doe, by=cast.john, **(given | more))

    def test_she_sees_what_was_agreed_to_and_nothing_before(self, cast):
        member = self.invite(cast)
        with tenancy.system(cast.harbor):
            assert (
                not AccessGrant.grants.filter(source=AccessGrant.Source.FAMILY)
                .exclude(user=cast.john)
                .exists()
            )
        browser = accept_anew(link_in(member.invitation), "Kim", "Kin")
        user = User.objects.get(email="kin@example.org")
        assert roles(cast, user) == {"family_member"}
        cast.people["kim"] = user
        with cast.acting("kim", portal=True):
            assert access.categories_of(user, cast.mr_doe) == {
                Category.VIEW, Category.MEDICATIONS,
            }  # fmt: skip
        assert browser.get("/portal/").context["portal"].shown.pk == cast.mr_doe.pk
        assert browser.get("/portal/documents/").status_code == 403

    def test_consent_taken_back_before_she_came_opens_nothing(self, cast):
        member = self.invite(cast)
        with cast.acting("john", portal=True):
            consent.revoke(consent=consent.standing_of(member), by=cast.john)
        accept_anew(link_in(member.invitation), "Kim", "Kin")
        cast.people["kim"] = user = User.objects.get(email="kin@example.org")
        with cast.acting("kim", portal=True):
            assert access.categories_of(user, cast.mr_doe) == frozenset()

    def test_who_was_taken_from_the_family_finds_the_invitation_ended(self, cast):
        member = self.invite(cast)
        where = link_in(member.invitation)
        with cast.acting("john", portal=True):
            family.leave(member=member, by=cast.john)
        assert Client().get(where).status_code == 404
        assert not User.objects.filter(email="kin@example.org").exists()

    def test_the_page_names_who_invites_and_no_patient_but_her(self, cast):
        member = self.invite(cast)
        shown = Client().get(link_in(member.invitation)).content.decode()
        assert "John Test" in shown and "Family member" in shown
        assert "Doe" not in shown


class TestGuardian:
    def test_she_sees_the_child_by_law(self, cast):
        with cast.acting("fred"):
            member = family.invite_guardian(
                patient=cast.jimmy, email="gran@example.org", name="Gran",
                relationship=Relationship.GRANDPARENT, by=cast.fred,
            )  # fmt: skip
        browser = accept_anew(link_in(member.invitation), "Grace", "Doe")
        cast.people["gran"] = user = User.objects.get(email="gran@example.org")
        assert browser.get("/portal/record/").context["portal"].shown.pk == cast.jimmy.pk
        with cast.acting("gran", portal=True):
            opened = access.categories_of(user, cast.jimmy)
            assert {Category.VIEW, Category.RECORDS, Category.MEDICATIONS} <= opened
            assert Category.MENTAL_HEALTH not in opened  # Jimmy is 12
