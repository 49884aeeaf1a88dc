"""What must not be possible with an emergency access, past all pages: raw SQL as the runtime role,
and other verbs that would make an hour into a year."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinic.errors import Refused
from clinic.models import RoleAssignment
from clinic.security import tenancy
from clinic.security.permissions import Category, Denied
from clinic.tests.programs import wrong_fields
from compliance import breakglass
from compliance.breakglass import MORE, Sought
from compliance.models import EmergencyAccess
from compliance.tests.emergencies import (
    REASON,
    break_glass,
    end_the_hour,
    forget_attempts,
    proof_of,
)
from patients import access, care_team, referrals
from patients.models import AccessGrant, Medication, Patient

SELF_GRANT = """INSERT INTO patients_accessgrant (id, user_id, facility_id, patient_id,
 permission_id, source, reason, granted_at, expires_at)
 SELECT gen_random_uuid(), %s, %s, %s, p.id, %s, '', now(), %s
 FROM auth_permission p WHERE p.codename = %s"""


def grants_of(cast, name: str) -> set[tuple[str, str]]:
    with tenancy.system(cast.harbor):
        rows = AccessGrant.grants.filter(user=cast.people[name], content_object=cast.maria.pk)
        return set(rows.values_list("source", "permission__codename"))


def refused(cast, name: str, sql: str, parameters) -> None:
    """The statement changes nothing: refused by a policy, or finding no row."""
    with cast.acting(name):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                changed = cursor.rowcount
        except DatabaseError:
            return
    assert changed == 0


@pytest.mark.parametrize("source", ["emergency", "care_team", "referral", "invited", "self"])
@pytest.mark.parametrize("category", ["view", "summary", "records", "hiv"])
def test_nobody_grants_herself_an_emergency_by_sql(emergency, source, category):
    omar, later = emergency.omar.pk, timezone.now() + timedelta(days=365)
    parameters = [omar, emergency.harbor.pk, emergency.maria.pk, source, later, category]
    refused(emergency, "omar", SELF_GRANT, parameters)
    assert grants_of(emergency, "omar") == set()


@pytest.mark.parametrize("source", ["emergency", "care_team", "referral", "invited"])
def test_an_emergency_is_not_made_into_a_year_by_sql(emergency, source):
    """Not even with the records open, with which one who treats a patient may let others in."""
    with emergency.acting("omar"):
        row = break_glass(emergency)
        breakglass.widen(
            emergency=row, categories=["records"], reason=REASON, proof=proof_of(emergency.omar),
            by=emergency.omar,
        )  # fmt: skip
    before, later = grants_of(emergency, "omar"), timezone.now() + timedelta(days=365)
    for category in ("documents", "medications", "hiv"):
        parameters = [emergency.omar.pk, emergency.harbor.pk, emergency.maria.pk, source, later]
        refused(emergency, "omar", SELF_GRANT, [*parameters, category])
    refused(emergency, "omar", "UPDATE patients_accessgrant SET expires_at = %s", [later])
    refused(emergency, "omar", "UPDATE patients_accessgrant SET source = %s", [source])
    assert grants_of(emergency, "omar") == before
    with tenancy.system(emergency.harbor):
        ends = AccessGrant.grants.filter(source="emergency").values_list("expires_at", flat=True)
        assert set(ends) == {row.expires_at}


@pytest.mark.parametrize("lasts", [None, timedelta(minutes=60, seconds=1), timedelta(days=365)])
def test_a_grant_of_an_emergency_ends_within_an_hour_whoever_writes_it(emergency, lasts):
    given = timezone.now()
    said = {
        "user": emergency.omar, "content_object": emergency.maria, "granted_at": given,
        "source": "emergency", "permission": Permission.objects.get(codename="summary"),
    }  # fmt: skip
    refusal = pytest.raises(IntegrityError, match="within_an_hour")
    with tenancy.system(emergency.harbor), refusal, transaction.atomic():
        AccessGrant.grants.create(**said, expires_at=lasts and given + lasts)
    assert grants_of(emergency, "omar") == set()
    with tenancy.system(emergency.harbor):
        AccessGrant.grants.create(**said, expires_at=given + timedelta(minutes=60))
    assert grants_of(emergency, "omar") == {("emergency", "summary")}


@pytest.mark.parametrize(
    "act",
    [
        lambda it: care_team.join(patient=it.maria, user=it.omar, by=it.omar),
        lambda it: care_team.join(patient=it.maria, user=it.nina, by=it.omar),
        lambda it: care_team.confide(
            patient=it.maria, user=it.omar, kinds=["hiv"], reason=REASON, by=it.omar
        ),
        lambda it: care_team.confide(
            patient=it.maria, user=it.nina, kinds=["hiv"], reason=REASON, by=it.omar
        ),
        lambda it: referrals.refer(
            patient=it.maria, to=it.omar, reason=REASON, by=it.omar,
            until=timezone.now() + timedelta(days=300),
        ),
        lambda it: referrals.refer(
            patient=it.maria, to=it.nina, reason=REASON, by=it.omar, categories=["view", "hiv"],
            until=timezone.now() + timedelta(days=300),
        ),
    ],
)  # fmt: skip
def test_an_emergency_lets_nobody_in_for_longer(emergency, act):
    with emergency.acting("omar"):
        row = break_glass(emergency)
        breakglass.widen(
            emergency=row, categories=["records", "medications", "hiv"], reason=REASON,
            proof=proof_of(emergency.omar), by=emergency.omar,
        )  # fmt: skip
    before = grants_of(emergency, "omar"), grants_of(emergency, "nina")
    with emergency.acting("omar"), pytest.raises((Refused, Denied)), transaction.atomic():
        act(emergency)
    assert (grants_of(emergency, "omar"), grants_of(emergency, "nina")) == before


def test_another_opens_nothing_in_her_name(emergency):
    """The row of an access says who opened: a colleague cannot write one for her by SQL."""
    now = timezone.now()
    with emergency.acting("nina"), pytest.raises(DatabaseError), transaction.atomic():
        EmergencyAccess.objects.create(
            facility=emergency.harbor, patient=emergency.maria, user=emergency.omar,
            category="acute", reason=REASON, opened_at=now, expires_at=now, review_due_at=now,
        )  # fmt: skip


def test_a_row_without_grants_opens_nothing(emergency):
    now = timezone.now()
    with emergency.acting("omar"), tenancy.by_verb():
        EmergencyAccess.objects.create(
            facility=emergency.harbor, patient=emergency.maria, user=emergency.omar,
            category="acute", reason=REASON, opened_at=now, review_due_at=now,
            expires_at=now + timedelta(minutes=60),
        )  # fmt: skip
    with emergency.acting("omar") as actor:
        assert actor.emergencies == () and not Patient.objects.filter(pk=emergency.maria.pk)


@pytest.mark.parametrize("name", ["omar", "alma"])
@pytest.mark.parametrize(
    "told",
    [
        "reason = reason, category = 'transfer'",
        "review_due_at = review_due_at + interval '9 years'",
        "opened_at = opened_at - interval '1 day', expires_at = expires_at - interval '1 day'",
        "ended_at = opened_at",
        "escalated_at = now()",
        "scope = scope || ARRAY['hiv']::varchar[]",
        "scope = ARRAY['view']",
        "outcome = 'justified', reviewed_at = now(), reviewed_by_id = {alma}",
        "outcome = 'justified', reviewed_at = now(), reviewed_by_id = {sarah}",
        "user_id = {sarah}",
    ],
)
def test_what_happened_is_not_written_otherwise(emergency, name, told):
    with emergency.acting("omar"):
        row = break_glass(emergency)
    people = {who: f"'{emergency.people[who].pk}'" for who in ("alma", "sarah")}
    statement = f"UPDATE compliance_emergencyaccess SET {told.format(**people)} WHERE id = %s"
    refused(emergency, name, statement, [row.pk])
    refused(emergency, name, "DELETE FROM compliance_emergencyaccess WHERE id = %s", [row.pk])
    assert same_as_opened(emergency, row)


@pytest.mark.parametrize("by", ["omar", "sarah", None])
def test_a_verb_too_writes_no_review_in_anothers_name(emergency, by):
    """Nor does a task of the system; and none says who, when and why otherwise."""
    with emergency.acting("omar"):
        row = break_glass(emergency)
    rows = EmergencyAccess.objects.filter(pk=row.pk)
    reviewer = emergency.people[by] if by else None
    with emergency.acting("alma"), tenancy.by_verb():
        for told in (
            {"outcome": "justified", "reviewed_at": timezone.now(), "reviewed_by": reviewer},
            {"review_due_at": timezone.now() + timedelta(days=9)},
            {"opened_at": row.opened_at - timedelta(days=1)},
        ):
            with pytest.raises(DatabaseError), transaction.atomic():
                rows.update(**told)
    with tenancy.system(emergency.harbor), pytest.raises(DatabaseError), transaction.atomic():
        rows.update(outcome="justified", reviewed_at=timezone.now(), reviewed_by=emergency.alma)
    assert same_as_opened(emergency, row)


def test_a_review_is_written_once(emergency):
    with emergency.acting("omar"):
        row = break_glass(emergency)
    with emergency.acting("alma"):
        breakglass.review(emergency=row, outcome="misused", note="No.", by=emergency.alma)
    for told in ("outcome = 'justified'", "review_note = ''", "reviewed_at = now()"):
        statement = f"UPDATE compliance_emergencyaccess SET {told}"
        refused(emergency, "alma", statement, [])
        with pytest.raises(DatabaseError), emergency.acting("alma"), tenancy.by_verb():
            execute(statement)
    with tenancy.system(emergency.harbor):
        row = EmergencyAccess.objects.get(pk=row.pk)
        assert (row.outcome, row.review_note, row.reviewed_by) == (
            "misused", "No.", emergency.alma,
        )  # fmt: skip


def execute(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def same_as_opened(cast, row: EmergencyAccess) -> bool:
    fields = [field.attname for field in EmergencyAccess._meta.fields]
    with tenancy.system(cast.harbor):
        now = EmergencyAccess.objects.get(pk=row.pk)
        return all(getattr(now, name) == getattr(row, name) for name in fields)


def test_a_lost_role_ends_it_at_once(emergency):
    with emergency.acting("omar"):
        break_glass(emergency)
    with tenancy.system(emergency.harbor):
        RoleAssignment.objects.filter(user=emergency.omar).update(is_active=False)
    with emergency.acting("omar") as actor:
        assert actor.emergencies == () and not Patient.objects.exists()


def test_it_opens_nothing_in_the_portal(emergency):
    from clinic import staffing

    with tenancy.system(emergency.harbor):
        staffing.assign(user=emergency.omar, role="patient", facility=emergency.harbor)
    with emergency.acting("omar"):
        break_glass(emergency)
    with emergency.acting("omar", portal=True) as actor:
        assert actor.emergencies == () and not Patient.objects.filter(pk=emergency.maria.pk)


def test_another_clinic_sees_nothing_of_it(emergency):
    with emergency.acting("omar"):
        break_glass(emergency)
    for name in ("lucia", "rita"):
        with emergency.acting(name):
            assert not EmergencyAccess.objects.exists()


@pytest.mark.parametrize("name", ["sarah", "nina", "fred", "aud", "phil"])
def test_colleagues_see_nothing_of_it(emergency, name):
    with emergency.acting("omar"):
        break_glass(emergency)
    with emergency.acting(name):
        assert not EmergencyAccess.objects.exists()


def test_the_patient_sees_it_and_writes_nothing(emergency):
    with emergency.acting("omar"):
        row = break_glass(emergency, sought=Sought(patient_id=emergency.jimmy.pk))
    with emergency.acting("john", portal=True):
        assert [one.pk for one in EmergencyAccess.objects.all()] == [row.pk]
    with emergency.acting("jane", portal=True):
        assert not EmergencyAccess.objects.exists()
    with emergency.acting("john", portal=True), pytest.raises(DatabaseError), transaction.atomic():
        EmergencyAccess.objects.update(outcome="misused")


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    wanted=st.lists(st.sets(st.sampled_from(MORE), min_size=1), max_size=3),
    minutes=st.integers(0, 120),
)
def test_it_is_never_open_for_more_than_an_hour(emergency, wanted, minutes):
    """Whatever is asked for on the way: each grant ends with the access, an hour after it began."""
    with transaction.atomic():
        forget_attempts(emergency, "omar")
        with emergency.acting("omar"):
            row = break_glass(emergency)
            for categories in wanted:
                breakglass.widen(
                    emergency=row, categories=categories, reason=REASON,
                    proof=proof_of(emergency.omar), by=emergency.omar,
                )  # fmt: skip
        with tenancy.system(emergency.harbor):
            held = list(AccessGrant.grants.filter(user=emergency.omar, source="emergency"))
            stored = EmergencyAccess.objects.get(pk=row.pk)
        names = {str(c) for group in wanted for c in group}
        assert {grant.expires_at for grant in held} == {stored.expires_at}
        assert stored.expires_at - stored.opened_at == timedelta(minutes=60)
        assert set(stored.scope) == {"view", "summary"} | names
        if minutes >= 60:
            end_the_hour(emergency, row)
        with emergency.acting("omar"):
            reached = access.categories_of(emergency.omar, emergency.maria)
            assert reached == (set() if minutes >= 60 else set(map(Category, stored.scope)))
        transaction.set_rollback(True)


@pytest.mark.parametrize("change", [{}, {"dosage": "10 mg"}])
def test_what_was_opened_for_an_hour_is_closed_after_it_whatever_she_amended(
    emergency, api, change
):
    cast, sarah = emergency, api("sarah")
    with cast.acting("sarah"):
        row = break_glass(cast, "sarah", lacking=[Category.HIV])
        breakglass.widen(
            emergency=row, categories=[Category.HIV], reason=REASON, proof=proof_of(cast.sarah),
            by=cast.sarah,
        )  # fmt: skip
    path = f"patients/{cast.maria.pk}/medications/"
    [pill] = [m for m in sarah.get(path).json()["results"] if m["confidential_kind"] == "hiv"]
    assert sarah.patch(f"{path}{pill['id']}/", change).status_code == 200
    for opened in ({"sensitivity": "internal"}, {"confidential_kind": "confidential"}):
        assert wrong_fields(sarah.patch(f"{path}{pill['id']}/", opened)) == {"sensitivity"}
    end_the_hour(cast, row)
    for name in ("sarah", "phil"):
        assert "plantedhivpill" not in api(name).get(path).content.decode()
    with tenancy.system(cast.harbor):
        kept = Medication.objects.get(pk=pill["id"])
        assert (kept.sensitivity, kept.confidential_kind) == ("confidential", "hiv")
