"""The door for reading, and the grants that open it: what single calls promise. Sequences of them
are driven by `test_access_model`."""

import re
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from clinic import staffing
from clinic.errors import Conflict, Missing
from clinic.models import Facility
from clinic.security import tenancy
from clinic.security.permissions import CONFIDENTIAL_KINDS, Category, Denied, Role
from patients import access
from patients.models import AccessGrant, CareRelationship, Patient
from patients.tests import opened

C = Category
Source = AccessGrant.Source
TOMORROW = timezone.now() + timedelta(days=1)
NEXT_WEEK = timezone.now() + timedelta(days=7)
WIDE = {c for c in C if c not in {*CONFIDENTIAL_KINDS, C.SHARING}}


def grant(cast, name: str, patient, *categories, source=Source.CARE_TEAM, **more):
    with tenancy.system(cast.harbor):
        return access.grant(
            patient=patient, user=cast.people[name], categories=categories, source=source, **more
        )


def ends_of(cast, name: str, patient, source=Source.CARE_TEAM) -> dict[str, datetime | None]:
    return opened.ends_of(cast, name, patient, source)


@pytest.fixture
def barred(cast):
    """Mr Doe blocked Dr Sarah."""
    with tenancy.system(cast.harbor):
        CareRelationship.objects.create(
            facility=cast.harbor, patient=cast.mr_doe, clinician=cast.sarah, status="blocked",
            invited_by="patient",
        )  # fmt: skip
    return cast


def test_who_decides_holds_it_as_the_patient_or_as_a_guardian(cast):
    """Not a relative to whom something is open, nor a clinician, whatever was opened to her."""
    grant(cast, "jane", cast.jimmy, C.RECORDS, source=Source.FAMILY)
    grant(cast, "sarah", cast.jimmy, *C)
    with tenancy.system(cast.harbor):
        for patient, name in ((cast.jimmy, "john"), (cast.mrs_doe, "jane")):
            held = access.deciders(patient).values_list("user_id", flat=True)
            assert list(held) == [cast.people[name].pk]


def test_until_when_one_reads_is_by_ones_own_grants_on_that_side(cast):
    """Omar is a specialist here, and a relative of Mr Doe."""
    with tenancy.system(cast.harbor):
        staffing.assign(user=cast.omar, role=Role.FAMILY_MEMBER, facility=cast.harbor)
    grant(cast, "omar", cast.mr_doe, C.VIEW, C.HIV, expires_at=TOMORROW)
    grant(cast, "omar", cast.mr_doe, C.VIEW, C.HIV, source=Source.FAMILY, expires_at=NEXT_WEEK)
    grant(cast, "omar", cast.mrs_doe, C.VIEW, C.HIV)
    for portal, end in ((False, TOMORROW), (True, NEXT_WEEK)):
        with cast.acting("omar", portal=portal):
            assert access.held_until(cast.omar, cast.mr_doe) == {C.VIEW: end, C.HIV: end}
    grant(cast, "nina", cast.mr_doe, C.HIV, expires_at=TOMORROW)
    grant(cast, "phil", cast.mr_doe, C.HIV, expires_at=NEXT_WEEK)
    with cast.acting("nina"):  # who sees what is open to others
        assert access.held_until(cast.nina, cast.mr_doe)[C.HIV] == TOMORROW


def test_what_stays_open_is_not_closed_on_the_way(cast):
    """The trail would tell of an end that was none."""
    before = {row.pk for row in grant(cast, "omar", cast.mr_doe, C.VIEW, C.RECORDS)}
    with tenancy.system(cast.harbor):
        access.set_open(
            patient=cast.mr_doe, user=cast.omar, source=Source.CARE_TEAM,
            ends={C.RECORDS: None, C.DOCUMENTS: TOMORROW},
        )  # fmt: skip
        held = AccessGrant.grants.filter(user=cast.omar).values_list("pk", flat=True)
        assert before < set(held)


# The door
@pytest.mark.parametrize("name", ["sarah", "omar", "fred", "aud"])
def test_reading_as_another_person_is_refused(cast, name):
    for door in (access.visible_to, access.known_to):
        with cast.acting(name), pytest.raises(Denied):
            door(cast.nina)
    with cast.acting(name):
        assert access.categories_of(cast.nina, cast.mr_doe) == frozenset()
        assert access.granted(cast.nina, cast.mr_doe) == frozenset()
        assert not access.may(cast.nina, cast.mr_doe, C.VIEW)


def test_no_more_is_asked_of_each_row_than_has_to_be(cast):
    """So that an index finds the few whom a relative sees, and a list of all asks nothing of each:
    the policies ask it anyway."""

    def asked(name: str, category=C.VIEW, portal=False) -> set[str]:
        with cast.acting(name, portal=portal):
            rows = access.visible(Patient.objects.all(), None, category=category, column="pk")
            return set(re.findall(r"app_\w+", str(rows.query)))

    wide = {"app_wide", "app_barred", "app_patients"}
    assert asked("sarah") == asked("fred") == set()
    assert asked("sarah", C.HIV) == {"app_patients"}
    for name, portal in (("omar", False), ("jane", True), ("john", True)):
        assert asked(name, portal=portal) == asked(name, C.RECORDS, portal) == {"app_patients"}
    with tenancy.system(cast.harbor):
        CareRelationship.objects.create(
            facility=cast.harbor, patient=cast.mr_doe, clinician=cast.sarah, status="blocked",
            invited_by="patient",
        )  # fmt: skip
    assert asked("sarah") == wide
    assert asked("sarah", C.RECORDS) == wide - {"app_wide"} | {"app_clinical_wide"}


def test_why_is_said_or_nothing_is(cast):
    for said, kept in (({}, ""), ({"reason": "She asked."}, "She asked.")):
        rows = grant(cast, "omar", cast.mr_doe, C.RECORDS, **said)
        assert {row.reason for row in rows} == {kept}
        with tenancy.system(cast.harbor):
            access.grant_until(
                patient=cast.mr_doe, user=cast.phil, source="care_team", ends={C.RECORDS: None},
                **said,
            )  # fmt: skip
            assert {row.reason for row in AccessGrant.grants.filter(user=cast.phil)} == {kept}


def test_categories_of_are_what_roles_and_grants_open(cast):
    with cast.acting("sarah"):
        assert access.categories_of(cast.sarah, cast.mr_doe) == WIDE
        assert access.granted(cast.sarah, cast.mr_doe) == frozenset()
    with cast.acting("fred"):
        assert access.categories_of(cast.fred, cast.mr_doe) == {C.VIEW, C.APPOINTMENTS}
    with cast.acting("aud"):
        assert access.categories_of(cast.aud, cast.mr_doe) == frozenset()
    grant(cast, "sarah", cast.mr_doe, C.VIEW, C.HIV)
    grant(cast, "fred", cast.mr_doe, C.VIEW, C.RECORDS, C.HIV)
    with cast.acting("sarah"):
        assert access.categories_of(cast.sarah, cast.mr_doe) == WIDE | {C.HIV}
        assert access.granted(cast.sarah, cast.mr_doe) == {C.VIEW, C.HIV}
        assert access.may(cast.sarah, cast.mr_doe, C.HIV)
        assert not access.may(cast.sarah, cast.mrs_doe, C.HIV)
        assert not access.may(cast.sarah, cast.mr_doe, C.SHARING)
    with cast.acting("fred"):  # no grant makes the desk a reader of clinical content
        assert access.categories_of(cast.fred, cast.mr_doe) == {C.VIEW, C.APPOINTMENTS}
        assert access.granted(cast.fred, cast.mr_doe) == {C.VIEW}


def test_a_patient_of_another_clinic_has_no_categories(cast):
    with cast.acting("sarah"):
        assert access.categories_of(cast.sarah, cast.dona_ana) == frozenset()
        assert access.read_clinically([cast.dona_ana.pk]) == {cast.dona_ana.pk}, "reads no row"
        assert not Patient.objects.filter(pk=cast.dona_ana.pk).exists()


def test_whom_a_patient_blocked_reaches_by_grant_neither(barred):
    grant(barred, "sarah", barred.mr_doe, C.VIEW, C.HIV)
    with barred.acting("sarah"):
        assert access.categories_of(barred.sarah, barred.mr_doe) == frozenset()
        assert access.categories_of(barred.sarah, barred.mrs_doe) == WIDE
        both = [barred.mr_doe.pk, barred.mrs_doe.pk]
        assert access.read_clinically(both) == {barred.mrs_doe.pk}


def test_who_reads_clinically(cast):
    grant(cast, "omar", cast.mr_doe, C.VIEW, C.RECORDS)
    both = [cast.mr_doe.pk, cast.mrs_doe.pk]
    expected = {
        ("sarah", C.VIEW): set(both),
        ("sarah", C.RECORDS): set(both),
        ("omar", C.VIEW): {cast.mr_doe.pk},
        ("omar", C.RECORDS): {cast.mr_doe.pk},
        ("omar", C.DOCUMENTS): set(),
        ("fred", C.VIEW): set(),
        ("aud", C.VIEW): set(),
    }
    for (name, category), patients in expected.items():
        with cast.acting(name):
            assert access.read_clinically(both, category) == patients, (name, category)
    with cast.acting("omar"):
        assert access.read_clinically(both) == {cast.mr_doe.pk}, "the cover, unless said otherwise"
        assert access.read_clinically([]) == frozenset()


def test_who_is_out_of_reach_is_said_not_to_exist(cast):
    with cast.acting("omar"):
        with pytest.raises(Missing) as refused:
            access.require_reach(cast.mr_doe, C.VIEW, cast.omar)
        assert refused.value.fields == {"patient": ["There is no such patient."]}
        assert str(refused.value) == "There is no such patient."
        with pytest.raises(Denied):
            access.require_reach(cast.mr_doe, C.VIEW, cast.sarah)
    grant(cast, "omar", cast.mr_doe, C.VIEW, C.RECORDS)
    with cast.acting("omar"):
        access.require_reach(cast.mr_doe, C.RECORDS, cast.omar)
        access.require_reach(cast.mr_doe, C.RECORDS)
        for patient, category in [(cast.mr_doe, C.DOCUMENTS), (cast.mrs_doe, C.RECORDS)]:
            with pytest.raises(Missing):
                access.require_reach(patient, category, cast.omar)


def test_the_settled_door_asks_for_the_acting_clinic(cast):
    """`in_context` is the door whose actor the database settles; it stands before the policies."""
    grant(cast, "omar", cast.mr_doe, C.VIEW, C.RECORDS)
    everybody = Patient.objects.order_by("pk")
    with cast.acting("omar"):
        assert [p.pk for p in access.in_context(everybody, C.RECORDS)] == [cast.mr_doe.pk]
        assert not access.in_context(everybody, C.DOCUMENTS)
        grants = access.in_context(AccessGrant.grants.all(), C.RECORDS, "content_object_id")
        assert {row.content_object_id for row in grants} == {cast.mr_doe.pk}
    sql, parameters = access.in_context(everybody, C.RECORDS).query.sql_with_params()
    assert "app_facility()" in sql and "ANY ((SELECT app_patients(%s))" in sql
    assert parameters == ("records",)


def test_guardians_backend_answers_for_grants_in_force(cast):
    grant(cast, "omar", cast.mr_doe, C.VIEW, C.RECORDS)
    over = timezone.now() - timedelta(minutes=1)
    grant(cast, "omar", cast.jimmy, C.VIEW, C.RECORDS, expires_at=over)
    with cast.acting("omar"):
        assert cast.omar.has_perm("patients.records", cast.mr_doe)
        assert cast.omar.has_perm("records", cast.mr_doe)
        assert not cast.omar.has_perm("patients.documents", cast.mr_doe)
        assert not cast.omar.has_perm("patients.no_such", cast.mr_doe)
        assert not cast.omar.has_perm("patients.records", cast.mrs_doe)
        assert not cast.omar.has_perm("patients.records", cast.jimmy)
        assert not cast.omar.has_perm("patients.records", cast.harbor)
        assert not cast.omar.has_perm("patients.records")
        assert not cast.sarah.has_perm("patients.records", cast.mr_doe)


# Grants
def test_a_grant_says_who_gave_it_why_and_until_when(cast):
    before = timezone.now()
    with cast.acting("alma"):
        given = access.grant(
            patient=cast.mr_doe, user=cast.omar, categories=[C.VIEW, C.RECORDS], reason="Heart",
            source=Source.REFERRAL, expires_at=TOMORROW, by=cast.alma,
        )  # fmt: skip
    assert {g.permission.codename for g in given} == {"view", "records"}
    with tenancy.system(cast.harbor):
        for row in AccessGrant.grants.filter(user=cast.omar, content_object=cast.mr_doe):
            assert (row.source, row.reason) == ("referral", "Heart")
            assert row.granted_by_id == cast.alma.pk
            assert (row.expires_at, row.facility_id) == (TOMORROW, cast.harbor.pk)
            assert before <= row.granted_at <= timezone.now()


def test_of_full_access_nothing_is_left_out(cast):
    with tenancy.system(cast.harbor):
        access.grant(patient=cast.mr_doe, user=cast.omar, source=Source.CARE_TEAM)
    assert set(ends_of(cast, "omar", cast.mr_doe)) == set(C.values)


def test_what_is_given_again_gets_the_new_end_and_giver(cast):
    [first] = grant(cast, "omar", cast.mr_doe, C.RECORDS, expires_at=TOMORROW, by=cast.alma)
    given = first.granted_at
    [second] = grant(cast, "omar", cast.mr_doe, C.RECORDS, expires_at=NEXT_WEEK, reason="Longer")
    with tenancy.system(cast.harbor):
        row = AccessGrant.grants.get(user=cast.omar, content_object=cast.mr_doe)
    assert row.pk == first.pk == second.pk
    assert (row.expires_at, row.reason, row.granted_by_id) == (NEXT_WEEK, "Longer", None)
    assert row.granted_at > given


@pytest.mark.parametrize(
    "records, documents, cover",
    [
        (TOMORROW, NEXT_WEEK, NEXT_WEEK),
        (NEXT_WEEK, TOMORROW, NEXT_WEEK),
        (None, TOMORROW, None),
        (TOMORROW, None, None),
    ],
)
def test_the_cover_stays_as_long_as_anything_of_the_same_source(cast, records, documents, cover):
    grant(cast, "omar", cast.mr_doe, C.VIEW, C.RECORDS, expires_at=records)
    grant(cast, "omar", cast.mr_doe, C.VIEW, C.DOCUMENTS, expires_at=documents)
    assert ends_of(cast, "omar", cast.mr_doe) == {
        "view": cover, "records": records, "documents": documents
    }  # fmt: skip


def test_sources_know_nothing_of_each_other(cast):
    grant(cast, "omar", cast.mr_doe, C.VIEW, C.RECORDS, expires_at=NEXT_WEEK)
    grant(cast, "omar", cast.mr_doe, C.VIEW, C.RECORDS, source=Source.REFERRAL, expires_at=TOMORROW)
    grant(cast, "nina", cast.mr_doe, C.VIEW)
    grant(cast, "omar", cast.mrs_doe, C.VIEW)
    with tenancy.system(cast.harbor):
        access.revoke(patient=cast.mr_doe, user=cast.omar, source=Source.REFERRAL)
    assert ends_of(cast, "omar", cast.mr_doe, Source.REFERRAL) == {}
    assert ends_of(cast, "omar", cast.mr_doe) == {"view": NEXT_WEEK, "records": NEXT_WEEK}
    assert ends_of(cast, "nina", cast.mr_doe) == ends_of(cast, "omar", cast.mrs_doe)


def test_one_category_is_closed_alone_and_the_cover_closes_all(cast):
    grant(cast, "omar", cast.mr_doe, C.VIEW, C.RECORDS, C.HIV)
    with tenancy.system(cast.harbor):
        access.revoke(
            patient=cast.mr_doe, user=cast.omar, source=Source.CARE_TEAM, categories=[C.HIV]
        )
    assert set(ends_of(cast, "omar", cast.mr_doe)) == {"view", "records"}
    with tenancy.system(cast.harbor):
        access.revoke(
            patient=cast.mr_doe, user=cast.omar, source=Source.CARE_TEAM, categories=[C.VIEW]
        )
    assert ends_of(cast, "omar", cast.mr_doe) == {}


def set_open(cast, ends, by=None):
    with tenancy.system(cast.harbor):
        access.set_open(
            patient=cast.mr_doe, user=cast.omar, source=Source.INVITED, ends=ends, by=by
        )


def test_exactly_what_is_said_is_open(cast):
    grant(cast, "omar", cast.mr_doe, C.VIEW, C.RECORDS, expires_at=TOMORROW)
    set_open(cast, {C.RECORDS: TOMORROW, C.HIV: NEXT_WEEK})
    opened = ends_of(cast, "omar", cast.mr_doe, Source.INVITED)
    assert opened == {"view": NEXT_WEEK, "records": TOMORROW, "hiv": NEXT_WEEK}
    set_open(cast, {C.DOCUMENTS: None, C.RECORDS: TOMORROW}, by=cast.alma)
    opened = ends_of(cast, "omar", cast.mr_doe, Source.INVITED)
    assert opened == {"view": None, "records": TOMORROW, "documents": None}
    with tenancy.system(cast.harbor):
        rows = AccessGrant.grants.filter(user=cast.omar, source=Source.INVITED)
        assert {row.granted_by_id for row in rows} == {cast.alma.pk}
    set_open(cast, {})
    assert ends_of(cast, "omar", cast.mr_doe, Source.INVITED) == {}
    assert ends_of(cast, "omar", cast.mr_doe) == {"view": TOMORROW, "records": TOMORROW}


def test_by_an_emergency_nobody_is_let_in(cast):
    now = timezone.now()
    with cast.acting("omar"), tenancy.whole_facility(clinical=True):
        access.grant(
            patient=cast.mr_doe, user=cast.omar, categories=[C.VIEW, C.SUMMARY],
            source=Source.EMERGENCY, expires_at=now + timedelta(minutes=60), by=cast.omar,
        )  # fmt: skip
    for source in set(Source) - {Source.EMERGENCY}:
        with cast.acting("omar") as actor:
            assert actor.emergencies == (cast.mr_doe.pk,)
            with pytest.raises(Conflict, match="Give the emergency access back first"):
                access.grant(
                    patient=cast.mr_doe, user=cast.nina, categories=[C.VIEW], source=source,
                    by=cast.omar,
                )  # fmt: skip
        assert ends_of(cast, "nina", cast.mr_doe, source) == {}


@pytest.mark.parametrize("reach", Facility.CareReach.values)
def test_confidential_kinds_are_by_grant_alone(cast, reach):
    with tenancy.system(cast.harbor):
        Facility.objects.filter(pk=cast.harbor.pk).update(care_reach=reach)
    for name in ("sarah", "nina", "alma", "phil"):
        with cast.acting(name):
            for category in (*CONFIDENTIAL_KINDS, C.SHARING):
                rows = access.visible(
                    Patient.objects.all(), cast.people[name], category=category, column="pk"
                )
                assert not rows.exists(), (name, category)
