"""Signing in under attack: the second factor on every surface, codes raced, sessions fixed, people
dismissed while they are inside, forms forged."""

import itertools
import logging
import re
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client

from clinic import accounts, staffing
from clinic.models import LogEntry, RoleAssignment, SpentCode, User
from clinic.security import tenancy
from clinic.security.permissions import Role
from clinic.security.sessions import digest_of
from clinic.tests.authenticator import code_of
from clinic.tests.people import PASSWORD, Cast, make_cast
from clinic.tests.people import TOTP_SECRET as SECRET
from clinic.tests.programs import Program
from config.tests.signing_in import (
    CODE,
    LOGIN,
    at_once,
    fresh_code,
    give_passwords,
    key_of,
    quicken,
    sign_in,
    without_factor,
)  # fmt: skip

DOORS = ("/admin/", "/admin/day/", "/portal/", "/portal/record/")
WEB_ATTEMPTS = 8


@pytest.fixture(autouse=True)
def quick(settings):
    quicken(settings)
    yield
    cache.clear()


def with_passwords(cast: Cast) -> Cast:
    """Sarah, John and Nina have a password; Sarah and John a second factor too. The clinic
    demands none here; one that does is tested in `test_second_step`."""
    give_passwords(cast, "sarah", "john", "nina")
    with tenancy.system(cast.harbor):
        cast.harbor.second_factor_roles = []
        cast.harbor.save()
    without_factor(cast.nina)
    totp.TOTP.activate(cast.john, SECRET)
    return cast


@pytest.fixture
def house(cast):
    return with_passwords(cast)


def signed_in(name: str) -> Client:
    client = Client()
    sign_in(client, name)
    if name != "nina":
        assert client.post(CODE, {"code": fresh_code()}).status_code == 302
    return client


def failures(place) -> list[LogEntry]:
    """The failed sign-ins on the trail of a clinic or, for `None`, on no clinic's."""
    with tenancy.system(place) if place else tenancy.platform():
        rows = LogEntry.entries.filter(compliance_flags__contains=["login_failed"])
        return list(rows.filter(facility=place))


class TestTheSecondFactor:
    @pytest.mark.parametrize("name", ["sarah", "john"])
    def test_a_password_alone_opens_no_page(self, house, name):
        client = Client()
        answer = sign_in(client, name)
        assert answer.status_code == 302 and answer["Location"].startswith(CODE)
        for door in DOORS:
            answer = client.get(door)
            assert answer.status_code == 302 and "login" in answer["Location"], door
        assert client.post(CODE, {"code": "000000"}).status_code == 200
        assert "login" in client.get(DOORS[0])["Location"]
        assert client.post(CODE, {"code": fresh_code()}).status_code == 302
        assert client.get("/admin/" if name == "sarah" else "/portal/").status_code == 200

    def test_nor_does_any_other_way_in(self, house):
        """Neither Django's own sign-in of the admin, nor a reset password, nor a program."""
        client = Client()
        form = {"username": "sarah@harbor.test", "password": PASSWORD}
        assert client.post("/admin/login/", form)["Location"].startswith(LOGIN)
        client.post("/accounts/password/reset/", {"email": "sarah@harbor.test"})
        (letter,) = mail.outbox
        address = re.search(r"https?://[^/]+(/\S+)", letter.body)[1]
        form_page = client.get(address, follow=True)
        new = "another horse battery staple"
        client.post(form_page.request["PATH_INFO"], {"password1": new, "password2": new})
        assert "login" in client.get("/admin/")["Location"]
        assert sign_in(client, "sarah", new)["Location"].startswith(CODE)
        assert "login" in client.get("/admin/")["Location"]
        body = {"email": "sarah@harbor.test", "password": new}
        assert Program("").post("auth/token/", body).status_code == 401

    def test_a_code_is_the_same_however_it_is_written(self, house):
        """Spaces and dashes are ignored when it is checked, so they must not make it new."""
        used = fresh_code()
        assert accounts.spend_code(house.sarah, used)
        for written in (used, f" {used}", f"{used[:3]} {used[3:]}", f"{used[:3]}-{used[3:]}"):
            assert not accounts.spend_code(house.sarah, written)
        assert accounts.spend_code(house.john, used), "another person's code"

    def test_the_same_digits_are_good_again_another_day(self, house):
        assert accounts.spend_code(house.sarah, "123456")
        rows = SpentCode.objects.filter(user=house.sarah)
        rows.update(spent_at="2020-01-01T00:00:00Z")
        assert accounts.spend_code(house.sarah, "123456")

    def test_a_wrong_code_is_on_the_trail_and_braked(self, house):
        client = Client()
        sign_in(client, "sarah")
        for _ in range(12):
            client.post(CODE, {"code": "000000"})
        noted = failures(house.harbor)
        assert len(noted) >= 5 and {entry.object_pk for entry in noted} == {str(house.sarah.pk)}
        client.post(CODE, {"code": fresh_code()})
        assert "login" in client.get("/admin/")["Location"], "braked: a right code comes too late"

    def test_codes_are_not_guessed_by_programs_from_many_addresses(self, house):
        body = {"email": "sarah@harbor.test", "password": PASSWORD}
        program = Program("")

        def attempt(number: int, otp: str):
            return program.client.post(
                "/api/v1/auth/token/", body | {"otp": otp}, content_type="application/json",
                REMOTE_ADDR=f"203.0.113.{number}",
            )  # fmt: skip

        assert {attempt(n, f"{n:06}").status_code for n in range(12)} == {401}
        assert attempt(99, fresh_code()).status_code == 401, "braked: a right code comes too late"


@pytest.mark.django_db(transaction=True)
def test_a_code_sent_eight_times_at_once_lets_in_once(transactional_db):
    """On committed data, from eight threads: at the pages, at the API, and a recovery code."""
    with transaction.atomic():
        cast = with_passwords(make_cast())
        recovery = RecoveryCodes.activate(cast.john).get_unused_codes()[0]
    used = fresh_code()
    body = {"email": "sarah@harbor.test", "password": PASSWORD, "otp": used}
    again = {"email": "john@harbor.test", "password": PASSWORD, "otp": recovery}
    browsers = [Client(REMOTE_ADDR=f"192.0.2.{n}") for n in range(WEB_ATTEMPTS)]
    for number, browser in enumerate(browsers):
        sign_in(browser, "sarah")
        assert number or browser.get(CODE).status_code == 200

    def page(number: int) -> bool:
        browsers[number].post(CODE, {"code": used})
        return browsers[number].get("/admin/").status_code == 200

    def program(sent: dict):
        def attempt(number: int) -> bool:
            answer = Client().post(
                "/api/v1/auth/token/", sent, content_type="application/json",
                REMOTE_ADDR=f"192.0.2.{100 + number}",
            )  # fmt: skip
            assert answer.status_code in {200, 401}, answer.content
            return answer.status_code == 200

        return attempt

    half = WEB_ATTEMPTS // 2
    wins = at_once([*[lambda n=n: page(n) for n in range(half)],
                    *[lambda n=n: program(body)(n) for n in range(half)]])  # fmt: skip
    assert wins.count(True) == 1
    cache.clear()
    wins = at_once([lambda n=n: program(again)(n) for n in range(WEB_ATTEMPTS)])
    assert wins.count(True) == 1


class TestTheDoor:
    def test_nobody_makes_an_account_for_himself(self, house):
        client = Client()
        form = {"email": "new@harbor.test", "password1": PASSWORD, "password2": PASSWORD}
        for answer in (client.get("/accounts/signup/"), client.post("/accounts/signup/", form)):
            assert b'name="password1"' not in answer.content
        assert not User.objects.filter(email="new@harbor.test").exists()

    def test_who_has_an_account_is_not_told(self, house):
        pages = []
        for name, password in (("nina", "wrong"), ("nobody", "wrong"), ("aud", PASSWORD)):
            cache.clear()
            answer = sign_in(Client(), name, password)
            pages.append(re.sub(rb'value="[^"]*"', b"", answer.content))
        assert answer.status_code == 200 and len(set(pages)) == 1
        known = Client().post("/accounts/password/reset/", {"email": "nina@harbor.test"})
        unknown = Client().post("/accounts/password/reset/", {"email": "nobody@harbor.test"})
        assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])

    def test_guessing_is_braked_and_every_guess_is_on_the_trail(self, house):
        client = Client()
        pages = [sign_in(client, "nina", f"guess {n}") for n in range(7)]
        assert len(failures(house.harbor)) == len(pages)
        assert sign_in(client, "nina").status_code == 200, "braked: the right one comes too late"
        assert client.get("/admin/").status_code == 302
        for entry in failures(house.harbor):
            assert "nina" not in str(entry.additional_data) and entry.remote_addr

    def test_behind_our_proxy_each_address_has_its_own_brake(self, house, settings):
        settings.TRUSTED_PROXIES = ["127.0.0.1"]
        for number in range(12):
            client = Client(headers={"X-Forwarded-For": f"203.0.113.{number}"})
            answer = sign_in(client, f"nobody{number}", "wrong")
            assert answer.status_code == 200
        here = Client(headers={"X-Forwarded-For": "203.0.113.200"})
        assert sign_in(here, "nina").status_code == 302

    def test_a_forged_address_does_not_shake_the_brake_off(self, house):
        for number in range(12):
            forged = Client(headers={"X-Forwarded-For": f"203.0.113.{number}"})
            sign_in(forged, f"nobody{number}", "wrong")
        assert (
            sign_in(Client(headers={"X-Forwarded-For": "203.0.113.99"}), "nina").status_code != 302
        )

    def test_a_session_that_was_there_before_is_not_the_one_after(self, house):
        client = Client()
        client.get(LOGIN)
        session = client.session
        session["planted"] = "by an attacker"
        session.save()
        client.cookies["sessionid"] = planted = session.session_key
        sign_in(client, "nina")
        assert client.get("/admin/").status_code == 200
        assert client.cookies["sessionid"].value != planted
        assert not Session.objects.filter(session_key=digest_of(planted)).exists()

    def test_signing_in_and_out_is_on_the_trail_and_out_is_out(self, house):
        client = signed_in("nina")
        key = client.cookies["sessionid"].value
        client.get("/accounts/logout/")
        assert client.get("/admin/").status_code == 200, "only a POST signs out"
        client.post("/accounts/logout/")
        client.cookies["sessionid"] = key
        assert client.get("/admin/").status_code == 302
        with house.acting("alma"):
            acts = LogEntry.entries.filter(actor_id=house.nina.pk, resource="clinic.user")
            flags = {flag for entry in acts for flag in entry.compliance_flags}
        assert {"login", "logout"} <= flags

    def test_cookies_are_out_of_reach_of_scripts_and_of_other_sites(self, house):
        client = signed_in("nina")
        cookie = client.cookies["sessionid"]
        assert cookie["httponly"] and cookie["samesite"] == "Lax"
        assert not cookie["max-age"] or int(cookie["max-age"]) <= 12 * 60 * 60
        token = Client()
        token.get(LOGIN)
        assert token.cookies["csrftoken"]["samesite"] == "Lax"

    @pytest.mark.parametrize("away", ["https://evil.test/", "//evil.test/", "javascript:alert(1)"])
    def test_signing_in_leads_nowhere_else(self, house, away):
        answer = sign_in(Client(), "nina", next=away)
        assert answer.status_code == 302 and "evil" not in answer["Location"]
        assert answer["Location"].startswith("/")

    def test_one_persons_address_is_not_taken_by_another(self, house):
        client = signed_in("nina")
        for action in ({"action_add": "", "email": "sarah@harbor.test"},
                       {"action_primary": "", "email": "sarah@harbor.test"}):  # fmt: skip
            assert client.post("/accounts/email/", action).status_code < 500
        house.nina.refresh_from_db()
        house.sarah.refresh_from_db()
        assert (house.nina.email, house.sarah.email) == ("nina@harbor.test", "sarah@harbor.test")


class TestWhoIsToldOfAFailure:
    """The clinics in which the account has a role, and nobody else."""

    WAYS = {
        "page": lambda email, typed: Client().post(LOGIN, {"login": email, "password": typed}),
        "program": lambda email, typed: Program("").post(
            "auth/token/", {"email": email, "password": typed}
        ),
    }

    @pytest.fixture(params=WAYS)
    def attempt(self, request):
        return self.WAYS[request.param]

    @pytest.fixture
    def of_both(self, house):
        """Nina works at the neighbour clinic too; Rona has an account and no role."""
        with tenancy.system(house.austa):
            staffing.assign(user=house.nina, role=Role.NURSE, facility=house.austa)
        with tenancy.system(house.harbor):
            house.people["rona"] = User.objects.create_user("rona@harbor.test", PASSWORD)
        return house

    def test_whoever_oversees_a_clinic_sees_it_there(self, of_both, attempt):
        answer = attempt("Nina@Harbor.test", "plantedguess")
        assert answer.status_code in {200, 401}
        told = {}
        for name in ("alma", "aud", "rita"):
            seen = Program(of_both.token(name)).get("audit/", flag="login_failed")
            assert seen.status_code == 200 and b"plantedguess" not in seen.content
            (told[name],) = seen.json()["results"]
            assert told[name]["object"] == str(of_both.nina.pk) and told[name]["actor"] is None
            assert told[name]["address"] == "127.0.0.1" and "nina" not in str(told[name]).lower()
        assert told["alma"]["id"] == told["aud"]["id"] != told["rita"]["id"], "an entry in each"
        for name in ("sarah", "fred", "john", "lucia"):
            asked = Program(of_both.token(name)).get("audit/", flag="login_failed")
            assert asked.status_code == 403
        assert not failures(None)

    def test_the_neighbour_is_not_told_of_ours(self, of_both, attempt):
        attempt("sarah@harbor.test", "wrong")
        assert len(failures(of_both.harbor)) == 1
        assert not failures(of_both.austa) and not failures(None)

    @pytest.mark.parametrize("name", ["nobody", "rona"])
    def test_without_account_or_role_no_clinic_is_told(self, of_both, attempt, name):
        """No administrator learns by failing on purpose who has an account elsewhere."""
        attempt(f"{name}@harbor.test", "wrong")
        (entry,) = failures(None)
        assert entry.object_pk == ("" if name == "nobody" else str(of_both.rona.pk))
        assert not failures(of_both.harbor) and not failures(of_both.austa)

    def test_a_clinic_where_the_role_ended_is_not_told(self, of_both, attempt):
        with tenancy.system(of_both.austa):
            RoleAssignment.objects.filter(user=of_both.nina).update(is_active=False)
        attempt("nina@harbor.test", "wrong")
        assert failures(of_both.harbor) and not failures(of_both.austa)

    @pytest.mark.parametrize("braked", [False, True])
    def test_nothing_tells_the_accounts_apart(self, of_both, attempt, monkeypatch, braked):
        """Neither the answer nor what is asked of the database, on which its time depends."""
        asked, seen, apply = [], {}, tenancy.apply
        monkeypatch.setattr(tenancy, "apply", lambda db: (asked.append("context"), apply(db)))

        def ask(execute, sql, params, many, context):
            asked.append(re.sub(r'"s\d+_x\d+"', "", sql))  # how a savepoint is called
            return execute(sql, params, many, context)

        with tenancy.system(of_both.harbor):
            of_both.phil.set_password(PASSWORD)
            of_both.phil.is_active = False
            of_both.phil.save()
        for name in ("nobody", "rona", "sarah", "nina", "omar", "phil"):
            cache.clear()
            password = PASSWORD if name == "phil" else "wrong"  # who is inactive knows hers
            for _ in range(6 * braked):
                attempt(f"{name}@harbor.test", password)
            asked.clear()
            with connection.execute_wrapper(ask):
                answer = attempt(f"{name}@harbor.test", password)
            said = re.sub(rb'value="[^"]*"', b"", answer.content)
            seen[name] = [answer.status_code, said, *asked]
        assert any("clinic_roleassignment" in sql for sql in asked)
        for name, what in seen.items():
            assert what == seen["nobody"], name


class TestWhoIsInside:
    """What changes while somebody is signed in holds from the next request on."""

    @pytest.fixture
    def inside(self, house):
        browser, program = signed_in("nina"), Program(house.token("nina"))
        assert browser.get("/admin/").status_code == 200
        assert program.get("patients/").status_code == 200
        return browser, program

    def test_somebody_deactivated_is_out(self, house, inside):
        with tenancy.system(house.harbor):
            User.objects.filter(pk=house.nina.pk).update(is_active=False)
        browser, program = inside
        assert browser.get("/admin/").status_code == 302
        assert program.get("patients/").status_code == program.get("me/").status_code == 401

    def test_a_new_password_ends_what_began_with_the_old(self, house, inside):
        with tenancy.system(house.harbor):
            house.nina.set_password("another horse battery staple")
            house.nina.save()
        browser, program = inside
        assert browser.get("/admin/").status_code == 302
        assert program.get("me/").status_code == 401

    def test_a_role_taken_away_is_gone(self, house, inside):
        with tenancy.system(house.harbor):
            RoleAssignment.objects.filter(user=house.nina).update(is_active=False)
        browser, program = inside
        assert browser.get("/admin/").status_code in {302, 403}
        assert browser.get("/admin/find/?q=doe", follow=True).status_code == 403
        assert program.get("patients/").status_code == 403

    def test_a_clinic_that_closed_lets_nobody_in(self, house, inside):
        with tenancy.system(house.harbor):
            house.harbor.is_active = False
            house.harbor.save()
        browser, program = inside
        assert browser.get("/admin/find/?q=doe", follow=True).status_code == 403
        assert program.get("patients/").status_code == 403

    def test_a_grant_taken_back_closes_the_record(self, house):
        from patients import access
        from patients.models import AccessGrant

        program = Program(house.token("john"))
        address = f"patients/{house.jimmy.pk}/"
        assert program.get(address).status_code == 200
        with tenancy.system(house.harbor):
            access.revoke(patient=house.jimmy, user=house.john, source=AccessGrant.Source.FAMILY)
        assert program.get(address).status_code == 404

    def test_a_token_that_ran_out_is_refused(self, house):
        token = house.token("nina")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE clinic_apitoken SET expires_at = now() - interval '1 second'")
        assert Program(token).get("me/").status_code == 401


class TestChangingHowOneSignsIn:
    """What somebody was signed in with before ends, and a password alone changes no factor."""

    ACTIVATE, DEACTIVATE = "/accounts/2fa/totp/activate/", "/accounts/2fa/totp/deactivate/"
    RENEW, BY_PASSWORD = "/accounts/2fa/recovery-codes/generate/", "/accounts/reauthenticate/"
    BY_CODE, CODES = "/accounts/2fa/reauthenticate/", "/accounts/2fa/recovery-codes/"

    @pytest.fixture
    def codes(self, house):
        """Sarah's recovery codes: one that shows the time works once in half a minute."""
        return iter(RecoveryCodes.activate(house.sarah).get_unused_codes())

    @pytest.fixture
    def sarah(self, house, codes):
        """Two browsers and a program, in which Sarah is signed in."""
        return [self.with_code(next(codes)), self.with_code(next(codes))], house.token("sarah")

    @staticmethod
    def with_code(used: str) -> Client:
        client = Client()
        sign_in(client, "sarah")
        assert client.post(CODE, {"code": used}).status_code == 302
        assert client.get("/admin/").status_code == 200
        return client

    def activate(self, client: Client) -> str:
        """Set up the authenticator app as a person does; the code that she typed."""
        assert client.get(self.ACTIVATE)["Location"].startswith(self.BY_PASSWORD)
        client.post(f"{self.BY_PASSWORD}?next={self.ACTIVATE}", {"password": PASSWORD})
        fresh_code()
        assert client.get(self.ACTIVATE).status_code == 200
        secret = client.session["mfa.totp.secret"]
        typed = code_of(secret)
        assert client.post(self.ACTIVATE, {"code": typed}).status_code == 302
        return typed

    def prove(self, client: Client, code: str):
        return client.post(self.BY_CODE, {"code": code})

    def flags(self, house, name: str) -> set[str]:
        with house.acting("alma"):
            acts = LogEntry.entries.filter(actor_id=house.people[name].pk, resource="clinic.user")
            return {flag for entry in acts for flag in entry.compliance_flags}

    def test_the_code_that_sets_the_factor_up_is_used(self, house):
        typed = self.activate(signed_in("nina"))
        body = {"email": "nina@harbor.test", "password": PASSWORD, "otp": typed}
        assert Program("").post("auth/token/", body).status_code == 401
        client = Client()
        sign_in(client, "nina")
        assert client.post(CODE, {"code": typed}).status_code == 200
        assert "login" in client.get("/admin/")["Location"]

    def test_one_that_was_used_sets_nothing_up(self, house):
        client = signed_in("nina")
        used = fresh_code()
        accounts.spend_code(house.nina, used)
        client.post(f"{self.BY_PASSWORD}?next={self.ACTIVATE}", {"password": PASSWORD})
        session = client.session
        session["mfa.totp.secret"] = SECRET
        session.save()
        assert client.post(self.ACTIVATE, {"code": used}).status_code == 200
        assert not staffing.has_second_factor(house.nina)

    def test_what_began_without_the_factor_ends_when_it_comes(self, house):
        thief, program = signed_in("nina"), Program(house.token("nina"))
        owner, neighbour = signed_in("nina"), Program(house.token("aud"))
        stolen = key_of(owner)
        self.activate(owner)
        assert thief.get("/admin/").status_code == 302
        assert program.get("patients/").status_code == program.get("me/").status_code == 401
        assert owner.get("/admin/").status_code == neighbour.get("me/").status_code == 200
        copy = Client()
        copy.cookies["sessionid"] = stolen
        assert copy.get("/admin/").status_code == 302, "the present session has a new key"
        assert not Session.objects.filter(session_key=digest_of(stolen)).exists()
        assert UserSession.objects.get(user=house.nina).session_key == digest_of(key_of(owner))
        assert {"totp_added", "recovery_codes_added"} <= self.flags(house, "nina")
        with house.acting("alma"):
            ended = LogEntry.entries.filter(resource="clinic.apitoken", action=1)
            assert [entry.actor_id for entry in ended] == [house.nina.pk]

    @pytest.mark.parametrize("address", [DEACTIVATE, RENEW, CODES])
    def test_a_password_alone_changes_no_factor(self, house, sarah, address):
        (client, _other), _token = sarah
        before = list(Authenticator.objects.order_by("pk").values_list("pk", "data"))
        methods = (client.get,) if address == self.CODES else (client.get, client.post)
        for method in methods:
            assert method(address)["Location"].startswith(self.BY_CODE)
        answer = client.post(f"{self.BY_PASSWORD}?next={address}", {"password": PASSWORD})
        assert answer["Location"].startswith(self.BY_CODE)
        for method in methods:
            assert method(address)["Location"].startswith(self.BY_CODE)
        assert self.prove(client, "000000").status_code == 200
        assert self.prove(client, PASSWORD).status_code == 200
        assert client.get(address)["Location"].startswith(self.BY_CODE)
        assert list(Authenticator.objects.order_by("pk").values_list("pk", "data")) == before
        assert self.BY_PASSWORD.encode() not in client.get(self.BY_CODE).content

    @pytest.mark.parametrize(
        ("address", "flags"),
        [(DEACTIVATE, {"totp_removed", "recovery_codes_removed"}),
         (RENEW, {"recovery_codes_removed", "recovery_codes_added"})],
    )  # fmt: skip
    def test_with_a_code_it_changes_and_everything_else_ends(
        self, house, sarah, codes, address, flags
    ):
        (client, other), token = sarah
        assert self.prove(client, next(codes)).status_code == 302
        assert other.get("/admin/").status_code == Program(token).get("me/").status_code == 200
        assert client.post(address).status_code == 302
        assert client.get("/admin/").status_code == 200
        assert other.get("/admin/").status_code == 302
        assert Program(token).get("me/").status_code == 401
        assert flags <= self.flags(house, "sarah")
        assert staffing.has_second_factor(house.sarah) == (address == self.RENEW)

    def test_a_password_changed_at_the_page_ends_the_others(self, house, sarah):
        (client, other), token = sarah
        new = "another horse battery staple"
        form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
        assert client.post("/accounts/password/change/", form).status_code == 302
        assert client.get("/admin/").status_code == 200
        assert other.get("/admin/").status_code == 302
        assert Program(token).get("me/").status_code == 401

    def test_outside_a_request_nobody_goes_on(self, house, sarah):
        (client, other), token = sarah
        Authenticator.objects.get(user=house.sarah, type="totp").delete()
        assert client.get("/admin/").status_code == other.get("/admin/").status_code == 302
        assert Program(token).get("me/").status_code == 401


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("door", ["page", "program"])
def test_nobody_slips_in_while_a_factor_is_being_set_up(transactional_db, door):
    """Whoever signs in beside it waits, and then needs the code."""
    with transaction.atomic():
        with_passwords(make_cast())
    nina, client = User.objects.get(email="nina@harbor.test"), Client()
    body = {"email": "nina@harbor.test", "password": PASSWORD}

    def enter() -> bool:
        try:
            if door == "program":
                return Program("").post("auth/token/", body).status_code == 200
            sign_in(client, "nina")
            return client.get("/admin/").status_code == 200
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            totp.TOTP.activate(nina, SECRET)
            attempt = pool.submit(enter)
            with pytest.raises(TimeoutError):
                attempt.result(timeout=1)
        assert attempt.result(timeout=30) is False


class TestTheTimeItTakes:
    """How long a refusal takes tells nobody who has an account."""

    TRIES = 500  # in all
    WHO = ("nobody", "nina", "inactive", "no password")

    @pytest.fixture(autouse=True)
    def silent(self, caplog):
        caplog.set_level(logging.ERROR)

    @pytest.fixture
    def others(self, house, settings):
        """Passwords as the product keeps them, made cheaper; everybody's with the same work."""
        settings.PASSWORD_HASHERS = ["config.tests.signing_in.CheapArgon2"]
        with tenancy.system(house.harbor):
            for name in ("nina", "phil", "omar"):
                house.people[name].set_password(PASSWORD if name != "omar" else None)
                house.people[name].is_active = name != "phil"
                house.people[name].save()
        return {
            "nobody": ("nobody", "wrong"), "nina": ("nina", "wrong"),
            "inactive": ("phil", PASSWORD), "no password": ("omar", "wrong"),
        }  # fmt: skip

    def page(self, name: str, password: str):
        return sign_in(Client(), name, password)

    def program(self, name: str, password: str):
        body = {"email": f"{name}@harbor.test", "password": password}
        return Program("").post("auth/token/", body)

    @pytest.mark.parametrize("door", [page, program], ids=["page", "program"])
    def test_it_is_the_same_for_all_and_so_is_what_is_said(self, others, door):
        """A machine that is busy with something else is given three rounds to show it."""
        for _round in range(3):
            medians = self.medians(others, door)
            if max(medians.values()) <= 1.10 * min(medians.values()):
                return
        pytest.fail(f"The time tells them apart: {medians}")

    def medians(self, others, door) -> dict[str, float]:
        took: dict[str, list[float]] = {who: [] for who in self.WHO}
        said = set()
        for number in range(self.TRIES // len(self.WHO)):
            for who in self.WHO if number % 2 else reversed(self.WHO):
                cache.clear()
                begun = time.perf_counter()
                answer = door(self, *others[who])
                took[who].append(time.perf_counter() - begun)
                body = re.sub(rb'value="[^"]*"|[A-Za-z0-9]{32,}', b"", answer.content)
                said.add((answer.status_code, body))
        assert len(said) == 1
        return {who: statistics.median(times) for who, times in took.items()}

    def test_the_brake_is_by_account_and_by_address(self, house):
        from_anywhere = itertools.count(1)

        def attempt(name: str, password: str, address: str):
            return Program("").client.post(
                "/api/v1/auth/token/", {"email": f"{name}@harbor.test", "password": password},
                content_type="application/json", REMOTE_ADDR=address,
            ).status_code  # fmt: skip

        for _ in range(6):
            assert attempt("nina", "wrong", f"192.0.2.{next(from_anywhere)}") == 401
        assert attempt("nina", PASSWORD, "198.51.100.1") == 401, "the account is braked everywhere"
        cache.clear()
        for number in range(11):
            attempt(f"nobody{number}", "wrong", "198.51.100.2")
        assert attempt("nina", PASSWORD, "198.51.100.2") in {401, 429}, "the address is braked"
        assert attempt("nina", PASSWORD, "198.51.100.3") == 200, "and no other"
