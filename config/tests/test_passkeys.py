"""Passkeys under attack: added, used alone and as a second step, replayed, raced, taken away."""

import json

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.db import transaction
from django.test import Client

from clinic.models import LogEntry, User
from clinic.security import tenancy
from clinic.tests.passkeys import Passkey
from clinic.tests.people import PASSWORD, make_cast
from clinic.tests.programs import Program
from config.tests.signing_in import (
    ADD,
    CODE,
    LOGIN,
    at_once,
    give_passwords,
    handle_of,
    key_of,
    passkey_of,
    quicken,
    sign_in,
    without_factor,
)  # fmt: skip

ALONE = "/accounts/2fa/webauthn/login/"
PROVE = "/accounts/2fa/webauthn/reauthenticate/"
KEYS = "/accounts/2fa/webauthn/keys/"
HTTPS = {"wsgi.url_scheme": "https"}
ATTEMPTS = 8


@pytest.fixture(autouse=True)
def quick(settings):
    quicken(settings)
    yield
    cache.clear()


@pytest.fixture
def house(cast):
    return give_passwords(cast, "sarah", "nina", "john")


def options_of(client: Client, page: str) -> dict:
    """The options that stand in a page."""
    found = client.get(page).context["js_data"]
    return json.loads(json.dumps(found, default=dict))["request_options"]


def options_alone(client: Client) -> dict:
    answer = client.get(ALONE, headers={"Accept": "application/json"})
    return answer.json()["request_options"]


def alone(client: Client, key: Passkey):
    return client.post(ALONE, {"credential": key.get(options_alone(client))})


def is_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


class TestAlone:
    def test_a_passkey_signs_in_without_a_password(self, house):
        client, key = Client(), passkey_of(house.nina)
        before = key_of(client) if "sessionid" in client.cookies else None
        assert alone(client, key).status_code == 302
        assert is_in(client) and key_of(client) != before

    def test_one_that_asks_for_nothing_does_not(self, house):
        """Whoever finds it on a table is not its holder."""
        client, key = Client(), passkey_of(house.nina)
        key.verifies = False
        alone(client, key)
        assert not is_in(client)

    @pytest.mark.parametrize("origin", ["https://evil.test", "http://testserver"])
    def test_what_another_site_got_from_it_is_worth_nothing(self, house, origin):
        client, key = Client(), passkey_of(house.nina)
        key.origin = origin
        alone(client, key)
        assert not is_in(client)

    def test_nobody_signs_in_with_a_name_that_is_not_the_keys(self, house):
        client, key = Client(), passkey_of(house.nina)
        key.holder = handle_of(house.sarah)
        alone(client, key)
        assert not is_in(client)

    def test_nor_with_one_that_was_removed_or_for_somebody_inactive(self, house):
        key, gone = passkey_of(house.nina), passkey_of(house.sarah)
        Authenticator.objects.filter(user=house.sarah, type="webauthn").delete()
        with tenancy.system(house.harbor):
            User.objects.filter(pk=house.nina.pk).update(is_active=False)
        for one in (key, gone):
            client = Client()
            alone(client, one)
            assert not is_in(client)

    @pytest.mark.parametrize(
        "sent",
        [
            "",
            "[]",
            "{}",
            '"x"',
            "null",
            "1",
            '{"response": []}',
            '{"id": "x", "rawId": "x", "type": "public-key", "response": {"userHandle": "AAAA"}}',
        ],
    )
    def test_what_is_no_answer_is_refused(self, house, sent):
        client = Client(raise_request_exception=False)
        options_alone(client)
        assert client.post(ALONE, {"credential": sent}).status_code in {200, 302}
        assert not is_in(client)

    def test_a_failure_is_on_the_trail(self, house):
        client, key = Client(), passkey_of(house.nina)
        client.post(ALONE, {"credential": key.get({"publicKey": {"challenge": "own"}})})
        assert not is_in(client)
        with tenancy.platform():
            noted = LogEntry.entries.filter(compliance_flags__contains=["login_failed"])
            assert [entry.additional_data for entry in noted] == [{"factor": "passkey"}]

    def test_an_answer_works_once(self, house):
        client, key = Client(), passkey_of(house.nina)
        answer = key.get(options_alone(client))
        held = dict(client.session)
        other = Client()
        session = other.session
        session.update(held)
        session.save()
        client.post(ALONE, {"credential": answer})
        assert is_in(client)
        other.post(ALONE, {"credential": answer})
        assert not is_in(other), "the challenge is spent, though another session still knows it"


class TestAsSecondStep:
    def test_it_stands_for_the_code(self, house):
        client, key = Client(), passkey_of(house.sarah)
        assert sign_in(client, "sarah")["Location"].startswith(CODE)
        assert not is_in(client)
        assert (
            client.post(CODE, {"credential": key.get(options_of(client, CODE))}).status_code == 302
        )
        assert is_in(client)

    def test_anothers_does_not(self, house):
        client, key = Client(), passkey_of(house.nina)
        passkey_of(house.sarah)
        sign_in(client, "sarah")
        client.post(CODE, {"credential": key.get(options_of(client, CODE))})
        assert not is_in(client)

    def test_a_program_needs_a_code(self, house):
        without_factor(house.sarah)
        passkey_of(house.sarah)
        body = {"email": "sarah@harbor.test", "password": PASSWORD}
        assert Program("").post("auth/token/", body).status_code == 401


class TestTheKeysOfAPerson:
    """Adding, renaming and removing."""

    @pytest.fixture
    def nina(self, house):
        """Nina, signed in by her passkey alone, which is all that she has."""
        without_factor(house.nina)
        client, key = Client(), passkey_of(house.nina)
        alone(client, key)
        return client, key

    def prove(self, client: Client, key: Passkey):
        return client.post(PROVE, {"credential": key.get(options_of(client, PROVE))})

    def test_with_a_passkey_only_she_proves_who_she_is_by_it(self, house, nina):
        client, key = nina
        assert client.get(ADD)["Location"].startswith(PROVE)
        assert client.post("/accounts/reauthenticate/", {"password": PASSWORD}).status_code == 302
        assert client.get(ADD)["Location"].startswith(PROVE), "a password alone proves nothing"
        self.prove(client, key)
        assert client.get(ADD).status_code == 200

    @pytest.mark.parametrize("credential", ["", "{}", "planted"])
    def test_what_fails_is_tried_again_and_leads_to_where_it_began(self, house, nina, credential):
        client, key = nina
        answer = client.post(PROVE, {"credential": credential, "next": "/admin/find/"})
        assert answer["Location"] == f"{PROVE}?next=%2Fadmin%2Ffind%2F"
        options = options_of(client, answer["Location"])
        sent = {"credential": key.get(options), "next": "/admin/find/"}
        assert client.post(PROVE, sent)["Location"] == "/admin/find/"

    def test_where_it_leads_is_in_the_house(self, house, nina):
        client, _key = nina
        answer = client.post(PROVE, {"credential": "{}", "next": "https://planted.example.com/"})
        assert "planted" not in client.get(answer["Location"]).content.decode()

    def test_a_new_one_ends_what_was_signed_in_elsewhere(self, house, nina):
        client, key = nina
        other, token = Client(), house.token("nina")
        alone(other, key)
        self.prove(client, key)
        new = Passkey()
        options = json.loads(json.dumps(client.get(ADD).context["js_data"], default=dict))
        sent = {"name": "My desk", "credential": new.create(options["creation_options"])}
        assert client.post(ADD, sent).status_code == 302
        assert is_in(client) and not is_in(other)
        assert Program(token).get("me/").status_code == 401
        fresh = Client()
        alone(fresh, new)
        assert is_in(fresh)
        held = Authenticator.objects.filter(user=house.nina, type="webauthn")
        assert {one.wrap().name for one in held} == {"A phone", "My desk"}

    def test_one_that_cannot_sign_in_alone_is_not_taken(self, house, nina):
        client, key = nina
        self.prove(client, key)
        before = Authenticator.objects.count()
        options = json.loads(json.dumps(client.get(ADD).context["js_data"], default=dict))
        sent = {
            "name": "x",
            "credential": Passkey(verifies=False).create(options["creation_options"]),
        }
        assert client.post(ADD, sent).status_code == 200
        assert Authenticator.objects.count() == before

    def test_without_proof_nothing_changes(self, house, nina):
        client, _key = nina
        pk = Authenticator.objects.get(user=house.nina, type="webauthn").pk
        for address, body in ((f"{KEYS}{pk}/remove/", {}), (f"{KEYS}{pk}/edit/", {"name": "x"}),
                              (ADD, {"credential": "{}"})):  # fmt: skip
            assert client.post(address, body)["Location"].startswith(PROVE)
        assert Authenticator.objects.get(pk=pk).wrap().name == "A phone"

    def test_anothers_key_is_not_there(self, house, nina):
        client, key = nina
        passkey_of(house.sarah)
        pk = Authenticator.objects.get(user=house.sarah, type="webauthn").pk
        self.prove(client, key)
        for address, body in ((f"{KEYS}{pk}/remove/", {}), (f"{KEYS}{pk}/edit/", {"name": "mine"})):
            assert client.post(address, body).status_code == 404
        assert Authenticator.objects.get(pk=pk).wrap().name == "A phone"

    def test_removed_it_opens_nothing(self, house, nina):
        client, key = nina
        pk = Authenticator.objects.get(user=house.nina, type="webauthn").pk
        self.prove(client, key)
        assert client.post(f"{KEYS}{pk}/edit/", {"name": "Old phone"}).status_code == 302
        assert b"Old phone" in client.get("/accounts/2fa/webauthn/").content
        assert client.post(f"{KEYS}{pk}/remove/").status_code == 302
        assert client.get("/admin/")["Location"] == "/accounts/2fa/", "the clinic demands another"
        stranger = Client()
        alone(stranger, key)
        assert not is_in(stranger)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("door", [ALONE, CODE])
def test_an_answer_sent_eight_times_at_once_lets_in_once(transactional_db, door):
    """From eight browsers that all hold the session in which the challenge was asked for."""
    with transaction.atomic():
        cast = give_passwords(make_cast(), "sarah")
        key = passkey_of(cast.sarah)
    first = Client()
    if door == CODE:
        sign_in(first, "sarah")
    options = options_alone(first) if door == ALONE else options_of(first, CODE)
    answer, held = key.get(options), dict(first.session)
    browsers = [Client(REMOTE_ADDR=f"192.0.2.{n + 1}") for n in range(ATTEMPTS)]
    for browser in browsers:
        session = browser.session
        session.update(held)
        session.save()

    def attempt(browser: Client) -> bool:
        browser.post(door, {"credential": answer})
        return is_in(browser)

    wins = at_once([lambda b=browser: attempt(b) for browser in browsers])
    assert wins.count(True) == 1


def test_the_door_offers_it_to_everybody_alike(house):
    """Whether an account has a passkey is not told before the password is right."""
    passkey_of(house.nina)
    assert b"data-passkey" in Client().get(LOGIN).content
    assert options_alone(Client())["publicKey"].get("allowCredentials") in (None, [])
