"""Taking up an invitation: with a new account, with one's own, with another's; once, and never by
who was not invited."""

import re
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from urllib.parse import quote

import pytest
from allauth.account.models import EmailAddress
from django.core import signing
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from clinic import invitations, joining, staffing
from clinic.errors import Conflict, Invalid, Missing
from clinic.middleware import FACILITY_IN_SESSION
from clinic.models import Invitation, LogEntry, RoleAssignment, User
from clinic.security import tenancy
from clinic.security.permissions import Role
from clinic.tests.browsing import SIGN_IN
from clinic.tests.people import add_second_step, make_cast

PASSWORD = "a lake of many words"
GIL = {"first_name": "Gil", "last_name": "Sá"}


@pytest.fixture(autouse=True)
def plain(settings):
    files = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": files}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def invited(cast, email="gil@example.org", role=Role.NURSE, **more) -> Invitation:
    with cast.acting("alma"):
        return invitations.invite(email=email, role=role, by=cast.alma, **(GIL | more))


def page(invitation: Invitation) -> str:
    return f"/accounts/invitation/{joining.key_of(invitation)}/"


def roles(user, facility) -> set[str]:
    with tenancy.system(facility):
        held = RoleAssignment.objects.filter(user=user, facility=facility, is_active=True)
        return set(held.values_list("role", flat=True))


def state(cast) -> tuple:
    """What an acceptance would change."""
    with tenancy.system(cast.harbor):
        return (
            User.objects.count(),
            sorted(RoleAssignment.objects.values_list("user_id", "role", "is_active")),
            sorted(Invitation.objects.values_list("pk", "accepted_at", "withdrawn_at")),
        )


class TestAnew:
    def test_a_new_person_chooses_a_password_and_is_in(self, cast):
        browser, where = Client(), page(invited(cast, department="Ward 2"))
        shown = browser.get(where).content.decode()
        assert "Harbor Family Clinic invites you" in shown and "Alma Test" in shown
        assert "Nurse, Ward 2" in shown and 'value="Gil"' in shown
        answer = browser.post(where, GIL | {"password": PASSWORD})
        assert (answer.status_code, answer["Location"]) == (302, "/admin/")
        gil = User.objects.get(email="gil@example.org")
        assert gil.check_password(PASSWORD) and gil.get_full_name() == "Gil Sá"
        assert roles(gil, cast.harbor) == {"nurse"}
        assert EmailAddress.objects.get(user=gil).verified
        assert browser.session[FACILITY_IN_SESSION] == "harbor"
        assert str(gil.pk) == browser.session["_auth_user_id"]

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"password": "short"}, "password"), ({"password": "gil@example.org"}, "password"),
            ({"password": "password1234"}, "password"), ({"first_name": " "}, "first_name"),
            ({"last_name": ""}, "last_name"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_is_named_and_nothing_happens(self, cast, wrong, field):
        where, before = page(invited(cast)), state(cast)
        answer = Client().post(where, GIL | {"password": PASSWORD} | wrong)
        assert answer.status_code == 400 and set(answer.context["form"].errors) == {field}
        assert state(cast) == before

    def test_a_field_that_nobody_asked_for_changes_nothing(self, cast):
        where = page(invited(cast))
        said = GIL | {"password": PASSWORD, "role": "administrator", "email": "eve@example.org"}
        Client().post(where, said)
        gil = User.objects.get(email="gil@example.org")
        assert roles(gil, cast.harbor) == {"nurse"}
        assert not User.objects.filter(email="eve@example.org").exists()

    def test_an_account_that_is_there_is_not_taken_over(self, cast):
        invitation, before = invited(cast, email=cast.lucia.email), cast.lucia.password
        answer = Client().post(page(invitation), GIL | {"password": PASSWORD})
        assert answer.status_code == 400 and "Sign in to accept" in answer.content.decode()
        with pytest.raises(Conflict):
            joining.accept_anew(key=joining.key_of(invitation), **GIL, password=PASSWORD)
        assert User.objects.get(pk=cast.lucia.pk).password == before
        assert roles(cast.lucia, cast.harbor) == set()


class TestWithOnesAccount:
    def test_she_signs_in_comes_back_and_accepts_with_one_button(self, cast):
        browser, where = Client(), page(invited(cast, email="Lucia@Austa.test"))
        shown = browser.get(where).content.decode()
        assert f"/accounts/login/?next={quote(where)}" in shown and "password" not in shown
        browser.force_login(cast.lucia, backend=SIGN_IN)
        assert set(browser.get(where).context["form"].fields) == set()
        assert browser.post(where)["Location"] == "/admin/"
        assert roles(cast.lucia, cast.harbor) == {"nurse"}
        assert browser.session[FACILITY_IN_SESSION] == "harbor"
        assert "Harbor Family Clinic" in browser.get("/admin/").content.decode()
        assert EmailAddress.objects.get(user=cast.lucia).verified

    def test_her_main_role_stays_what_it_was(self, cast):
        joining.accept(key=joining.key_of(invited(cast, email=cast.lucia.email)), by=cast.lucia)
        with cast.acting("lucia") as actor:
            assert actor.facility_id == cast.austa.pk

    def test_with_another_address_she_says_so_and_the_trail_does(self, cast):
        browser, invitation = Client(), invited(cast)
        browser.force_login(cast.lucia, backend=SIGN_IN)
        shown = browser.get(page(invitation)).content.decode()
        assert "You are signed in as lucia@austa.test" in shown
        before = state(cast)
        refused = browser.post(page(invitation))
        assert refused.status_code == 400 and state(cast) == before
        assert "Tick the box" in refused.content.decode()
        assert browser.post(page(invitation), {"with_another_address": "on"}).status_code == 302
        assert roles(cast.lucia, cast.harbor) == {"nurse"}
        with tenancy.system(cast.harbor):
            flagged = LogEntry.entries.filter(compliance_flags__contains=["another_address"])
            about = set(flagged.values_list("resource", "actor_id"))
        assert about == {
            ("clinic.invitation", cast.lucia.pk), ("clinic.roleassignment", cast.lucia.pk),
        }  # fmt: skip
        assert not EmailAddress.objects.filter(email="gil@example.org").exists()

    def test_signing_out_leads_back_to_the_invitation(self, cast):
        browser, where = Client(), page(invited(cast))
        browser.force_login(cast.lucia, backend=SIGN_IN)
        assert browser.post("/accounts/logout/", {"next": where})["Location"] == where


def made(facility_id, pk, salt=joining.SALT) -> str:
    """A key with a signature of ours, for whatever it names."""
    named = urlsafe_b64encode(facility_id.bytes + pk.bytes).rstrip(b"=").decode()
    return signing.TimestampSigner(salt=salt).sign(named)


class TestEnded:
    """One page for all that has ended or never was, and nothing changes."""

    def keys(self, cast) -> dict[str, str]:
        used, withdrawn, late, closed = (
            invited(cast, email=f"{n}@example.org") for n in ("used", "gone", "late", "closed")
        )
        joining.accept_anew(key=joining.key_of(used), **GIL, password=PASSWORD)
        with cast.acting("alma"):
            invitations.take_back(invitation=withdrawn, by=cast.alma)
        with tenancy.system(cast.harbor):
            Invitation.objects.filter(pk=late.pk).update(expires_at=timezone.now())
        good = joining.key_of(closed)
        return {
            "used": joining.key_of(used),
            "withdrawn": joining.key_of(withdrawn),
            "late": joining.key_of(late),
            "of another clinic": made(cast.austa.pk, closed.pk),
            "of nobody": made(cast.harbor.pk, cast.harbor.pk),
            "of another purpose": made(cast.harbor.pk, closed.pk, salt="another"),
            "cut": good[:-1],
            "turned": good[::-1],
            "made up": "x",
            "long": "x" * 2000,
        }

    def test_all_read_the_same_and_open_nothing(self, cast):
        keys, answers = self.keys(cast), set()
        before = state(cast)
        for browser in (Client(), self.signed_in(cast)):
            for key in keys.values():
                where = f"/accounts/invitation/{key}/"
                for answer in (browser.get(where), browser.post(where, {"password": PASSWORD})):
                    assert answer.status_code == 404
                    assert "no-store" in answer["Cache-Control"]
                    text = re.sub(r'name="csrf\w*" value="\w+"', "", answer.content.decode())
                    answers.add(text.replace(where, ""))
        assert len(answers) <= 2, "signed in or not, and nothing else tells them apart"
        assert all("This invitation has ended" in text for text in answers)
        assert state(cast) == before

    def signed_in(self, cast) -> Client:
        browser = Client()
        browser.force_login(cast.lucia, backend=SIGN_IN)
        return browser

    @pytest.mark.parametrize("verb", [joining.accept, joining.find])
    def test_so_say_the_verbs(self, cast, verb):
        for key in self.keys(cast).values():
            with pytest.raises(Missing):
                verb(key=key, **({"by": cast.lucia} if verb is joining.accept else {}))

    def test_a_key_lasts_no_longer_than_an_invitation(self, cast, monkeypatch):
        invitation = invited(cast)
        key = joining.key_of(invitation)
        with tenancy.system(cast.harbor):
            later = timezone.now() + timedelta(days=30)
            Invitation.objects.filter(pk=invitation.pk).update(expires_at=later)
        week = joining.LIFE.total_seconds()
        now = signing.time.time()
        monkeypatch.setattr(signing.time, "time", lambda: now + week + 1)
        with pytest.raises(Missing):
            joining.find(key)

    def test_that_of_a_closed_clinic_has_ended(self, cast):
        key = joining.key_of(invited(cast))
        with tenancy.system(cast.harbor):
            cast.harbor.is_active = False
            cast.harbor.save()
        with pytest.raises(Missing):
            joining.accept_anew(key=key, **GIL, password=PASSWORD)
        assert not User.objects.filter(email="gil@example.org").exists()


class TestInviting:
    def test_only_who_manages_the_staff_invites(self, cast):
        for name in ("sarah", "fred", "aud"):
            with cast.acting(name), pytest.raises(Exception, match="Invite people"):
                invitations.invite(
                    email="e@x.org", role=Role.NURSE, **GIL, by=cast.people[name]
                )  # fmt: skip
        with tenancy.system(cast.harbor):
            assert not Invitation.objects.exists()

    def test_not_without_a_second_step(self, cast):
        with cast.acting("alma"):
            cast.alma.authenticator_set.all().delete()
            with pytest.raises(Conflict):
                invitations.invite(email="e@x.org", role=Role.NURSE, **GIL, by=cast.alma)
            assert not Invitation.objects.exists()

    def test_a_letter_again_begins_its_time_anew_but_not_at_once(self, cast):
        invitation = invited(cast)
        with cast.acting("alma"):
            with pytest.raises(Conflict):
                invitations.send_again(invitation=invitation, by=cast.alma)
            Invitation.objects.filter(pk=invitation.pk).update(
                expires_at=timezone.now() - timedelta(days=1), sent_at=timezone.now()
            )
            again = invitations.send_again(invitation=invitation, by=cast.alma)
            assert again.is_open and again.sent_at is None
        assert joining.find(joining.key_of(again)).pk == invitation.pk

    def test_nobody_sends_or_withdraws_that_of_another_clinic(self, cast):
        invitation = invited(cast)
        with cast.acting("rita"):
            for verb in (invitations.send_again, invitations.take_back):
                with pytest.raises(Missing):
                    verb(invitation=invitation, by=cast.rita)
        assert joining.find(joining.key_of(invitation)).is_open

    def test_a_patient_floods_nobody(self, cast):
        with cast.acting("john", portal=True):
            for number in range(invitations.MOST_A_DAY):
                invitations.write(
                    email=f"a{number}@example.org", role=Role.FAMILY_MEMBER, by=cast.john
                )
            with pytest.raises(Conflict):
                invitations.write(email="one@more.org", role=Role.FAMILY_MEMBER, by=cast.john)

    @pytest.mark.parametrize("email", ["", "gil", "a@b", "a b@c.org", "a@b.org\nBcc: x@y.org"])
    def test_an_address_that_is_none(self, cast, email):
        with pytest.raises(Invalid):
            invited(cast, email=email)


def at_once(count: int, act) -> list:
    """What `count` threads got, that begin together; exceptions among it."""
    barrier = Barrier(count)

    def one(number: int):
        try:
            barrier.wait()
            return act(number)
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_of_eight_accounts_one_takes_it_up(self):
        with transaction.atomic():
            cast = make_cast()
            key = joining.key_of(invited(cast, email="shared@example.org"))
            users = [User.objects.create_user(f"u{n}@example.org") for n in range(8)]
        answers = at_once(
            8, lambda n: joining.accept(key=key, by=users[n], with_another_address=True)
        )
        assert sum(isinstance(answer, Invitation) for answer in answers) == 1
        assert sum(isinstance(answer, Missing) for answer in answers) == 7
        with tenancy.system(cast.harbor), transaction.atomic():
            assert RoleAssignment.objects.filter(user__in=users).count() == 1

    def test_of_eight_new_accounts_one_is_made(self):
        with transaction.atomic():
            key = joining.key_of(invited(make_cast()))
        answers = at_once(8, lambda n: joining.accept_anew(key=key, **GIL, password=PASSWORD))
        assert sum(isinstance(answer, User) for answer in answers) == 1
        assert all(isinstance(answer, User | Missing | Conflict) for answer in answers)
        assert User.objects.filter(email="gil@example.org").count() == 1


def test_a_factor_of_the_invited_counts_from_the_first_request(cast):
    """With an account that has its second step she is in at once."""
    user = User.objects.create_user("gil@example.org", PASSWORD, **GIL)
    add_second_step(user)
    joining.accept(key=joining.key_of(invited(cast)), by=user)
    cast.people["gil"] = user
    with cast.acting("gil") as actor:
        assert actor.roles == {"nurse"} and not actor.lacks_factor
        assert staffing.is_staff(user)
