"""What says who reaches whom is written by verbs alone. Here somebody runs SQL past all of them, as
the runtime role, in the person's own honest context. And nobody deletes what she only reads."""

import itertools
import re
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from clinic import staffing
from clinic.models import Facility, LogEntry, RoleAssignment
from clinic.security import tenancy
from clinic.security.permissions import CARE_ROLES, STAFF_ROLES, Category, Role
from clinic.tests.people import person
from patients import care_team, consent, family, relationships
from patients.models import (
    AccessGrant,
    CareRelationship,
    Consent,
    FamilyMember,
    Medication,
    Patient,
)

C = Category
WRITTEN_BY_VERBS = (AccessGrant, RoleAssignment, FamilyMember, Consent, CareRelationship)
HIV = {"sensitivity": "confidential", "confidential_kind": "hiv"}
GRANT = """INSERT INTO patients_accessgrant (id, user_id, facility_id, patient_id, permission_id,
 source, reason, granted_at) SELECT gen_random_uuid(), {who}, {harbor}, {patient}, p.id,
 '{source}', '', now() FROM auth_permission p WHERE p.codename = '{category}'"""
ROLE = """INSERT INTO clinic_roleassignment (id, facility_id, user_id, role, department, is_primary,
 is_active, held_since, version, created_at, updated_at)
 SELECT gen_random_uuid(), {harbor}, {jane}, 'administrator', '', false, true, now(), 1, now(),
 now()"""


@pytest.fixture
def household(cast):
    """John's record, with a relative who sees his medicines and one who sees nothing, Dr Omar in
    his care team, Nina asked to treat him, and Dr Sarah blocked."""
    for name in ("rel", "other"):
        cast.people[name] = person(name, cast.harbor, Role.FAMILY_MEMBER)
        with tenancy.system(cast.harbor):
            member = family.stand(patient=cast.mr_doe, user=cast.people[name], relationship="other")
        if name == "rel":
            with cast.acting("john", portal=True):
                consent.give(member=member, categories=[C.MEDICATIONS], by=cast.john)
    with cast.acting("sarah"):
        care_team.join(patient=cast.mr_doe, user=cast.omar, by=cast.sarah)
    with cast.acting("john", portal=True):
        relationships.invite_clinician(
            patient=cast.mr_doe, clinician=cast.nina, categories=[C.RECORDS], by=cast.john
        )
        relationships.block(patient=cast.mr_doe, clinician=cast.sarah, by=cast.john)
    with tenancy.system(cast.harbor):
        Medication.objects.create(facility=cast.harbor, patient=cast.mr_doe, generic_name="m")
        Medication.objects.create(
            facility=cast.harbor, patient=cast.mr_doe, generic_name="plantedpill", **HIV
        )
    return cast


def state(cast) -> list:
    """All rows that a test tries to change."""
    models = (*WRITTEN_BY_VERBS, Medication, Patient, Facility)
    with tenancy.system(cast.harbor):
        return [sorted(map(repr, model._base_manager.values_list())) for model in models]


def named(cast, statement: str) -> str:
    """The statement, with the ids of whom it names."""
    return re.sub(r"\{(\w+)\}", lambda found: f"'{getattr(cast, found[1]).pk}'", statement)


def tried(cast, name: str, statement: str, portal: bool = False) -> int:
    """How many rows the statement changed; a refusal changes none."""
    with cast.acting(name, portal=portal):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(named(cast, statement))
                return cursor.rowcount
        except DatabaseError:
            return 0


def grant_of(who: str, patient: str, source: str, category: str) -> str:
    return (
        GRANT.replace("{who}", f"{{{who}}}").replace("{patient}", f"{{{patient}}}")
        .replace("{source}", source).replace("{category}", category)
    )  # fmt: skip


SOURCES = ("self", "family", "care_team", "invited", "referral")
OPENED = ("view", "records", "hiv", "sharing")
STATEMENTS = [
    "UPDATE patients_accessgrant SET expires_at = NULL",
    "UPDATE patients_accessgrant SET granted_at = now() + interval '1 year'",
    "UPDATE patients_accessgrant SET expires_at = now() + interval '9 years'",
    "DELETE FROM patients_accessgrant",
    ROLE,
    "UPDATE clinic_roleassignment SET is_active = true, held_since = '2000-01-01'",
    "DELETE FROM clinic_roleassignment WHERE user_id = {phil}",
    "UPDATE patients_familymember SET permission_level = 'full', is_guardian = true",
    "UPDATE patients_familymember SET ended_at = now(), permission_level = 'none'",
    "UPDATE patients_familymember SET ended_at = now(), permission_level = 'none',"
    " user_id = {rel} WHERE user_id = {other}",
    "DELETE FROM patients_familymember WHERE user_id = {other}",
    "UPDATE patients_consent SET revoked_at = now() WHERE revoked_at IS NULL",
    "UPDATE patients_carerelationship SET status = 'active', categories = ARRAY['hiv']",
    "UPDATE patients_carerelationship SET status = 'inactive'",
    "DELETE FROM patients_carerelationship",
    "DELETE FROM patients_medication",
]


def test_tasks_of_the_system_do_all_of_it(household):
    """So what is refused below is refused for who asks, and not for how it is written."""
    before = state(household)
    grants = [grant_of("jane", "jimmy", "invited", category) for category in OPENED]
    for statement in [*STATEMENTS, *grants]:
        with tenancy.system(household.harbor), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(named(household, statement))
                assert cursor.rowcount > 0, statement
            transaction.set_rollback(True)
    assert state(household) == before


@pytest.mark.parametrize(
    ("name", "patient", "portal"),
    [("nina", "mr_doe", False), ("phil", "mr_doe", False), ("omar", "mr_doe", False),
     ("fred", "jimmy", False), ("john", "jimmy", True), ("rel", "mr_doe", True)],
)  # fmt: skip
def test_nobody_opens_anything_to_anybody(household, name, patient, portal):
    before = state(household)
    for source, category, who in itertools.product(SOURCES, OPENED, (name, "jane")):
        statement = grant_of(who, patient, source, category)
        assert tried(household, name, statement, portal) == 0, (source, category, who)
    assert state(household) == before


@pytest.mark.parametrize(
    ("name", "portal"),
    [("omar", False), ("nina", False), ("alma", False), ("fred", False), ("john", True),
     ("rel", True)],
)  # fmt: skip
def test_nobody_changes_who_reaches_whom(household, name, portal):
    before = state(household)
    for statement in STATEMENTS:
        assert tried(household, name, statement, portal) == 0, statement
    assert state(household) == before


@pytest.mark.parametrize("name", ["john", "rel"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE patients_medication SET is_active = false",
        "UPDATE patients_medication SET sensitivity = 'internal', confidential_kind = ''",
        "UPDATE patients_patient SET user_id = {rel}",
        "UPDATE patients_patient SET is_active = false",
        "DELETE FROM patients_searchtoken",
        "UPDATE clinic_facility SET care_reach = 'care_team', second_factor_roles = ARRAY['nurse']",
        "UPDATE clinic_specialist SET is_active = false",
    ],
)
def test_the_portal_reads_the_chart_and_writes_nothing_there(household, name, statement):
    before = state(household)
    assert tried(household, name, statement, portal=True) == 0
    assert state(household) == before


def test_a_blocked_physician_sees_nothing_of_who_reaches_the_patient(household):
    tables = ("accessgrant", "carerelationship", "consent", "familymember")
    for name, sees in (("sarah", False), ("alma", True)):
        with household.acting(name), transaction.atomic(), connection.cursor() as cursor:
            for table in tables:
                cursor.execute(
                    f"SELECT count(*) FROM patients_{table} WHERE patient_id = %s AND id NOT IN"
                    " (SELECT id FROM patients_carerelationship WHERE clinician_id = app_user())",
                    [household.mr_doe.pk],
                )
                assert (cursor.fetchone()[0] > 0) is sees, (name, table)


def test_a_verb_that_has_settled_it_writes(household):
    """What the policies refuse above, they allow to the verbs: else nothing would be held here."""
    with household.acting("john", portal=True):
        blocked = CareRelationship.objects.get(clinician=household.sarah)
        relationships.unblock(relation=blocked, by=household.john)
    with household.acting("nina"):
        asked = CareRelationship.objects.get(clinician=household.nina)
        relationships.agree(relation=asked, by=household.nina)
    with household.acting("rel", portal=True):
        member = FamilyMember.objects.get(user=household.rel)
        family.leave(member=member, by=household.rel)
    with household.acting("sarah"):
        care_team.leave(patient=household.mr_doe, user_id=household.omar.pk, by=household.sarah)
    with tenancy.system(household.harbor):
        left = AccessGrant.grants.filter(content_object=household.mr_doe).exclude(source="self")
        assert set(left.values_list("user__email", "source")) == {("nina@harbor.test", "invited")}


def test_what_a_verb_may_it_takes_back_with_itself(household):
    """Neither another verb nor the person herself goes on with it."""
    with household.acting("john", portal=True):
        with tenancy.by_verb(), tenancy.by_verb():
            pass
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE patients_familymember SET permission_level = 'full'")
        with pytest.raises(ValueError), tenancy.by_verb():
            raise ValueError
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE patients_familymember SET permission_level = 'full'")


# What is written once, by verbs and tasks too
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE patients_accessgrant SET source = 'care_team' WHERE source = 'self'",
        "UPDATE patients_accessgrant SET user_id = {jane}",
        "UPDATE patients_accessgrant SET permission_id = permission_id + 1",
        "UPDATE patients_carerelationship SET clinician_id = {phil}",
        "UPDATE patients_familymember SET patient_id = {mrs_doe}",
        "UPDATE clinic_roleassignment SET user_id = {jane} WHERE user_id = {phil}",
    ],
)
def test_whose_it_is_never_changes(household, statement):
    before = state(household)
    with tenancy.system(household.harbor), pytest.raises(DatabaseError), transaction.atomic():
        connection.cursor().execute(named(household, statement))
    assert state(household) == before


# The trail
def test_the_trail_tells_of_no_kind(household):
    """Neither that there is such content nor that it was opened; but that something was written."""
    with household.acting("john", portal=True):
        member = FamilyMember.objects.get(user=household.other)
        consent.give(member=member, categories=[C.HIV], by=household.john)
    with household.acting("alma"), transaction.atomic():
        rows = LogEntry.entries.filter(patient_id=household.mr_doe.pk)
        told = [changes for changes in rows.values_list("changes", flat=True) if changes]
    assert not any("hiv" in str(changes) for changes in told)
    kept = [changes["confidential_kind"] for changes in told if "confidential_kind" in changes]
    opened = [changes["categories"] for changes in told if "categories" in changes]
    assert kept and opened and {str(one) for one in kept + opened} == {"['•••', '•••']"}


# Since when grants count
@pytest.mark.parametrize("role", sorted(STAFF_ROLES))
def test_who_reads_charts_anew_begins_anew(cast, role):
    """Whatever else she was meanwhile; of two roles that read charts, one that lasts is enough."""
    long_ago, today = timezone.now() - timedelta(days=30), timezone.now()
    with tenancy.system(cast.harbor):
        cast.people["ada"] = person("ada", cast.harbor, role)
        RoleAssignment.objects.filter(user=cast.ada).update(held_since=long_ago)
        if role != Role.NURSE:
            staffing.assign(user=cast.ada, role=Role.NURSE, facility=cast.harbor)
    with cast.acting("ada"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT app_held_since() < %s", [today - timedelta(days=1)])
        assert cursor.fetchone()[0] is (role in CARE_ROLES)


def test_hired_again_a_specialist_is_not_back_at_her_patients(household):
    """She was at the desk throughout, and her grants of before are rows yet."""
    with tenancy.system(household.harbor):
        staffing.assign(user=household.omar, role=Role.FRONT_DESK, facility=household.harbor)
        RoleAssignment.objects.filter(user=household.omar).update(
            held_since=timezone.now() - timedelta(days=30)
        )
    for again in (False, True):
        with household.acting("alma"):
            row = RoleAssignment.objects.get(user=household.omar, role=Role.SPECIALIST)
            if again:
                staffing.assign(
                    user=household.omar, role=Role.SPECIALIST, facility=household.harbor,
                    by=household.alma,
                )  # fmt: skip
            else:
                staffing.dismiss(assignment=row, by=household.alma)
        with household.acting("omar"), transaction.atomic():
            assert not Medication.objects.exists()
    with tenancy.system(household.harbor):
        rows = AccessGrant.grants.filter(user=household.omar)
        assert rows.exists() and not rows.current().exists()
    with household.acting("sarah"), tenancy.whole_facility(clinical=True):
        care_team.join(patient=household.mr_doe, user=household.omar, by=household.sarah)
    with household.acting("omar"), transaction.atomic():
        assert Medication.objects.exists()
