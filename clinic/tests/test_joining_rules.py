"""What taking up an invitation gives, to whom, and what the trail tells of it."""

from dataclasses import replace

import pytest
from allauth.account.models import EmailAddress
from django.core import signing
from django.utils import translation

from clinic import invitations, joining
from clinic.errors import Conflict, Invalid, Missing
from clinic.models import Invitation, LogEntry, RoleAssignment, User
from clinic.security import tenancy
from clinic.security.permissions import Role
from clinic.security.tenancy import Origin

PASSWORD = "a lake of many words"
GIL = {"first_name": "Gil", "last_name": "Sá"}


@pytest.fixture(autouse=True)
def quick(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.PUBLIC_URL = "https://chartroom.example.org"


def invited(cast, email="Gil@example.org", role=Role.NURSE, **more) -> Invitation:
    with cast.acting("alma"):
        return invitations.invite(email=email, role=role, by=cast.alma, **(GIL | more))


def anew(invitation: Invitation, **said) -> User:
    given = GIL | {"password": PASSWORD} | said
    return joining.accept_anew(key=joining.key_of(invitation), **given)


def roles(cast, user, clinic="harbor") -> list[tuple]:
    with tenancy.system(getattr(cast, clinic)):
        rows = RoleAssignment.objects.filter(user=user, facility=getattr(cast, clinic))
        return sorted(rows.values_list("role", "department", "is_primary", "is_active"))


def stored(invitation: Invitation) -> Invitation:
    with tenancy.system(invitation.facility_id):
        return Invitation.objects.get(pk=invitation.pk)


def noted(cast, resource: str) -> list[LogEntry]:
    with tenancy.system(cast.harbor):
        return list(LogEntry.entries.filter(resource=resource).order_by("pk"))


heard: list[tuple] = []


def hear(invitation: Invitation, user: User) -> None:
    """One who waits for the person; see `settings.INVITATION_ACCEPTED`."""
    heard.append((invitation.pk, user.pk, tenancy.current().facility_id))


class TestTheKey:
    def test_names_one_invitation_and_leads_to_its_page(self, cast):
        one, other = invited(cast), invited(cast)
        found = joining.find(joining.key_of(one))
        assert found == one != other and joining.find(joining.key_of(other)) == other
        where = f"/accounts/invitation/{joining.key_of(one)}/"
        assert joining.link_of(one) == f"https://chartroom.example.org{where}"
        assert "=" not in joining.key_of(one)

    def test_what_it_opens_is_read_where_nobody_acts(self, cast, django_assert_num_queries):
        """The page shows who invites to which clinic, before anybody has signed in."""
        found = joining.find(joining.key_of(invited(cast)))
        with tenancy.acting(tenancy.NOBODY), django_assert_num_queries(0):
            assert (found.email, found.full_name) == ("gil@example.org", "Gil Sá")
            assert found.facility.name == "Harbor Family Clinic"
            assert found.invited_by.get_full_name() == "Alma Test"

    def test_of_a_closed_clinic_has_ended(self, cast):
        key = joining.key_of(invited(cast))
        with tenancy.system(cast.harbor):
            cast.harbor.is_active = False
            cast.harbor.save()
        for ended in (
            lambda: joining.find(key),
            lambda: joining.accept(key=key, with_another_address=True, by=cast.lucia),
            lambda: joining.accept_anew(key=key, **GIL, password=PASSWORD),
        ):
            with pytest.raises(Missing, match="has ended"):
                ended()

    def test_was_signed_for_this_and_nothing_else(self, cast):
        invitation = invited(cast)
        named = joining.key_of(invitation).partition(":")[0]
        ours = signing.TimestampSigner(salt=joining.SALT).sign(named)
        assert joining.find(ours) == invitation
        for salt in (None, "another"):
            with pytest.raises(Missing):
                joining.find(signing.TimestampSigner(salt=salt).sign(named))

    def test_says_whether_there_is_an_account(self, cast):
        assert joining.has_account(invited(cast, email="LUCIA@austa.test"))
        assert not joining.has_account(invited(cast))


class TestTheRole:
    def test_is_the_one_offered_and_ones_first_is_the_main_one(self, cast):
        gil = anew(invited(cast, department="Ward 2"))
        assert roles(cast, gil) == [("nurse", "Ward 2", True, True)]

    def test_a_further_one_leaves_the_main_one(self, cast):
        joining.accept(key=joining.key_of(invited(cast, email=cast.lucia.email)), by=cast.lucia)
        assert roles(cast, cast.lucia) == [("nurse", "", False, True)]
        assert roles(cast, cast.lucia, "austa") == [("physician", "", True, True)]

    def test_who_has_none_that_is_the_main_one_gets_it(self, cast):
        with tenancy.system(cast.austa):
            RoleAssignment.objects.filter(user=cast.lucia).update(is_primary=False)
        joining.accept(key=joining.key_of(invited(cast, email=cast.lucia.email)), by=cast.lucia)
        assert roles(cast, cast.lucia) == [("nurse", "", True, True)]

    def test_it_is_taken_up_once(self, cast):
        invitation = invited(cast, email=cast.lucia.email)
        key = joining.key_of(invitation)
        taken = joining.accept(key=key, by=cast.lucia)
        row = stored(invitation)
        assert row.accepted_at == taken.accepted_at and row.accepted_by_id == cast.lucia.pk
        with pytest.raises(Missing):
            joining.accept(key=key, by=cast.lucia)
        assert stored(invitation).accepted_at == row.accepted_at

    def test_whoever_waits_for_her_is_told(self, cast, settings):
        settings.INVITATION_ACCEPTED = [f"{__name__}.hear"]
        heard.clear()
        invitation = invited(cast, email=cast.lucia.email)
        joining.accept(key=joining.key_of(invitation), by=cast.lucia)
        assert heard == [(invitation.pk, cast.lucia.pk, cast.harbor.pk)]


class TestTheAccount:
    def test_is_made_of_what_was_said(self, cast):
        with translation.override("es"):
            gil = anew(invited(cast), first_name=" Gilberto ", last_name=" Sá e Silva ")
        stored = User.objects.get(pk=gil.pk)
        assert (stored.email, stored.preferred_language) == ("gil@example.org", "es")
        assert (stored.first_name, stored.last_name) == ("Gilberto", "Sá e Silva")
        assert stored.check_password(PASSWORD) and stored.is_active

    def test_speaks_the_letters_language_where_none_is_spoken(self, cast):
        with translation.override("pt-br"):
            invitation = invited(cast)
        with translation.override(None):
            assert anew(invitation).preferred_language == "pt-br"

    def test_its_address_is_proved_by_the_letter(self, cast):
        EmailAddress.objects.create(
            user=cast.lucia, email=cast.lucia.email, verified=False, primary=False
        )
        joining.accept(key=joining.key_of(invited(cast, email=cast.lucia.email)), by=cast.lucia)
        gil = anew(invited(cast))
        rows = EmailAddress.objects.values_list("user_id", "email", "verified", "primary")
        assert set(rows) == {
            (cast.lucia.pk, "lucia@austa.test", True, True),
            (gil.pk, "gil@example.org", True, True),
        }

    @pytest.mark.parametrize(
        ("wrong", "fields"),
        [
            ({"first_name": "", "last_name": " "}, {"first_name", "last_name"}),
            ({"first_name": "", "password": "short"}, {"first_name", "password"}),
            ({"password": "gil@example.org"}, {"password"}),
            ({"password": "example.org"}, {"password"}),
        ],
    )
    def test_all_that_is_wrong_is_named_at_once(self, cast, wrong, fields):
        invitation = invited(cast)
        with pytest.raises(Invalid) as refused:
            anew(invitation, **wrong)
        assert set(refused.value.fields) == fields and all(refused.value.fields.values())
        assert not User.objects.filter(email="gil@example.org").exists()
        assert stored(invitation).is_open

    def test_of_another_address_is_used_when_that_is_said(self, cast):
        invitation = invited(cast)
        key = joining.key_of(invitation)
        with pytest.raises(Conflict, match="Tick the box"):
            joining.accept(key=key, by=cast.lucia)
        assert stored(invitation).is_open and roles(cast, cast.lucia) == []
        joining.accept(key=key, with_another_address=True, by=cast.lucia)
        assert roles(cast, cast.lucia) == [("nurse", "", False, True)]
        assert not EmailAddress.objects.exists(), "the letter did not go there"

    def test_one_that_is_there_signs_in_instead(self, cast):
        invitation = invited(cast, email=cast.lucia.email)
        with pytest.raises(Conflict, match="Sign in to accept"):
            anew(invitation)
        assert stored(invitation).is_open and roles(cast, cast.lucia) == []


class TestTheTrail:
    def accepted(self, cast, **more) -> None:
        invitation = invited(cast, **more)
        origin = Origin(address="192.0.2.8", agent="Planted", request_id="a-request", surface="web")
        with tenancy.acting(replace(tenancy.NOBODY, origin=origin)):
            joining.accept(key=joining.key_of(invitation), by=cast.lucia, with_another_address=True)
        assert tenancy.current() is tenancy.NOBODY

    @pytest.mark.parametrize("other", [False, True])
    def test_names_her_and_where_she_comes_from(self, cast, other):
        self.accepted(cast, **({} if other else {"email": cast.lucia.email}))
        given = noted(cast, "clinic.roleassignment")[-1]
        taken = noted(cast, "clinic.invitation")[-1]
        for entry in (given, taken):
            assert (entry.actor_id, entry.facility_id) == (cast.lucia.pk, cast.harbor.pk)
            assert (entry.remote_addr, entry.cid, entry.surface) == (
                "192.0.2.8", "a-request", "web",
            )  # fmt: skip
            assert ("another_address" in entry.compliance_flags) is other
        assert set(taken.changes) == {"accepted_at", "accepted_by_id"}, "and no more is written"
