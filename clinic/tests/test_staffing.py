"""Who changes roles, and how: an administrator of the clinic, with a second step at sign-in."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection, transaction

from clinic import invitations, joining, staffing
from clinic.admin import role_table
from clinic.errors import Conflict, Missing
from clinic.models import Facility, Invitation, LogEntry, RoleAssignment, User
from clinic.security import tenancy
from clinic.security.permissions import ROLE_TABLE, STAFF_ROLES, Denied, Permission, Reach, Role
from clinic.tests.people import make_cast
from clinic.tests.refusals import denied, refused


def roles_of(cast, name: str, facility=None) -> dict[str, tuple[bool, bool]]:
    """The person's roles: whether each is held, and whether it is the main one."""
    with tenancy.system(facility or cast.harbor):
        rows = RoleAssignment.objects.filter(user=cast.people[name])
        return {row.role: (row.is_active, row.is_primary) for row in rows}


def assignment_of(cast, name: str) -> RoleAssignment:
    with tenancy.system(cast.harbor):
        return RoleAssignment.objects.get(user=cast.people[name])


CHANGES = {
    "give": lambda cast, by: staffing.assign(
        user=cast.nina, role=Role.PHYSICIAN, facility=cast.harbor, by=by
    ),
    "take": lambda cast, by: staffing.dismiss(assignment=assignment_of(cast, "nina"), by=by),
    "main": lambda cast, by: staffing.make_primary(assignment=assignment_of(cast, "nina"), by=by),
}


@pytest.fixture(params=CHANGES)
def change(request):
    return CHANGES[request.param]


def test_an_administrator_gives_takes_and_orders_roles(cast):
    with cast.acting("alma"):
        given = staffing.assign(
            user=cast.nina, role=Role.CASE_MANAGER, facility=cast.harbor, department="Ward 2",
            by=cast.alma,
        )  # fmt: skip
        staffing.make_primary(assignment=given, by=cast.alma)
    assert roles_of(cast, "nina") == {"nurse": (True, False), "case_manager": (True, True)}
    with cast.acting("alma"):
        staffing.dismiss(assignment=given, by=cast.alma)
    assert roles_of(cast, "nina") == {"nurse": (True, False), "case_manager": (False, False)}


def test_every_change_is_on_the_trail(cast):
    with cast.acting("alma"):
        given = staffing.assign(
            user=cast.nina, role=Role.AUDITOR, facility=cast.harbor, by=cast.alma
        )
        staffing.make_primary(assignment=given, by=cast.alma)
        staffing.dismiss(assignment=given, by=cast.alma)
        noted = LogEntry.entries.filter(resource="clinic.roleassignment", actor_id=cast.alma.pk)
        actions = [(entry.action, sorted(entry.changes)) for entry in noted.order_by("pk")]
    assert actions[0][0] == 0 and "role" in actions[0][1]
    assert [changed for _action, changed in actions[1:]] == [
        ["is_primary"], ["is_primary"], ["is_active", "is_primary"],
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["sarah", "fred", "aud", "omar", "john"])
def test_nobody_else_changes_roles(cast, change, name):
    before = roles_of(cast, "nina")
    with cast.acting(name, portal=name == "john"), pytest.raises(Denied):
        change(cast, cast.people[name])
    assert roles_of(cast, "nina") == before


def test_nor_an_administrator_without_a_second_step(cast, change):
    """Whatever the clinic asks of her role."""
    with tenancy.system(cast.harbor):
        Facility.objects.filter(pk=cast.harbor.pk).update(second_factor_roles=[])
    Authenticator.objects.filter(user=cast.alma).delete()
    before = roles_of(cast, "nina")
    with cast.acting("alma"), pytest.raises(Conflict):
        change(cast, cast.alma)
    assert roles_of(cast, "nina") == before


def test_nor_one_of_another_clinic(cast, change):
    before = roles_of(cast, "nina")
    with cast.acting("rita"), pytest.raises(Missing):
        change(cast, cast.rita)
    assert roles_of(cast, "nina") == before


def test_nobody_dismisses_herself(cast):
    with cast.acting("alma"), pytest.raises(Conflict):
        staffing.dismiss(assignment=assignment_of(cast, "alma"), by=cast.alma)
    assert roles_of(cast, "alma") == {"administrator": (True, True)}


def test_nor_anybody_once_her_own_role_ended(cast):
    """A request of hers that had begun before."""
    with tenancy.system(cast.harbor):
        own = staffing.assign(user=cast.fred, role=Role.ADMINISTRATOR, facility=cast.harbor)
    nurse = assignment_of(cast, "nina")
    with cast.acting("fred"), tenancy.by_verb():
        own.is_active = False
        own.save()
        with denied(Permission.STAFF_MANAGE):
            staffing.dismiss(assignment=nurse, by=cast.fred)
    assert roles_of(cast, "nina") == {"nurse": (True, True)}


@pytest.mark.parametrize("role", [Role.PHYSICIAN, Role.ADMINISTRATOR, Role.PATIENT])
def test_nobody_gives_herself_a_role(cast, browse, role):
    with cast.acting("alma"), refused(Conflict):
        staffing.assign(user=cast.alma, role=role, facility=cast.harbor, by=cast.alma)
    page = f"/admin/people/{cast.alma.pk}/"
    assert browse("alma").post(page, {"role": role, "department": ""}).status_code == 400
    assert roles_of(cast, "alma") == {"administrator": (True, True)}


class TestHerLetters:
    """An administrator is dismissed, and somebody holds letters that she wrote."""

    @pytest.fixture
    def fred(self, cast):
        """Fred, who is an administrator besides; his role as one."""
        with tenancy.system(cast.harbor):
            return staffing.assign(user=cast.fred, role=Role.ADMINISTRATOR, facility=cast.harbor)

    def written(self, cast, by: str, **said) -> Invitation:
        said = {"email": "f2@example.org", "role": Role.ADMINISTRATOR} | said
        with cast.acting(by):
            return invitations.invite(first_name="F", last_name="T", by=cast.people[by], **said)

    def key(self, cast, letter) -> str:
        with tenancy.system(cast.harbor):
            return joining.key_of(letter)

    def dismiss(self, cast, assignment) -> None:
        with cast.acting("alma"):
            staffing.dismiss(assignment=assignment, by=cast.alma)

    def stored(self, cast, letter) -> Invitation:
        with tenancy.system(cast.harbor):
            return Invitation.objects.get(pk=letter.pk)

    def test_nobody_takes_up_her_own(self, cast):
        letter = self.written(cast, "alma", role=Role.PHYSICIAN)
        with refused(Conflict):
            joining.accept(
                key=self.key(cast, letter), with_another_address=True, by=cast.alma
            )  # fmt: skip
        assert roles_of(cast, "alma") == {"administrator": (True, True)}
        assert self.stored(cast, letter).is_open

    def test_with_her_role_her_letters_end(self, cast, fred):
        letter, colleagues = self.written(cast, "fred"), self.written(cast, "alma")
        self.dismiss(cast, fred)
        with refused(Missing):
            joining.accept_anew(
                key=self.key(cast, letter), first_name="F", last_name="T",
                password="a lake of many words",
            )  # fmt: skip
        assert self.stored(cast, letter).withdrawn_at
        assert not User.objects.filter(email="f2@example.org").exists()
        assert self.stored(cast, colleagues).is_open

    def test_those_to_patients_stand_and_those_that_were_taken_up(self, cast, fred):
        taken = self.written(cast, "fred", role=Role.NURSE)
        joining.accept(key=self.key(cast, taken), with_another_address=True, by=cast.lucia)
        with cast.acting("fred"):
            portal = invitations.write(email="p@example.org", role=Role.PATIENT, by=cast.fred)
        self.dismiss(cast, fred)
        assert self.stored(cast, portal).is_open
        assert self.stored(cast, taken).accepted_at and not self.stored(cast, taken).withdrawn_at

    def test_what_had_ended_before_keeps_its_moment(self, cast, fred):
        letter = self.written(cast, "fred")
        with cast.acting("alma"):
            invitations.take_back(invitation=letter, by=cast.alma)
        ended = self.stored(cast, letter).withdrawn_at
        self.dismiss(cast, fred)
        assert ended and self.stored(cast, letter).withdrawn_at == ended

    def test_as_long_as_she_invites_by_another_role_they_stand(self, cast, fred):
        letter = self.written(cast, "fred")
        with tenancy.system(cast.harbor):
            again = staffing.assign(
                user=cast.fred, role=Role.ADMINISTRATOR, facility=cast.harbor, department="Ward 2"
            )
        self.dismiss(cast, fred)
        assert self.stored(cast, letter).is_open
        self.dismiss(cast, again)
        assert self.stored(cast, letter).withdrawn_at


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("count", [2, 3])
def test_of_administrators_who_dismiss_one_another_at_once_one_stays(count):
    """Each the next, in a ring."""
    with transaction.atomic():
        cast = make_cast()
    names = ["alma", "nina", "fred"][:count]
    with tenancy.system(cast.harbor), transaction.atomic():
        for name in names[1:]:
            staffing.assign(
                user=cast.people[name], role=Role.ADMINISTRATOR, facility=cast.harbor
            )  # fmt: skip
    start = Barrier(count)

    def one(number: int):
        me, other = (cast.people[names[n % count]] for n in (number, number + 1))
        try:
            with cast.acting(names[number]), transaction.atomic():
                row = RoleAssignment.objects.get(user=other, role=Role.ADMINISTRATOR)
                start.wait(timeout=20)
                return staffing.dismiss(assignment=row, by=me)
        except Denied as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(one, range(count)))
    assert None in answers and any(isinstance(answer, Denied) for answer in answers)
    with tenancy.system(cast.harbor), transaction.atomic():
        assert RoleAssignment.objects.held().filter(role=Role.ADMINISTRATOR).exists()


def test_a_role_that_ended_is_not_made_the_main_one(cast):
    nurse = assignment_of(cast, "nina")
    with cast.acting("alma"):
        staffing.dismiss(assignment=nurse, by=cast.alma)
        with pytest.raises(Missing):
            staffing.make_primary(assignment=nurse, by=cast.alma)
    assert roles_of(cast, "nina") == {"nurse": (False, False)}


class TestThePages:
    def test_a_role_is_made_the_main_one(self, cast, browse):
        with tenancy.system(cast.harbor):
            second = staffing.assign(
                user=cast.nina, role=Role.CASE_MANAGER, facility=cast.harbor, department="Ward 2"
            )
        alma, page = browse("alma"), f"/admin/people/{cast.nina.pk}/"
        shown = alma.get(page).content.decode()
        assert "Ward 2" in shown and "Main role" in shown
        assert alma.post(page, {"primary": str(second.pk)}).status_code == 302
        assert roles_of(cast, "nina")["case_manager"] == (True, True)
        other = assignment_of(cast, "omar")
        assert alma.post(page, {"primary": str(other.pk)}).status_code == 404

    def test_the_role_table_is_the_one_of_the_code(self, cast, browse):
        page = browse("fred").get("/admin/people/")
        shown = page.content.decode()
        for role in Role:
            assert str(role.label) in shown
        for permission in Permission:
            assert str(permission.label).replace("'", "&#x27;") in shown
        cells = {
            str(row["label"]): row["cells"]
            for group in page.context["groups"] for row in group["permissions"]
        }  # fmt: skip
        for permission in Permission:
            held = [permission in rule.permissions for rule in ROLE_TABLE.values()]
            assert cells[str(permission.label)] == held

    def test_it_shows_reach_as_the_clinic_has_set_it(self, cast, browse):
        def reaches() -> dict[str, str]:
            columns = browse("fred").get("/admin/people/").context["roles"]
            return {str(one["role"]): str(one["reach"]) for one in columns}

        assert reaches()["Nurse"] == str(Reach.FACILITY.label)
        with tenancy.system(cast.harbor):
            Facility.objects.filter(pk=cast.harbor.pk).update(
                care_reach="care_team", second_factor_roles=["nurse"]
            )
        narrowed = reaches()
        assert narrowed["Nurse"] == narrowed["Physician"] == str(Reach.GRANTED.label)
        assert narrowed["Pharmacist"] == str(Reach.FACILITY.label)
        columns = browse("fred").get("/admin/people/").context["roles"]
        assert [str(one["role"]) for one in columns if one["second_step"]] == ["Nurse"]


def test_every_permission_stands_in_one_group():
    listed = [permission for _label, group in role_table.GROUPS for permission in group]
    assert sorted(listed) == sorted(Permission) and set(STAFF_ROLES) < set(ROLE_TABLE)
