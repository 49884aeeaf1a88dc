"""The page on which a patient decides who sees the record: what it says, what one tap does, and who
may not."""

import re
from datetime import date, timedelta
from unittest.mock import patch

import pytest
from django.utils import timezone

from clinic import staffing
from clinic.models import RoleAssignment, User
from clinic.models.base import uuid7
from clinic.security import tenancy
from clinic.security.permissions import SHARED, Category, Denied, Role
from clinic.tests.people import nobody_id, person
from patients import (
    access,
    ages,
    consent,
    enrolment,
    family,
    majority,
    reach,
    referrals,
    relationships,
    sharing,
)
from patients.models import AccessGrant, CareRelationship, Consent, FamilyAccount, FamilyMember
from patients.portal.clinicians import ClinicianField
from patients.portal.person import CHOSEN

PAGE = "/portal/sharing/"
HTMX = {"HX-Request": "true"}
Level = FamilyMember.PermissionLevel
Source = AccessGrant.Source
Side = CareRelationship.Side


def jane_beside_john(cast, *categories, level=Level.LIMITED, expires_at=None):
    """Jane, John's wife, with what he agreed to."""
    with tenancy.system(cast.harbor):
        member = family.stand(
            patient=cast.mr_doe, user=cast.jane, relationship="spouse", level=level
        )
    if categories:
        with cast.acting("john", portal=True):
            consent.give(member=member, categories=categories, expires_at=expires_at, by=cast.john)
    return member


def open_to_jane(cast) -> set[str]:
    with cast.acting("jane", portal=True):
        return {str(c.value) for c in access.categories_of(cast.jane, cast.mr_doe)}


def showing(browser, patient):
    """A browser in which that patient was chosen."""
    session = browser.session
    session[CHOSEN] = str(patient.pk)
    session.save()
    return browser


def rows(cast, name="john", patient=None):
    with cast.acting(name, portal=True):
        return sharing.grid(patient or cast.mr_doe, cast.people[name])


def cells(row) -> set[str]:
    return {cell.category.value for cell in row.cells if cell.is_open}


class TestGrid:
    def test_one_look_says_who_sees_what(self, cast):
        jane_beside_john(cast, Category.MEDICATIONS, Category.HIV)
        with tenancy.system(cast.harbor):
            access.grant(
                patient=cast.mr_doe, user=cast.omar, source=Source.CARE_TEAM,
                categories=[Category.VIEW, Category.RECORDS],
            )  # fmt: skip
        grid = rows(cast)
        [jane] = grid.family
        assert (jane.name, jane.role, cells(jane)) == (
            "Jane Test", "Spouse or partner", {"medications", "hiv"},
        )  # fmt: skip
        assert [cell.category for cell in jane.cells] == list(SHARED)
        assert all(cell.can_change for cell in jane.cells)
        [omar] = grid.care_team
        assert (omar.name, omar.role, cells(omar)) == ("Omar Test", "Specialist", {"records"})
        assert not any(cell.can_change for cell in omar.cells)

    def test_a_grant_from_before_the_role_was_taken_up_anew_is_not_shown(self, cast):
        with tenancy.system(cast.harbor):
            access.grant(
                patient=cast.mr_doe, user=cast.omar, source=Source.CARE_TEAM,
                categories=[Category.VIEW, Category.RECORDS],
            )  # fmt: skip
            later = timezone.now() + timedelta(seconds=1)
            RoleAssignment.objects.filter(user=cast.omar).update(held_since=later)
        assert rows(cast).care_team == []

    def test_an_invited_relative_is_shown_before_she_comes(self, cast):
        with cast.acting("john", portal=True):
            family.invite(
                patient=cast.mr_doe, email="rose@example.org", name="Rose Doe",
                relationship="sibling", categories=[Category.APPOINTMENTS], by=cast.john,
            )  # fmt: skip
        [rose] = rows(cast).family
        assert rose.is_pending and cells(rose) == {"appointments"}

    def test_what_is_over_is_closed(self, cast):
        member = jane_beside_john(cast, Category.RECORDS)
        with tenancy.system(cast.harbor):
            AccessGrant.grants.filter(user=cast.jane, source=Source.FAMILY).update(
                expires_at=timezone.now() - timedelta(hours=1)
            )
        [jane] = rows(cast).family
        assert jane.pk == member.pk and cells(jane) == set()

    def test_a_childs_own_is_neither_told_nor_changed(self, cast):
        """Jimmy is 12: a guardian does not learn that he confides in Omar."""
        with tenancy.system(cast.harbor):
            access.grant(
                patient=cast.jimmy, user=cast.omar, source=Source.CARE_TEAM,
                categories=[Category.VIEW, Category.MENTAL_HEALTH],
            )  # fmt: skip
        grid = rows(cast, patient=cast.jimmy)
        assert grid.care_team == []
        [john] = grid.family
        private = [cell for cell in john.cells if cell.is_private]
        assert {cell.category for cell in private} == {c for c in SHARED if c not in sharing.PLAIN}
        assert not any(cell.can_change or cell.is_open for cell in private)
        assert grid.minor_until.date() == date(2032, 6, 1)
        assert grid.private_by_age[0][0] == 12

    def test_a_relative_is_told_what_counts_and_nothing_of_the_time_before(self, cast):
        jane = jane_beside_john(cast, Category.RECORDS)
        with cast.acting("jane", portal=True):
            assert [cell.category for cell in sharing.open_to(jane)] == [Category.RECORDS]
        with tenancy.system(cast.harbor):
            RoleAssignment.objects.filter(user=cast.jane).update(held_since=timezone.now())
        assert open_to_jane(cast) == set()
        with cast.acting("jane", portal=True):
            assert sharing.open_to(jane) == []

    def test_who_does_not_decide_gets_no_grid(self, cast):
        jane_beside_john(cast, *sharing.PLAIN, level=Level.FULL)
        with cast.acting("jane", portal=True), pytest.raises(Denied):
            sharing.grid(cast.mr_doe, cast.jane)

    def test_whom_one_can_choose_stands_in_the_order_of_a_register(self, browse, cast):
        page = browse("john").get(f"{PAGE}clinicians/").content.decode()
        assert re.findall(r"<option[^>]*>([^<]+, [^<]+)</option>", page) == [
            "Alma Test, Administrator", "Nina Test, Nurse", "Omar Test, Specialist",
            "Phil Test, Pharmacist", "Sarah Test, Physician",
        ]  # fmt: skip

    def test_everybody_is_called_what_she_is_in_this_clinic(self, cast):
        with tenancy.system(cast.harbor):
            RoleAssignment.objects.filter(user=cast.sarah).update(is_primary=False)
            staffing.assign(user=cast.sarah, role=Role.PATIENT, facility=cast.harbor)
        with tenancy.system(cast.austa):
            staffing.assign(
                user=cast.sarah, role=Role.AUDITOR, facility=cast.austa, is_primary=True
            )
        with cast.acting("sarah", portal=True):
            called = {str(pk): label for pk, label in ClinicianField().listed()}
        assert called[str(cast.sarah.pk)] == "Sarah Test, Physician"

    def test_the_clinic_is_told_of_by_its_role_table(self, cast):
        wide, some, cover = reach.in_words_to_patients(cast.harbor)
        assert "physician" in wide and "nurse" in wide and "front desk" not in wide
        assert "specialist" in some and "front desk" in cover and "auditor" not in cover
        cast.harbor.care_reach = "care_team"
        wide, some, cover = reach.in_words_to_patients(cast.harbor)
        assert "physician" not in wide and "physician" in some and "pharmacist" in wide

    def test_it_asks_six_questions_for_six_people(self, cast, django_assert_max_num_queries):
        with tenancy.system(cast.harbor):
            for number in range(3):
                user = person(f"kin{number}", cast.harbor, Role.FAMILY_MEMBER)
                member = family.stand(
                    patient=cast.mr_doe, user=user, relationship="sibling", level=Level.LIMITED
                )
                cast.people[f"kin{number}"] = user
                cast.patients[f"member{number}"] = member
            access.grant(
                patient=cast.mr_doe, user=cast.omar, source=Source.CARE_TEAM, categories=SHARED
            )
        with cast.acting("john", portal=True):
            for number in range(3):
                consent.give(
                    member=cast.patients[f"member{number}"], categories=SHARED, by=cast.john
                )
            for clinician in (cast.nina, cast.phil):
                relationships.invite_clinician(
                    patient=cast.mr_doe, clinician=clinician, categories=SHARED, by=cast.john
                )
        with cast.acting("john", portal=True):
            patient = access.visible_to(cast.john).get(pk=cast.mr_doe.pk)
            with django_assert_max_num_queries(6):
                grid = sharing.grid(patient, cast.john)
        people = [*grid.family, *grid.invited, *grid.care_team]
        assert len(people) == 6 and all(len(row.open) == len(SHARED) for row in people)


class TestOneTap:
    def test_a_tap_opens_one_thing_at_once(self, browse, cast):
        member = jane_beside_john(cast, Category.MEDICATIONS)
        answer = browse("john").post(
            f"{PAGE}relatives/{member.pk}/change/", {"open": "records"}, headers=HTMX
        )
        assert answer.status_code == 200
        html = answer.content.decode()
        assert html.count('aria-checked="true"') == 2 and "Jane Test can see this now" in html
        assert 'hx-swap-oob="innerHTML:#said"' in html and 'name="restore"' in html
        assert open_to_jane(cast) == {"view", "medications", "records"}

    def test_without_scripts_the_page_says_it(self, browse, cast):
        member = jane_beside_john(cast, Category.MEDICATIONS, Category.RECORDS)
        browser = browse("john")
        url = f"{PAGE}relatives/{member.pk}/change/"
        answer = browser.post(url, {"close": "records"}, follow=True)
        assert answer.redirect_chain == [(f"{PAGE}#row-{member.pk}", 302)]
        assert b"does not see this any more: Records" in answer.content
        assert open_to_jane(cast) == {"view", "medications"}
        assert b"does not see this any more" not in browser.get(PAGE).content

    def test_undo_brings_back_the_version_with_its_end(self, browse, cast):
        end = timezone.now() + timedelta(days=3)
        member = jane_beside_john(cast, Category.MEDICATIONS, expires_at=end)
        browser, url = browse("john"), f"{PAGE}relatives/{member.pk}/change/"
        with tenancy.system(cast.harbor):
            before = consent.standing_of(member)
        browser.post(url, {"close": "medications"}, headers=HTMX)
        assert open_to_jane(cast) == set()
        browser.post(url, {"restore": before.pk}, headers=HTMX)
        with tenancy.system(cast.harbor):
            now = consent.standing_of(member)
        assert (now.number, now.expires_at, now.categories) == (2, end, ["medications"])
        assert open_to_jane(cast) == {"view", "medications"}

    def test_a_tap_after_the_end_begins_anew(self, browse, cast):
        """What was agreed to until yesterday does not come back with something else."""
        end = timezone.now() + timedelta(hours=1)
        member = jane_beside_john(cast, Category.MEDICATIONS, expires_at=end)
        with tenancy.system(cast.harbor):
            old = consent.standing_of(member)
        with (
            patch.object(Consent, "is_over", True),
            cast.acting("john", portal=True),
        ):
            consent.change(member=member, category=Category.RECORDS, opened=True, by=cast.john)
        with tenancy.system(cast.harbor):
            now = consent.standing_of(member)
        assert (now.categories, now.expires_at) == (["records"], None) and now.pk != old.pk

    def test_a_clinician_is_ended_only_after_a_question(self, browse, cast):
        with cast.acting("john", portal=True):
            relation = relationships.invite_clinician(
                patient=cast.mr_doe, clinician=cast.omar, categories=[Category.RECORDS],
                by=cast.john,
            )  # fmt: skip
        url = f"{PAGE}clinicians/{relation.pk}/change/"
        browser = browse("john")
        answer = browser.post(url, {"close": "records"}, headers=HTMX)
        assert answer["HX-Redirect"] == f"{PAGE}clinicians/{relation.pk}/end/"
        [omar] = rows(cast).invited
        assert omar.is_pending and cells(omar) == {"records"}
        assert b"End it with Omar Test?" in browser.get(answer["HX-Redirect"]).content
        browser.post(answer["HX-Redirect"])
        assert rows(cast).invited == []

    @pytest.mark.parametrize(
        "body", [{}, {"open": "everything"}, {"restore": "x"}, {"open": "view"}]
    )
    def test_what_is_no_part_changes_nothing(self, browse, cast, body):
        member = jane_beside_john(cast, Category.MEDICATIONS)
        answer = browse("john").post(f"{PAGE}relatives/{member.pk}/change/", body, headers=HTMX)
        assert answer.status_code in {200, 404}
        assert open_to_jane(cast) == {"view", "medications"}

    def test_another_persons_version_is_not_restored(self, browse, cast):
        member = jane_beside_john(cast, Category.MEDICATIONS)
        with tenancy.system(cast.harbor):
            other = Consent.objects.filter(patient=cast.jimmy).first()
        answer = browse("john").post(
            f"{PAGE}relatives/{member.pk}/change/", {"restore": other.pk}, headers=HTMX
        )
        assert answer.status_code == 404
        assert open_to_jane(cast) == {"view", "medications"}


CHANGES = ["relatives/{}/", "relatives/{}/change/", "relatives/{}/close/", "relatives/{}/remove/"]


@pytest.mark.parametrize("level", [Level.LIMITED, Level.FULL])
@pytest.mark.parametrize("address", CHANGES)
def test_a_relative_decides_nothing_for_the_patient(browse, cast, address, level):
    member = jane_beside_john(cast, *sharing.PLAIN, level=level)
    browser = showing(browse("jane"), cast.mr_doe)
    body = {"open": "hiv", "permission_level": "full", "categories": ["hiv"]}
    for send in (browser.post, browser.get):
        answer = send(PAGE + address.format(member.pk), body)
        assert answer.status_code in {403, 404, 405}
    assert "hiv" not in open_to_jane(cast) and "sharing" not in open_to_jane(cast)
    with tenancy.system(cast.harbor):
        assert Consent.objects.filter(family_member=member).count() == 1
        assert FamilyMember.objects.get(pk=member.pk).permission_level == level


@pytest.mark.parametrize("address", CHANGES)
def test_another_patients_relative_does_not_exist(browse, cast, address):
    """John decides about his record; Jane's brother is not his to see or to change."""
    with tenancy.system(cast.harbor):
        kin = person("kin", cast.harbor, Role.FAMILY_MEMBER)
        member = family.stand(patient=cast.mrs_doe, user=kin, relationship="sibling")
    browser = browse("john")
    for pk in (member.pk, nobody_id()):
        body = {"open": "records", "permission_level": "limited"}
        answer = browser.post(PAGE + address.format(pk), body, headers=HTMX)
        assert answer.status_code == 404 and b"Kin" not in answer.content
    with tenancy.system(cast.harbor):
        assert FamilyMember.objects.get(pk=member.pk).ended_at is None


def test_a_relative_is_told_who_decides(browse, cast):
    jane_beside_john(cast, Category.MEDICATIONS)
    answer = showing(browse("jane"), cast.mr_doe).get(PAGE)
    assert b"John decides who sees this record" in answer.content
    assert "grid" not in answer.context and b"aria-checked" not in answer.content


class TestRelatives:
    GIVEN = {
        "name": "Rose Doe", "email": "Rose@Example.org", "relationship": "sibling",
        "permission_level": "limited", "categories": ["appointments", "medications"],
        "confidential": ["hiv"], "expires_at": "15 12 2030",
    }  # fmt: skip

    def test_one_is_invited_with_what_she_will_see(self, browse, cast):
        answer = browse("john").post(f"{PAGE}relatives/", self.GIVEN, follow=True)
        assert b"The invitation is on its way to Rose Doe" in answer.content
        assert b"rose@example.org" not in answer.content.lower()
        [rose] = rows(cast).family
        assert cells(rose) == {"appointments", "medications", "hiv"}
        assert rose.until.astimezone(cast.harbor.zone).isoformat() == "2030-12-16T00:00:00-05:00"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"email": "no"}, {"name": " "}, {"relationship": "boss"}, {"permission_level": "god"},
            {"categories": ["sharing"]}, {"expires_at": "15 12 2019"}, {"expires_at": "soon"},
            {"permission_level": "none"},
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_said_and_nothing_stored(self, browse, cast, wrong):
        answer = browse("john").post(f"{PAGE}relatives/", self.GIVEN | wrong)
        assert answer.status_code == 400 and b"There is a problem" in answer.content
        with tenancy.system(cast.harbor):
            assert not FamilyMember.objects.filter(patient=cast.mr_doe).exists()

    def test_the_seventh_does_not_fit(self, browse, cast):
        browser = browse("john")
        for number in range(7):
            email = {"email": f"kin{number}@example.org"}
            answer = browser.post(f"{PAGE}relatives/", self.GIVEN | email)
        assert answer.status_code == 400 and b"has 6 members already" in answer.content

    def test_one_page_says_and_changes_all_of_it(self, browse, cast):
        member = jane_beside_john(cast, Category.MEDICATIONS)
        browser, url = browse("john"), f"{PAGE}relatives/{member.pk}/"
        assert b"Version 1" in browser.get(url).content
        body = {"permission_level": "full", "categories": ["documents"], "expires_at": ""}
        browser.post(url, body)
        assert open_to_jane(cast) == {"view", "documents", "access_log"}
        browser.post(url, body)
        with tenancy.system(cast.harbor):
            assert Consent.objects.filter(family_member=member).count() == 2  # nothing new: none

    def test_closing_everything_and_removing_ask_first(self, browse, cast):
        member = jane_beside_john(cast, Category.MEDICATIONS)
        browser = browse("john")
        for action in ("close", "remove"):
            page = browser.get(f"{PAGE}relatives/{member.pk}/{action}/")
            assert page.status_code == 200 and open_to_jane(cast)
        browser.post(f"{PAGE}relatives/{member.pk}/close/")
        assert open_to_jane(cast) == set()
        assert rows(cast).family[0].pk == member.pk
        browser.post(f"{PAGE}relatives/{member.pk}/remove/")
        assert rows(cast).family == []

    def test_each_version_can_be_read_by_both_and_by_nobody_else(self, browse, cast):
        member = jane_beside_john(cast, Category.MEDICATIONS)
        with tenancy.system(cast.harbor):
            version = consent.standing_of(member)
        url = f"{PAGE}agreed/{version.pk}/"
        for name in ("john", "jane"):
            assert b"agrees that Jane Test" in browse(name).get(url).content
        with tenancy.system(cast.harbor):
            kin = person("kin", cast.harbor, Role.FAMILY_MEMBER)
            cast.people["kin"] = kin
            other = family.stand(patient=cast.mr_doe, user=kin, relationship="sibling")
        with cast.acting("john", portal=True):
            consent.give(member=other, categories=[Category.RECORDS], by=cast.john)
        answer = showing(browse("kin"), cast.mr_doe).get(url)
        assert answer.status_code == 404 and b"Jane" not in answer.content

    def test_a_guardian_is_not_changed_here(self, browse, cast):
        with tenancy.system(cast.harbor):
            guardian = FamilyMember.objects.get(patient=cast.jimmy, user=cast.john)
        browser = showing(browse("john"), cast.jimmy)
        assert browser.get(f"{PAGE}relatives/{guardian.pk}/").context["form"] is None
        browser.post(f"{PAGE}relatives/{guardian.pk}/", {"permission_level": "none"})
        browser.post(f"{PAGE}relatives/{guardian.pk}/change/", {"open": "hiv"}, headers=HTMX)
        with cast.acting("john", portal=True):
            held = access.categories_of(cast.john, cast.jimmy)
        assert Category.RECORDS in held and Category.HIV not in held


class TestMinors:
    @pytest.fixture
    def aunt(self, cast):
        with tenancy.system(cast.harbor):
            cast.people["aunt"] = person("aunt", cast.harbor, Role.FAMILY_MEMBER)
            return family.stand(patient=cast.jimmy, user=cast.aunt, relationship="other")

    def seen_by_aunt(self, cast):
        with cast.acting("aunt", portal=True):
            return access.categories_of(cast.aunt, cast.jimmy)

    def test_a_guardian_opens_to_nobody_what_is_the_childs_own(self, browse, cast, aunt):
        """Else a second account of the guardian would read it."""
        browser = showing(browse("john"), cast.jimmy)
        browser.post(f"{PAGE}relatives/{aunt.pk}/change/", {"open": "hiv"}, headers=HTMX)
        body = {"permission_level": "limited", "categories": ["records"], "confidential": ["hiv"]}
        browser.post(f"{PAGE}relatives/{aunt.pk}/", body)  # there is no such field: it is not heard
        answer = browser.post(f"{PAGE}relatives/{aunt.pk}/", body | {"categories": ["hiv"]})
        assert answer.status_code == 400
        assert Category.HIV not in self.seen_by_aunt(cast)
        with cast.acting("john", portal=True), pytest.raises(Exception, match="minor"):
            consent.give(member=aunt, categories=[Category.HIV], by=cast.john)
        with cast.acting("john", portal=True), pytest.raises(Exception, match="minor"):
            relationships.invite_clinician(
                patient=cast.jimmy, clinician=cast.omar, categories=[Category.HIV], by=cast.john
            )

    def test_what_was_open_before_closes_when_it_becomes_the_childs_own(self, cast, aunt):
        with tenancy.system(cast.harbor):
            cast.jimmy.date_of_birth = timezone.localdate() - timedelta(days=11 * 365)
            cast.jimmy.save()
        with cast.acting("john", portal=True):
            consent.give(member=aunt, categories=[Category.HIV, Category.RECORDS], by=cast.john)
        with tenancy.system(cast.harbor):
            ends = {
                grant.permission.codename: grant.expires_at
                for grant in AccessGrant.grants.filter(user=cast.aunt)
            }
        of_age = ages.of_age_at(cast.jimmy.date_of_birth, cast.harbor)
        assert ends["records"] == of_age, "then the patient decides anew"
        assert timedelta(days=300) < ends["hiv"] - timezone.now() < timedelta(days=400)

    def test_nobody_but_guardians_acts_for_a_child(self, browse, cast, aunt):
        browser = showing(browse("john"), cast.jimmy)
        body = {"permission_level": "full", "categories": ["records"]}
        assert browser.post(f"{PAGE}relatives/{aunt.pk}/", body).status_code == 400
        assert b"Acts for you" not in browser.get(f"{PAGE}relatives/{aunt.pk}/").content

    def test_the_child_sees_who_guards_and_what_is_his_own(self, browse, cast):
        with tenancy.system(cast.harbor):
            cast.people["jim"] = person("jim", cast.harbor, Role.PATIENT)
            enrolment.connect(patient=cast.jimmy, user=cast.jim)
        page = browse("jim").get(PAGE).content
        assert b"Your guardians decide with you" in page and b"John Test, Parent" in page
        assert b"Mental health" in page

    def test_a_young_adult_is_welcomed_and_grants_anew(self, browse, cast):
        with tenancy.system(cast.harbor):
            cast.people["jim"] = person("jim", cast.harbor, Role.PATIENT)
            enrolment.connect(patient=cast.jimmy, user=cast.jim)
            cast.jimmy.date_of_birth = timezone.localdate() - timedelta(days=19 * 365)
            cast.jimmy.save()
            its_time_is_over(consent.standing_of(FamilyMember.objects.get(patient=cast.jimmy)))
            assert majority.hand_over() == 1
        browser = browse("jim")
        page = browser.get(PAGE)
        assert b"You decide now" in page.content
        [john] = page.context["grid"].former_guardians
        form = browser.get(f"{PAGE}relatives/{john.pk}/").context["form"]
        assert form.initial["permission_level"] == "limited" and not form.initial["confidential"]
        browser.post(
            f"{PAGE}relatives/{john.pk}/",
            {"permission_level": "limited", "categories": ["appointments"]},
        )
        with cast.acting("john", portal=True):
            assert access.categories_of(cast.john, cast.jimmy) == {
                Category.VIEW, Category.APPOINTMENTS,
            }  # fmt: skip
        assert b"You decide now" not in browser.get(PAGE).content


def its_time_is_over(standing: Consent) -> None:
    """The guardian's consent as it stands on the day of majority."""
    consent.end(standing, None)
    standing.pk, standing.revoked_at, standing.number = None, None, standing.number + 1
    standing.expires_at = timezone.now() - timedelta(days=1)
    standing._state.adding = True
    standing.id = uuid7()
    standing.save(force_insert=True)


class TestClinicians:
    def asked_by_omar(self, cast):
        with cast.acting("omar"):
            relationships.invite_patient(
                last_name="Doe", date_of_birth=cast.mr_doe.date_of_birth, mrn=cast.mr_doe.mrn,
                message="We met at the ward.", by=cast.omar,
            )  # fmt: skip
        with tenancy.system(cast.harbor):
            return CareRelationship.objects.get(clinician=cast.omar)

    def omar_sees(self, cast):
        with cast.acting("omar"):
            return {c.value for c in access.categories_of(cast.omar, cast.mr_doe)}

    def test_who_asks_is_answered_with_what_is_chosen(self, browse, cast):
        relation = self.asked_by_omar(cast)
        browser = browse("john")
        assert b"Asks to treat you" in browser.get(PAGE).content
        url = f"{PAGE}clinicians/{relation.pk}/"
        assert b"We met at the ward." in browser.get(url).content
        assert browser.post(url, {}).status_code == 400 and self.omar_sees(cast) == set()
        browser.post(url, {"categories": ["medications"]})
        assert self.omar_sees(cast) == {"view", "medications"}

    def test_one_is_declined(self, browse, cast):
        relation = self.asked_by_omar(cast)
        browse("john").post(f"{PAGE}clinicians/{relation.pk}/end/")
        with tenancy.system(cast.harbor):
            relation.refresh_from_db()
        assert relation.status == "inactive" and self.omar_sees(cast) == set()

    def test_one_is_asked_from_the_page(self, browse, cast):
        body = {"clinician": cast.omar.pk, "categories": ["records"], "message": "Please."}
        answer = browse("john").post(f"{PAGE}clinicians/", body, follow=True)
        assert b"We asked" in answer.content
        [omar] = rows(cast).invited
        assert omar.is_pending and cells(omar) == {"records"} and self.omar_sees(cast) == set()

    @pytest.mark.parametrize("whom", ["fred", "aud", "lucia", "jane"])
    def test_who_reads_no_charts_here_is_not_asked_and_not_blocked(self, browse, cast, whom):
        browser = browse("john")
        for page in ("clinicians/", "block/"):
            body = {"clinician": cast.people[whom].pk, "categories": ["records"]}
            assert browser.post(PAGE + page, body).status_code == 400
        with tenancy.system(cast.harbor):
            assert not CareRelationship.objects.exists()

    def test_one_is_blocked_and_unblocked(self, browse, cast):
        browser = browse("john")
        assert b"In an emergency she can still open" in browser.get(f"{PAGE}block/").content
        browser.post(f"{PAGE}block/", {"clinician": cast.sarah.pk})
        with cast.acting("sarah"):
            assert access.categories_of(cast.sarah, cast.mr_doe) == set()
        [relation] = rows(cast).blocked
        browser.post(f"{PAGE}clinicians/{relation.pk}/unblock/")
        with cast.acting("sarah"):
            assert Category.RECORDS in access.categories_of(cast.sarah, cast.mr_doe)

    def test_a_referral_is_ended(self, browse, cast):
        with cast.acting("sarah"):
            referrals.refer(
                patient=cast.mr_doe, to=cast.omar, reason="Knee pain",
                until=timezone.now() + timedelta(days=9), by=cast.sarah,
            )  # fmt: skip
        browser = browse("john")
        assert b"Knee pain" in browser.get(PAGE).content
        browser.post(f"{PAGE}referrals/{cast.omar.pk}/end/")
        assert self.omar_sees(cast) == set() and rows(cast).referrals == []
        assert browser.post(f"{PAGE}referrals/{cast.omar.pk}/end/").status_code == 404


class TestFamily:
    def test_what_is_shared_with_me_is_told_and_given_back(self, browse, cast):
        member = jane_beside_john(cast, Category.MEDICATIONS)
        browser = browse("jane")
        page = browser.get("/portal/shared/")
        [one] = page.context["shared"]
        assert one.name == "John Doe" and [cell.label for cell in one.cells] == ["Medicines"]
        assert browser.get(f"/portal/shared/{member.pk}/leave/").status_code == 200
        assert open_to_jane(cast)
        browser.post(f"/portal/shared/{member.pk}/leave/")
        assert open_to_jane(cast) == set()
        assert browser.post(f"/portal/shared/{member.pk}/leave/").status_code == 404

    def test_nobody_leaves_for_another(self, browse, cast):
        member = jane_beside_john(cast, Category.MEDICATIONS)
        assert browse("john").post(f"/portal/shared/{member.pk}/leave/").status_code == 404
        assert open_to_jane(cast)

    def test_where_nothing_is_open_the_patient_is_not_named(self, browse, cast):
        jane_beside_john(cast)
        page = browse("jane").get("/portal/shared/")
        assert b"Nothing is open to you now" in page.content and b"John" not in page.content

    def test_relatives_know_of_one_another_where_the_family_has_it_so(self, browse, cast):
        jane_beside_john(cast, Category.MEDICATIONS)
        with tenancy.system(cast.harbor):
            kin = person("kin", cast.harbor, Role.FAMILY_MEMBER)
            family.stand(patient=cast.mr_doe, user=kin, relationship="sibling")
        browser = browse("jane")
        assert b"Kin Test" not in browser.get("/portal/shared/").content
        browse("john").post("/portal/family/", {"name": "Doe and Co", "members_see_members": "on"})
        assert b"Kin Test" in browser.get("/portal/shared/").content
        with tenancy.system(cast.harbor):
            account = FamilyAccount.objects.get(primary_member=cast.john)
        assert account.name == "Doe and Co"

    def test_only_who_speaks_for_the_family_changes_it(self, browse, cast):
        jane_beside_john(cast, Category.MEDICATIONS)
        browser = showing(browse("jane"), cast.mr_doe)
        assert browser.post("/portal/family/", {"name": "Mine now"}).status_code in {403, 404}
        with tenancy.system(cast.harbor):
            names = {account.name for account in FamilyAccount.objects.all()}
        assert names == {"Doe"}

    def test_the_family_is_counted(self, browse, cast):
        jane_beside_john(cast, Category.MEDICATIONS)
        assert b"3 of 6" in browse("john").get(PAGE).content  # John, Jane, Jimmy

    def test_who_belongs_to_it_is_named_of_the_record_shown(self, browse, cast):
        member = jane_beside_john(cast)
        browser = browse("john")
        assert list(browser.get("/portal/family/").context["members"]) == [member]
        page = showing(browser, cast.jimmy).get("/portal/family/")
        assert [one.name for one in page.context["members"]] == ["John Test"]
        assert showing(browse("jane"), cast.mr_doe).get("/portal/family/").status_code in {403, 404}


def test_the_old_relative_is_not_the_present_person(cast):
    """Relatives who have left are no relatives on any page."""
    member = jane_beside_john(cast, Category.MEDICATIONS)
    with cast.acting("john", portal=True):
        family.leave(member=member, by=cast.john)
    assert rows(cast).family == [] and open_to_jane(cast) == set()
    assert User.objects.filter(pk=cast.jane.pk).exists()
