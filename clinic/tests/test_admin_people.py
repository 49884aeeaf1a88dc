"""People, roles, specialists and the clinic's details in the staff's site."""

import re

import pytest
from django.test import Client
from django.test.client import ClientHandler
from django.urls import reverse

from clinic import staffing
from clinic.middleware import FACILITY_IN_SESSION
from clinic.models import Facility, Invitation, RoleAssignment, Specialist, User
from clinic.security import tenancy
from clinic.security.permissions import ROLE_TABLE, Permission, Role
from patients.models import Patient

ROLES, INVITE, CLINIC = "/admin/people/", "/admin/people/invite/", "/admin/clinic/"
CHOOSE = "/admin/clinic/choose/"
GUEST = {"email": "Gil@example.org", "first_name": "Gil", "last_name": "Sá", "role": "nurse"}


def person(user) -> str:
    return reverse("admin:person", args=[user.pk])


def roles_of(cast, user, facility=None) -> set[str]:
    with tenancy.system(facility or cast.harbor):
        held = RoleAssignment.objects.filter(user=user, is_active=True)
        return set(held.values_list("role", flat=True))


def test_the_table_shown_is_the_table_enforced(browse, cast):
    groups = browse("aud").get(ROLES).context["groups"]
    rows = {row["label"]: row["cells"] for group in groups for row in group["permissions"]}
    shown = {
        (permission, role)
        for permission in Permission
        for role, allowed in zip(ROLE_TABLE, rows.pop(permission.label), strict=True)
        if allowed
    }
    assert shown == {(p, role) for role, rule in ROLE_TABLE.items() for p in rule.permissions}
    assert not rows


def test_who_works_here_and_nobody_else(browse, cast):
    people = browse("fred").get(ROLES).context["people"]
    assert [p["name"] for p in people] == [
        "Alma Test", "Aud Test", "Fred Test", "Nina Test", "Omar Test", "Phil Test", "Sarah Test",
    ]  # fmt: skip
    assert not any(p["href"] for p in people)
    assert not browse("fred").get(ROLES).context["shows_second_factor"]


def test_a_new_person_is_invited_and_is_nobody_until_she_accepts(browse, cast):
    assert browse("alma").post(INVITE, GUEST).status_code == 302
    with tenancy.system(cast.harbor):
        invitation = Invitation.objects.get()
        assert (invitation.email, invitation.role) == ("gil@example.org", "nurse")
        assert invitation.invited_by == cast.alma and invitation.is_open
    assert not User.objects.filter(email="gil@example.org").exists()


def test_whether_a_person_had_an_account_is_not_told(browse, cast):
    said = []
    for address in ("gil@example.org", cast.lucia.email):
        page = browse("alma").post(INVITE, GUEST | {"email": address}, follow=True)
        page = page.content.decode()
        assert f"The invitation to {address} is on its way" in page
        with tenancy.system(cast.harbor):
            pk = Invitation.objects.order_by("pk").last().pk
        said.append(page.replace(address, "").replace(str(pk), ""))
        with tenancy.system(cast.harbor):
            Invitation.objects.all().delete()
    token = re.compile(r'csrf\w*" value="\w+"|csrf[\w":& ;]+\w{64}\S*')
    one, other = (token.sub("", text) for text in said)
    assert one == other
    assert roles_of(cast, cast.lucia) == set()
    assert roles_of(cast, cast.lucia, cast.austa) == {"physician"}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"email": "gil"}, "email"),
        ({"first_name": " "}, "first_name"),
        ({"role": "patient"}, "role"),
    ],
)
def test_an_invitation_that_cannot_be(browse, cast, wrong, field):
    answer = browse("alma").post(INVITE, GUEST | wrong)
    assert answer.status_code == 400 and field in answer.context["form"].errors
    assert not User.objects.filter(email__icontains="gil").exists()


def test_a_role_is_given_and_taken_away(browse, cast):
    browser = browse("alma")
    browser.post(person(cast.fred), {"role": "auditor", "department": ""})
    assert roles_of(cast, cast.fred) == {"front_desk", "auditor"}
    with tenancy.system(cast.harbor):
        desk = RoleAssignment.objects.get(user=cast.fred, role="front_desk")
    browser.post(person(cast.fred), {"dismiss": str(desk.pk)})
    assert roles_of(cast, cast.fred) == {"auditor"}
    browser.post(person(cast.fred), {"role": "front_desk", "department": ""})
    assert roles_of(cast, cast.fred) == {"front_desk", "auditor"}


def test_nobody_takes_her_own_role_away(browse, cast):
    with tenancy.system(cast.harbor):
        own = RoleAssignment.objects.get(user=cast.alma)
    answer = browse("alma").post(person(cast.alma), {"dismiss": str(own.pk)}, follow=True)
    assert "cannot take your own role away" in answer.content.decode()
    assert roles_of(cast, cast.alma) == {"administrator"}


def test_a_dismissed_person_is_out_with_the_next_request(browse, cast):
    browser = browse("fred")
    assert browser.get("/admin/").status_code == 200
    with cast.acting("alma"):
        staffing.dismiss(assignment=RoleAssignment.objects.get(user=cast.fred), by=cast.alma)
    assert browser.get("/admin/", follow=True).status_code == 403


def test_the_clinics_details_are_corrected(browse, cast):
    browser = browse("alma")
    form = browser.get(CLINIC).context["form"]
    said = {name: form[name].value() for name in form.fields}
    assert browser.post(CLINIC, said | {"phone": "+1 555", "timezone": "America/Chicago"})
    with tenancy.system(cast.harbor):
        harbor = Facility.objects.get(pk=cast.harbor.pk)
        assert (harbor.phone, harbor.timezone, harbor.name) == ("+1 555", "America/Chicago",
                                                                "Harbor Family Clinic")  # fmt: skip
    wrong = browser.post(CLINIC, said | {"timezone": "Mars/Olympus", "name": ""})
    assert wrong.status_code == 400 and set(wrong.context["form"].errors) == {"timezone", "name"}


def test_a_specialist_is_presented_corrected_and_never_twice(browse, cast):
    browser, add = browse("alma"), reverse("admin:clinic_specialist_add")
    said = {"user": str(cast.nina.pk), "specialty": "Nursing", "is_active": "on"}
    assert browser.post(add, said).status_code == 302
    with tenancy.system(cast.harbor):
        nina = Specialist.objects.get(user=cast.nina)
    again = browser.post(add, said)
    assert "user" in again.context["adminform"].form.errors
    stranger = browser.post(add, said | {"user": str(cast.lucia.pk)})
    assert "user" in stranger.context["adminform"].form.errors
    change = reverse("admin:clinic_specialist_change", args=[nina.pk])
    details = {"specialty": "Nursing", "room": "4", "version_shown": nina.version}
    assert browser.post(change, details).status_code == 302
    with tenancy.system(cast.harbor):
        nina.refresh_from_db()
        assert (nina.room, nina.is_active) == ("4", False)
    stale = browser.post(change, details | {"room": "5"})
    assert "changed since you read it" in stale.content.decode()


def test_a_person_of_two_clinics_chooses(browse, cast):
    with tenancy.system(cast.austa):
        staffing.assign(user=cast.sarah, role=Role.NURSE, facility=cast.austa)
    browser = browse("sarah")
    assert "Harbor Family Clinic" in browser.get("/admin/").content.decode()
    assert browser.post(CHOOSE, {"facility": "austa"}).status_code == 302
    page = browser.get("/admin/find/?q=souza").content.decode()
    assert "Clínica Austa" in page and "Ana Souza" in page
    assert browser.session[FACILITY_IN_SESSION] == "austa"
    assert browser.post(CHOOSE, {"facility": "nowhere"}).status_code == 404
    assert browse("nina").post(CHOOSE, {"facility": "austa"}).status_code == 404


def test_pages_carry_the_admins_policy(browse, cast):
    policy = browse("fred").get("/admin/")["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-eval'" in policy and "style-src 'self'" in policy
    assert (
        "default-src 'none'" in policy
        and "'unsafe-inline'" not in policy.split("style-src-attr")[0]
    )
    portal = browse("john").get("/portal/")["Content-Security-Policy"]
    assert "unsafe" not in portal


class TestTwoWindows:
    """What was opened in one clinic is not sent to another."""

    PERSON = {"first_name": "Win", "last_name": "Dow", "date_of_birth": "1980-01-01",
              "gender": "unknown", "preferred_language": "en"}  # fmt: skip
    ADD = "/admin/patients/patient/add/"

    @pytest.fixture
    def window(self, cast, browse) -> Client:
        """Sarah works in both clinics and has Harbor's form open."""
        with tenancy.system(cast.austa):
            staffing.assign(user=cast.sarah, role=Role.PHYSICIAN, facility=cast.austa)
        browser = browse("sarah")
        browser.handler = ClientHandler(enforce_csrf_checks=True)
        page = browser.get(CHOOSE)
        browser.post(CHOOSE, {"facility": cast.harbor.slug} | self.token(page))
        self.form = self.PERSON | self.token(browser.get(self.ADD))
        return browser

    def token(self, page) -> dict:
        found = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page.content.decode())
        return {"csrfmiddlewaretoken": found[1]}

    def known(self, cast) -> int:
        with (
            tenancy.system(cast.harbor),
            tenancy.across_facilities([cast.harbor, cast.austa], reason="test"),
        ):
            return Patient.objects.count()

    def test_after_the_other_clinic_was_chosen(self, cast, window):
        before = self.known(cast)
        page = window.get(CHOOSE)
        window.post(CHOOSE, {"facility": cast.austa.slug} | self.token(page))
        assert window.post(self.ADD, self.form).status_code == 403
        assert self.known(cast) == before

    def test_after_the_role_there_was_taken_away(self, cast, window):
        before = self.known(cast)
        with tenancy.system(cast.harbor):
            RoleAssignment.objects.filter(user=cast.sarah, facility=cast.harbor).update(
                is_active=False
            )
        assert window.post(self.ADD, self.form).status_code in {302, 403}
        assert self.known(cast) == before
        page = window.get(self.ADD, follow=True)
        assert page.status_code == 200, "she goes on in the clinic that is left"
        assert window.post(self.ADD, self.form).status_code == 403
        assert self.known(cast) == before
        assert window.post(self.ADD, self.PERSON | self.token(page)).status_code == 302
        assert self.known(cast) == before + 1
