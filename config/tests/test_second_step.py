"""Who lacks the second step that her clinic demands sees the page to set it up, and no other."""

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.core.cache import cache
from django.test import Client

from clinic import facilities, staffing
from clinic.errors import Conflict, Invalid, Missing
from clinic.models import ApiToken, Facility, LogEntry
from clinic.security import tenancy
from clinic.security.permissions import PORTAL_ROLES, STAFF_ROLES, Denied, Role
from clinic.tests.authenticator import code_of
from clinic.tests.people import PASSWORD
from clinic.tests.programs import Program
from config.tests.signing_in import (
    fresh_code,
    give_passwords,
    passkey_of,
    quicken,
    sign_in,
    without_factor,
)  # fmt: skip
from patients.models import Patient

SET_UP, ACTIVATE = "/accounts/2fa/", "/accounts/2fa/totp/activate/"
RECOVERY = "/accounts/2fa/recovery-codes/"


@pytest.fixture(autouse=True)
def quick(settings):
    quicken(settings)
    yield
    cache.clear()


@pytest.fixture
def house(cast):
    """Nina has a password and no second step; Harbor demands one of its staff."""
    give_passwords(cast, "nina", "john")
    without_factor(cast.nina)
    return cast


def demand(facility: Facility, *roles: str) -> None:
    with tenancy.system(facility):
        Facility.objects.filter(pk=facility.pk).update(second_factor_roles=list(roles))


def read_again(facility: Facility) -> None:
    with tenancy.system(facility):
        facility.refresh_from_db()


class TestAtThePages:
    @pytest.fixture
    def nina(self, house):
        client = Client()
        assert sign_in(client, "nina").status_code == 302
        return client

    @pytest.mark.parametrize("page", [
        "/", "/admin/", "/admin/find/?q=doe", "/admin/roles/", "/admin/no/such/page/",
        "/accounts/sessions/", "/accounts/password/change/", "/admin/jsi18n/",
    ])  # fmt: skip
    def test_every_page_leads_to_the_set_up(self, house, nina, page):
        for answer in (nina.get(page), nina.post(page, {"q": "doe"})):
            assert answer.status_code == 302 and answer["Location"] == SET_UP
        assert b"Doe" not in nina.get(page, follow=True).content

    def test_which_says_why_and_lets_her_do_what_it_needs(self, house, nina):
        page = nina.get(SET_UP)
        assert page.status_code == 200 and b"Your clinic asks for a second step" in page.content
        for way in (ACTIVATE, "/accounts/2fa/webauthn/add/"):
            assert nina.get(way)["Location"].startswith("/accounts/reauthenticate/")
        assert nina.get("/accounts/reauthenticate/").status_code == 200
        assert nina.post("/language/", {"language": "es", "next": "/"}).status_code == 302
        assert nina.post("/accounts/sessions/alive/").json()["left"] > 0
        assert nina.post("/accounts/logout/").status_code == 302
        assert "login" in nina.get("/admin/")["Location"]

    def test_then_she_is_let_on_to_where_she_was_going(self, house, nina):
        going = f"/admin/patients/patient/{house.mr_doe.pk}/change/"
        nina.get(going)
        nina.get("/admin/roles/?refresh=1")  # what a page asks by itself is nowhere to go
        nina.post("/accounts/reauthenticate/", {"password": PASSWORD})
        fresh_code()
        nina.get(ACTIVATE)
        secret = nina.session["mfa.totp.secret"]
        code = code_of(secret)
        assert nina.post(ACTIVATE, {"code": code})["Location"] == RECOVERY
        assert going.encode() in nina.get(RECOVERY).content
        assert going.encode() in nina.get(SET_UP).content
        assert nina.get(going).status_code == 200
        assert going.encode() not in nina.get(SET_UP).content

    def test_a_passkey_will_do(self, house):
        key, client = passkey_of(house.nina), Client()
        options = client.get(
            "/accounts/2fa/webauthn/login/", headers={"Accept": "application/json"}
        ).json()["request_options"]
        client.post("/accounts/2fa/webauthn/login/", {"credential": key.get(options)})
        assert client.get("/admin/").status_code == 200

    def test_recovery_codes_alone_do_not(self, house, nina):
        RecoveryCodes.activate(house.nina)
        client = Client()
        sign_in(client, "nina")
        assert client.get("/admin/")["Location"] == SET_UP

    def test_patients_are_asked_where_the_clinic_says_so(self, house):
        client = Client()
        sign_in(client, "john")
        assert client.get("/portal/settings/").status_code == 200
        demand(house.harbor, Role.PATIENT)
        assert client.get("/portal/settings/")["Location"] == SET_UP
        demand(house.harbor, Role.FAMILY_MEMBER)
        assert client.get("/portal/settings/").status_code == 200

    def test_another_clinic_may_ask_for_less(self, house, nina):
        """What counts is the clinic she is in."""
        with tenancy.system(house.austa):
            staffing.assign(user=house.nina, role=Role.NURSE, facility=house.austa)
        demand(house.austa)
        assert nina.get("/admin/")["Location"] == SET_UP
        session = nina.session
        session["facility"] = "austa"
        session.save()
        assert nina.get("/admin/").status_code == 200


class TestAtTheApi:
    BODY = {"email": "nina@harbor.test", "password": PASSWORD}

    def test_no_token_is_issued_and_she_is_told_why(self, house):
        answer = Program("").post("auth/token/", self.BODY)
        assert answer.status_code == 403
        assert answer["Content-Type"] == "application/problem+json"
        assert "second step" in answer.json()["detail"]
        assert not ApiToken.objects.exists()
        with house.acting("alma"):
            noted = LogEntry.entries.filter(compliance_flags__contains=["login_failed"])
            assert [entry.object_pk for entry in noted] == [str(house.nina.pk)]

    def test_a_wrong_password_learns_nothing_of_it(self, house):
        wrong = Program("").post("auth/token/", self.BODY | {"password": "wrong"})
        nobody = Program("").post("auth/token/", {"email": "no@one.test", "password": "wrong"})
        assert (wrong.status_code, wrong.content) == (401, nobody.content)

    @pytest.mark.parametrize("path", ["patients/", "patients/{}/", "me/", "auth/tokens/", "audit/"])
    def test_a_token_from_before_says_what_to_do(self, house, path):
        answer = Program(house.token("nina")).get(path.format(house.mr_doe.pk))
        assert answer.status_code == 403 and "second step" in answer.json()["detail"]
        assert b"Doe" not in answer.content

    def test_it_writes_nothing_either(self, house):
        program = Program(house.token("nina"))
        sent = {"first_name": "New", "last_name": "Comer", "date_of_birth": "1990-01-31"}
        assert program.post("patients/", sent).status_code == 403
        with tenancy.system(house.harbor):
            assert Patient.objects.count() == 3

    def test_with_the_second_step_it_goes_on(self, house):
        program = Program(house.token("nina"))
        passkey_of(house.nina)  # ends the token: how she signs in has changed
        assert program.get("patients/").status_code == 401
        assert Program(house.token("nina")).get("patients/").status_code == 200


class TestSettingIt:
    """The verb, and who may."""

    def change(self, house, name: str, **what):
        with house.acting(name):
            return facilities.set_access(facility=house.harbor, by=house.people[name], **what)

    def test_an_administrator_with_a_second_step_decides(self, house):
        self.change(house, "alma", second_factor_roles=[Role.NURSE, Role.PATIENT],
                    care_reach="care_team")  # fmt: skip
        read_again(house.harbor)
        assert house.harbor.second_factor_roles == ["nurse", "patient"]
        assert house.harbor.care_reach == "care_team"
        with house.acting("alma"):
            noted = LogEntry.entries.filter(resource="clinic.facility", action=1).last()
            assert set(noted.changes) == {"care_reach", "second_factor_roles"}

    @pytest.mark.parametrize("name", ["sarah", "fred", "aud", "john"])
    def test_nobody_else_does(self, house, name):
        with pytest.raises(Denied):
            self.change(house, name, second_factor_roles=[])
        read_again(house.harbor)
        assert set(house.harbor.second_factor_roles) == set(STAFF_ROLES)

    def test_nor_an_administrator_without_one(self, house):
        demand(house.harbor)
        without_factor(house.alma)
        with pytest.raises(Conflict):
            self.change(house, "alma", care_reach="care_team")
        read_again(house.harbor)
        assert house.harbor.care_reach == "facility"

    def test_nor_for_another_clinic(self, house):
        with house.acting("alma"), pytest.raises(Missing):
            facilities.set_access(facility=house.austa, by=house.alma, second_factor_roles=[])

    @pytest.mark.parametrize("what", [
        {"second_factor_roles": ["king"]}, {"care_reach": "everybody"},
    ])  # fmt: skip
    def test_what_there_is_not_cannot_be_chosen(self, house, what):
        with pytest.raises(Invalid) as refused:
            self.change(house, "alma", **what)
        assert set(refused.value.fields) == set(what)

    def test_the_page(self, house, browse):
        alma, page = browse("alma"), "/admin/clinic/access/"
        assert b"Only patients whom they treat" in alma.get(page).content
        assert page.encode() in alma.get("/admin/clinic/").content
        sent = {"care_reach": "care_team", "second_factor_roles": ["nurse"]}
        assert alma.post(page, sent).status_code == 302
        read_again(house.harbor)
        assert house.harbor.second_factor_roles == ["nurse"]
        assert alma.post(page, {"care_reach": "care_team"}).status_code == 302
        read_again(house.harbor)
        assert house.harbor.second_factor_roles == []
        assert alma.post(page, sent | {"second_factor_roles": ["king"]}).status_code == 400
        assert browse("sarah").get(page).status_code == 403
        assert not PORTAL_ROLES & set(house.harbor.second_factor_roles)
