"""What staffing promises beside who may: nothing else is written, nobody else is touched, and a
token says nothing of itself but to its holder."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.utils import timezone

from clinic import staffing
from clinic.errors import Conflict, Missing
from clinic.models import ApiToken, Facility, LogEntry, Notification, RoleAssignment
from clinic.security import tenancy
from clinic.security.permissions import PORTAL_ROLES, STAFF_ROLES, Denied, Permission, Reach, Role
from clinic.security.tenancy import Origin, Purpose
from patients import access
from patients.models import CareRelationship


def give(cast, name: str, role: Role, clinic: str = "harbor", **more) -> RoleAssignment:
    facility = getattr(cast, clinic)
    with tenancy.system(facility):
        return staffing.assign(user=cast.people[name], role=role, facility=facility, **more)


def row_of(assignment: RoleAssignment) -> RoleAssignment:
    with tenancy.system(assignment.facility_id):
        return RoleAssignment.objects.get(pk=assignment.pk)


def primaries(cast, name: str, clinic: str = "harbor") -> list[str]:
    with tenancy.system(getattr(cast, clinic)):
        rows = RoleAssignment.objects.filter(user=cast.people[name], is_primary=True)
        return [row.role for row in rows]


class TestEntering:
    def enter(self, cast, name, roles=STAFF_ROLES, facility=""):
        origin = Origin(address="192.0.2.5", surface="test")
        return staffing.enter(user=cast.people[name], roles=roles, origin=origin, facility=facility)

    @pytest.mark.parametrize(
        ("name", "purpose", "reach", "clinical", "trail"),
        [
            ("sarah", Purpose.TREATMENT, Reach.FACILITY, Reach.FACILITY, False),
            ("omar", Purpose.TREATMENT, Reach.GRANTED, Reach.GRANTED, False),
            ("fred", Purpose.OPERATIONS, Reach.FACILITY, Reach.NONE, False),
            ("aud", Purpose.OPERATIONS, Reach.NONE, Reach.NONE, True),
            ("alma", Purpose.TREATMENT, Reach.FACILITY, Reach.FACILITY, True),
            ("john", Purpose.OWN, Reach.GRANTED, Reach.GRANTED, False),
        ],
    )
    def test_what_a_role_is_told(self, cast, name, purpose, reach, clinical, trail):
        actor = self.enter(cast, name, set(Role))
        assert (actor.user_id, actor.facility_id) == (cast.people[name].pk, cast.harbor.pk)
        assert (actor.purpose, actor.reach, actor.clinical) == (purpose, reach, clinical)
        assert actor.trail is trail and actor.lacks_factor is False
        assert actor.origin == Origin(address="192.0.2.5", surface="test")

    def test_whose_patients_stand_apart_for_her(self, cast):
        """Mr Doe blocked Omar, who broke the glass for his wife; John decides for himself and his
        son."""
        with tenancy.system(cast.harbor):
            CareRelationship.objects.create(
                facility=cast.harbor, patient=cast.mr_doe, clinician=cast.omar, status="blocked"
            )
            access.grant(
                patient=cast.mrs_doe, user=cast.omar, source="emergency", categories=["view"],
                expires_at=timezone.now() + timedelta(minutes=50),
            )  # fmt: skip
        omar, john = self.enter(cast, "omar"), self.enter(cast, "john", PORTAL_ROLES)
        assert (omar.barred, omar.emergencies) == ((cast.mr_doe.pk,), (cast.mrs_doe.pk,))
        assert (john.barred, john.emergencies, omar.stewarded) == ((), (), ())
        assert set(john.stewarded) == {cast.mr_doe.pk, cast.jimmy.pk}

    def test_the_clinic_is_the_one_named_or_that_of_the_main_role(self, cast):
        give(cast, "lucia", Role.NURSE)
        assert self.enter(cast, "lucia").facility_id == cast.austa.pk
        unnamed = staffing.enter(user=cast.lucia, roles=STAFF_ROLES, origin=Origin())
        assert unnamed.facility_id == cast.austa.pk
        assert self.enter(cast, "lucia", facility="harbor").roles == {Role.NURSE}
        nowhere = self.enter(cast, "lucia", facility="nowhere")
        assert (nowhere.facility_id, nowhere.roles, nowhere.reach) == (None, set(), Reach.NONE)
        assert nowhere.permissions == set() and nowhere.facilities == ()

    def test_roles_that_the_surface_is_not_for_do_not_count(self, cast):
        give(cast, "nina", Role.PATIENT)
        assert self.enter(cast, "nina", PORTAL_ROLES).roles == {Role.PATIENT}
        assert self.enter(cast, "nina", set(Role)).roles == {Role.NURSE}

    def test_who_lacks_the_second_step_has_no_role_for_now(self, cast):
        Authenticator.objects.filter(user=cast.nina).delete()
        actor = self.enter(cast, "nina")
        assert actor.lacks_factor and not actor.roles and not actor.permissions
        with pytest.raises(staffing.SecondStepNeeded) as refused:
            staffing.require_second_step(actor)
        assert "second step" in str(refused.value)
        staffing.require_second_step(self.enter(cast, "sarah"))

    def test_what_follows_in_the_transaction_is_noted_with_its_origin(self, cast):
        self.enter(cast, "sarah")
        made = Notification.objects.create(
            facility=cast.harbor, user=cast.sarah, kind="account", title="Planted"
        )
        with cast.acting("alma"):
            entry = LogEntry.entries.get(object_pk=str(made.pk))
        assert (entry.actor_id, entry.facility_id) == (cast.sarah.pk, cast.harbor.pk)
        assert (entry.remote_addr, entry.surface) == ("192.0.2.5", "test")

    def test_who_works_here_is_staff(self, cast):
        with cast.acting("sarah"):
            assert staffing.is_staff(cast.sarah) and not staffing.is_staff(cast.nina)
        with cast.acting("john", portal=True):
            assert not staffing.is_staff(cast.john)
        assert not staffing.is_staff(cast.sarah)


class TestFacilitiesOfAPerson:
    def held(self, cast, name) -> set[str]:
        with tenancy.acting(replace(tenancy.NOBODY, user_id=cast.people[name].pk)):
            return {facility.slug for facility in staffing.facilities_of(cast.people[name])}

    def test_those_in_which_she_has_a_role(self, cast):
        assert self.held(cast, "nina") == {"harbor"}
        give(cast, "nina", Role.NURSE, "austa")
        assert self.held(cast, "nina") == {"harbor", "austa"}

    def test_not_one_that_let_her_go(self, cast):
        """Her role there stays as a row, and the clinic may be one that she knows otherwise."""
        gone = give(cast, "nina", Role.NURSE, "austa")
        with cast.acting("rita"):
            staffing.dismiss(assignment=gone, by=cast.rita)
        with (
            tenancy.system(cast.austa) as there,
            tenancy.acting(replace(there, user_id=cast.nina.pk)),
        ):
            assert [one.slug for one in staffing.facilities_of(cast.nina)] == ["harbor"]

    def test_nor_one_that_closed(self, cast):
        with tenancy.system(cast.harbor):
            Facility.objects.filter(pk=cast.harbor.pk).update(is_active=False)
        assert self.held(cast, "nina") == set()

    def test_nor_those_of_her_colleagues(self, cast):
        with tenancy.system(cast.harbor):
            assert staffing.facilities_of(cast.lucia) == []


class TestGiving:
    def test_the_same_role_twice_is_one_row(self, cast):
        first = give(cast, "nina", Role.AUDITOR, department="Ward 2", is_primary=False)
        again = give(cast, "nina", Role.AUDITOR, department="Ward 2")
        other = give(cast, "nina", Role.AUDITOR, department="Ward 3")
        assert first.pk == again.pk != other.pk
        assert again.held_since == first.held_since, "she never left"
        assert (
            give(cast, "nina", Role.NURSE).department
            == ""
            == give(cast, "phil", Role.NURSE).department
        )

    def test_a_role_taken_up_again_counts_from_then(self, cast):
        given = give(cast, "nina", Role.AUDITOR)
        with cast.acting("alma"):
            staffing.dismiss(assignment=given, by=cast.alma)
        assert row_of(given).is_active is False
        before = timezone.now()
        again = give(cast, "nina", Role.AUDITOR)
        stored = row_of(given)
        assert (again.pk, stored.is_active) == (given.pk, True)
        assert stored.held_since == again.held_since >= before > given.held_since
        assert stored.is_primary is False

    def test_she_is_refused_before_anything_is_read(self, cast):
        with cast.acting("alma"), pytest.raises(Missing):
            staffing.assign(user=cast.nina, role=Role.NURSE, facility=cast.austa, by=cast.alma)
        with tenancy.system(cast.austa):
            assert not RoleAssignment.objects.filter(user=cast.nina).exists()


class TestWhatAColleagueChangedMeanwhile:
    """The row that a page shows may be old: a verb writes what it is about, and no more."""

    @pytest.mark.parametrize("verb", [staffing.dismiss, staffing.make_primary])
    def test_stays(self, cast, verb):
        shown = give(cast, "nina", Role.AUDITOR)
        with tenancy.system(cast.harbor):
            RoleAssignment.objects.filter(pk=shown.pk).update(department="Ward 9")
        with cast.acting("alma"):
            verb(assignment=shown, by=cast.alma)
        stored = row_of(shown)
        assert stored.department == "Ward 9"
        assert (stored.is_active, stored.is_primary) == (
            (False, False) if verb is staffing.dismiss else (True, True)
        )


class TestTheMainRole:
    def test_is_one_in_each_clinic(self, cast):
        """An administrator orders her own roles here; those elsewhere stay as they are."""
        give(cast, "alma", Role.ADMINISTRATOR, "austa", is_primary=True)
        second = give(cast, "alma", Role.AUDITOR)
        with cast.acting("alma", facility="harbor"):
            staffing.make_primary(assignment=second, by=cast.alma)
        assert primaries(cast, "alma") == ["auditor"]
        assert primaries(cast, "alma", "austa") == ["administrator"]

    def test_nobody_elses_is_touched(self, cast):
        second = give(cast, "nina", Role.AUDITOR)
        with cast.acting("alma"):
            staffing.make_primary(assignment=second, by=cast.alma)
        assert primaries(cast, "nina") == ["auditor"] and primaries(cast, "sarah") == ["physician"]

    def test_once_it_is_the_main_one_nothing_changes(self, cast):
        with cast.acting("alma"):
            noted = LogEntry.entries.filter(resource="clinic.roleassignment")
            before = noted.count()
            nurse = RoleAssignment.objects.get(user=cast.nina)
            staffing.make_primary(assignment=nurse, by=cast.alma)
            assert noted.count() == before
        assert primaries(cast, "nina") == ["nurse"]


class TestWhoChangesRoles:
    @pytest.mark.parametrize("kind", Authenticator.Type)
    def test_needs_more_than_recovery_codes(self, cast, kind):
        Authenticator.objects.filter(user=cast.alma).update(type=kind)
        holds = kind != Authenticator.Type.RECOVERY_CODES
        assert staffing.has_second_factor(cast.alma) is holds
        with tenancy.system(cast.harbor) as system:
            if holds:
                staffing.require_manager(cast.alma, of=system.facility_id)
            else:
                with pytest.raises(Conflict, match="second step"):
                    staffing.require_manager(cast.alma)

    def test_a_colleagues_does_not_help(self, cast):
        Authenticator.objects.filter(user=cast.alma).delete()
        assert not staffing.has_second_factor(cast.alma) and staffing.has_second_factor(cast.nina)

    def test_the_permission_is_named(self, cast):
        with cast.acting("sarah"), pytest.raises(Denied) as refused:
            staffing.require_manager(cast.sarah)
        assert refused.value.permission == Permission.STAFF_MANAGE


class TestTokens:
    def stored(self, issued) -> ApiToken:
        return ApiToken.objects.get(pk=issued.id)

    def test_only_a_digest_is_kept(self, cast, settings):
        before = timezone.now()
        issued = staffing.issue_token(user=cast.sarah, label="x" * 101)
        row = self.stored(issued)
        assert issued.text.startswith("cr_") and len(issued.text) >= 46
        assert bytes(row.digest) == hashlib.sha256(issued.text.encode()).digest()
        stamp = hashlib.sha256(cast.sarah.password.encode()).digest()[:8]
        assert bytes(row.password_stamp) == stamp
        assert (row.user_id, row.label, row.revoked_at) == (cast.sarah.pk, "x" * 100, None)
        assert row.expires_at == issued.expires_at
        assert before <= issued.expires_at - settings.TOKEN_LIFETIME <= timezone.now()

    def test_no_two_are_alike(self, cast):
        texts = {staffing.issue_token(user=cast.sarah).text for _number in range(5)}
        assert len(texts) == 5
        assert set(ApiToken.objects.values_list("label", flat=True)) == {""}

    def test_its_holder_ends_it_and_the_trail_says_so(self, cast):
        issued, other = (staffing.issue_token(user=cast.sarah) for _number in range(2))
        shown, used = self.stored(issued), timezone.now() - timedelta(minutes=3)
        ApiToken.objects.filter(pk=issued.id).update(last_used_at=used)
        with cast.acting("sarah"):
            staffing.revoke_token(token=shown, by=cast.sarah)
        row = self.stored(issued)
        assert row.revoked_at and row.updated_at >= row.revoked_at
        assert row.last_used_at == used, "when it was last used stays"
        assert ApiToken.objects.valid().get().pk == other.id
        with cast.acting("alma"):
            flagged = LogEntry.entries.filter(compliance_flags__contains=["revoked"])
            (entry,) = flagged
        assert (entry.resource, entry.object_pk) == ("clinic.apitoken", str(issued.id))
        assert (entry.action, entry.actor_id) == (LogEntry.Action.UPDATE, cast.sarah.pk)

    def test_nobody_else_does(self, cast):
        issued = staffing.issue_token(user=cast.sarah)
        with cast.acting("alma"), pytest.raises(Denied) as refused:
            staffing.revoke_token(token=self.stored(issued), by=cast.alma)
        assert refused.value.permission == Permission.ACCOUNT_USE
        assert self.stored(issued).revoked_at is None

    def test_all_of_a_person_end_and_nobody_elses(self, cast):
        ended, mine, hers = (
            staffing.issue_token(user=cast.people[name]) for name in ("sarah", "sarah", "nina")
        )
        long_ago = timezone.now() - timedelta(days=1)
        ApiToken.objects.filter(pk=ended.id).update(revoked_at=long_ago, updated_at=long_ago)
        with cast.acting("sarah"):
            staffing.revoke_tokens(user=cast.sarah)
        assert self.stored(ended).revoked_at == long_ago, "it ended when it did"
        assert self.stored(mine).revoked_at == self.stored(mine).updated_at > long_ago
        assert self.stored(hers).revoked_at is None
