"""Tenancy under attack: filters removed, contexts missing, facilities crossed."""

import re
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.db.utils import DatabaseError, OperationalError
from django.utils import timezone

from clinic import staffing
from clinic.models import Facility, LogEntry, RoleAssignment, Specialist
from clinic.models.base import FacilityForeignKey, uuid7
from clinic.security import tenancy
from clinic.security.permissions import Category, Role
from compliance.registry import OUR_APPS, OUTSIDE_FACILITIES
from patients import access
from patients.models import AccessGrant, Allergy, Patient, SearchToken
from records.models import Document
from records.tasks import read_document

PROTECTED = [
    model
    for model in apps.get_models()
    if model._meta.app_label in OUR_APPS and model._meta.label not in OUTSIDE_FACILITIES
]


def catalogue(sql: str, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


@pytest.mark.django_db
class TestTheCatalogue:
    def test_the_runtime_role_owns_nothing_and_passes_no_policy(self):
        ((superuser, bypass, owner),) = catalogue(
            "SELECT rolsuper, rolbypassrls, EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n"
            " ON n.oid = c.relnamespace WHERE c.relowner = r.oid AND n.nspname = 'public')"
            " FROM pg_roles r WHERE rolname = current_user"
        )
        assert (superuser, bypass, owner) == (False, False, False)

    @pytest.mark.parametrize("model", [*PROTECTED, Facility], ids=lambda m: m._meta.label)
    def test_every_table_of_a_facility_forces_a_policy(self, model):
        ((enabled, forced, policies),) = catalogue(
            "SELECT relrowsecurity, relforcerowsecurity,"
            " (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid)"
            " FROM pg_class c WHERE oid = %s::regclass",
            model._meta.db_table,
        )
        assert enabled and forced and policies >= 1

    def test_only_what_writes_taken_times_and_finds_feeds_runs_as_its_owner(self):
        """Who works in two facilities is free in neither: that no policy of one of them can say.
        What runs so is a trigger, or called by one alone; and a stranger who knows the address of a
        calendar is told whose it is."""
        definers = catalogue(
            "SELECT proname, has_function_privilege(p.oid, 'EXECUTE') AND prorettype <>"
            " 'trigger'::regtype FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
            " JOIN pg_roles r ON r.oid = p.proowner"
            " WHERE n.nspname = 'public' AND prosecdef AND NOT r.rolsuper"
        )
        views = catalogue(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " JOIN pg_roles r ON r.oid = c.relowner"
            " WHERE n.nspname = 'public' AND relkind IN ('v', 'm') AND NOT r.rolsuper"
            " AND NOT COALESCE(c.reloptions @> ARRAY['security_invoker=true'], false)"
        )
        assert sorted(definers) == [
            ("app_feed", True), ("take_one", False), ("take_time", False)
        ]  # fmt: skip
        assert views == []

    def test_every_reference_between_rows_of_a_facility_is_composite(self):
        """A single-column key to a facility's table would answer whether another's row exists."""
        single = catalogue(
            """SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
               WHERE contype = 'f' AND cardinality(conkey) = 1
                 AND confrelid::regclass::text = ANY (%s)""",
            [m._meta.db_table for m in PROTECTED],
        )
        assert single == []


@pytest.mark.parametrize("model", PROTECTED, ids=lambda m: m._meta.label)
def test_without_a_context_nothing_is_visible_and_nothing_fails(cast, model):
    with tenancy.acting(tenancy.NOBODY):
        assert not model._base_manager.exclude(facility_id=None).exists()


def test_a_query_without_any_filter_sees_one_facility_only(cast):
    with cast.acting("sarah"):
        seen = {p.facility_id for p in Patient.objects.all()}
        with connection.cursor() as cursor:
            cursor.execute("SELECT DISTINCT facility_id FROM patients_patient")
            raw = {row[0] for row in cursor.fetchall()}
    assert seen == raw == {cast.harbor.pk}


def test_a_portal_view_that_forgets_its_filter_leaks_nothing(cast):
    with tenancy.system(cast.harbor):
        for patient in (cast.mr_doe, cast.mrs_doe, cast.jimmy):
            Allergy.objects.create(facility=cast.harbor, patient=patient, allergen="Latex")
    with cast.acting("john", portal=True):
        assert {p.pk for p in Patient.objects.all()} == {cast.mr_doe.pk, cast.jimmy.pk}
        assert {a.patient_id for a in Allergy.objects.all()} == {cast.mr_doe.pk, cast.jimmy.pk}
        assert not Patient.objects.filter(pk=cast.mrs_doe.pk).exists()


def test_a_grant_of_one_category_opens_only_that_table(cast):
    with tenancy.system(cast.harbor):
        Allergy.objects.create(facility=cast.harbor, patient=cast.mr_doe, allergen="Latex")
        Document.objects.create(
            facility=cast.harbor, patient=cast.mr_doe, original_filename="x",
            mime_type="text/plain", file_size=1, checksum="0", storage_name="0",
        )  # fmt: skip
        access.grant(
            patient=cast.mr_doe, user=cast.jane, source=AccessGrant.Source.FAMILY,
            categories=[Category.VIEW, Category.MEDICATIONS],
        )  # fmt: skip
    with cast.acting("jane", portal=True):
        assert Allergy.objects.filter(patient=cast.mr_doe).count() == 1
        assert not Document.objects.filter(patient=cast.mr_doe).exists()


def test_grants_count_on_their_own_side_only(cast, api):
    """What a person holds as patient or relative is not hers as staff, nor the other way round."""
    omar = cast.people["omar"]
    with tenancy.system(cast.harbor):
        staffing.assign(user=omar, role=Role.PATIENT, facility=cast.harbor)
        access.grant(patient=cast.jimmy, user=omar, source=AccessGrant.Source.FAMILY)
        access.grant(patient=cast.mrs_doe, user=omar, source=AccessGrant.Source.CARE_TEAM)
    with cast.acting("omar"):
        assert {p.pk for p in Patient.objects.all()} == {cast.mrs_doe.pk}
        assert {p.pk for p in access.visible_to(omar)} == {cast.mrs_doe.pk}
    with cast.acting("omar", portal=True):
        assert {p.pk for p in Patient.objects.all()} == {cast.jimmy.pk}
        assert {p.pk for p in access.visible_to(omar)} == {cast.jimmy.pk}
        assert access.categories_of(omar, cast.mrs_doe) == frozenset()
    program, medicine = api("omar"), {"generic_name": "Oxycodone", "dosage": "80 mg"}
    assert program.post(f"patients/{cast.jimmy.pk}/medications/", medicine).status_code == 404
    assert program.get(f"patients/{cast.jimmy.pk}/chart/").status_code == 404
    assert program.get(f"patients/{cast.mrs_doe.pk}/chart/").status_code == 200


def test_an_expired_grant_ends_by_itself(cast):
    with tenancy.system(cast.harbor):
        AccessGrant.grants.filter(user=cast.john, content_object=cast.jimmy).update(
            expires_at=timezone.now() - timedelta(minutes=5)
        )
    with cast.acting("john", portal=True):
        assert {p.pk for p in Patient.objects.all()} == {cast.mr_doe.pk}


def test_front_desk_and_auditor_see_no_clinical_rows(cast):
    with tenancy.system(cast.harbor):
        Allergy.objects.create(facility=cast.harbor, patient=cast.mr_doe, allergen="Latex")
    with cast.acting("fred"):
        assert Patient.objects.count() == 3 and not Allergy.objects.exists()
    with cast.acting("aud"):
        assert not Patient.objects.exists() and not Allergy.objects.exists()


def refused(action) -> str:
    """What the database says when it refuses; the transaction goes on."""
    with pytest.raises(DatabaseError) as error, transaction.atomic():
        action()
    return type(error.value.__cause__).__name__


def test_no_write_joins_rows_of_two_facilities_and_none_tells_what_exists(cast):
    with cast.acting("sarah"):
        nobody, foreign = uuid7(), cast.dona_ana.pk

        def allergy(patient_id):
            return lambda: Allergy.objects.create(
                facility=cast.harbor, patient_id=patient_id, allergen="Latex"
            )

        assert refused(allergy(foreign)) == refused(allergy(nobody)) == "ForeignKeyViolation"
        before = Allergy.objects.count()
        own = Allergy.objects.create(facility=cast.harbor, patient=cast.mr_doe, allergen="Latex")
        move = Allergy.objects.filter(pk=own.pk)
        assert refused(lambda: move.update(patient_id=foreign)) == "ForeignKeyViolation"
        assert refused(lambda: move.update(facility_id=cast.austa.pk)) == "InsufficientPrivilege"
        assert Allergy.objects.count() == before + 1


def first_column(definition: str) -> str:
    return re.search(r"USING btree \((\w+)", definition)[1]


def test_what_is_taken_in_another_facility_cannot_be_probed(cast):
    """Keys, numbers and digests of one facility are free in another."""
    with tenancy.system(cast.austa):
        taken = Patient.objects.get()
        token = SearchToken.objects.filter(patient_id=taken.pk).first()
    with cast.acting("sarah"):
        mine = Patient.objects.first()
        assert Patient.objects.filter(pk=mine.pk).update(mrn=taken.mrn + "X") == 1
        assert Patient.objects.filter(pk=taken.pk).update(mrn="X") == 0
        assert not SearchToken.objects.filter(token=token.token).exists()
        unique = catalogue(
            """SELECT i.indrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i
               JOIN pg_class c ON c.oid = i.indrelid
               WHERE i.indisunique AND NOT i.indisprimary
                 AND i.indrelid::regclass::text = ANY (%s)""",
            [m._meta.db_table for m in PROTECTED],
        )
    # Keys whose first column is itself a key of one facility's row, and 256 bits of chance.
    references = {
        (model._meta.db_table, field.column)
        for model in PROTECTED
        for field in model._meta.fields
        if isinstance(field, FacilityForeignKey)
    } | {("scheduling_calendarfeed", "digest"), ("patients_accessgrant", "user_id")}
    global_ones = [
        (table, definition)
        for table, definition in unique
        if "facility_id" not in definition and (table, first_column(definition)) not in references
    ]
    assert global_ones == []


def test_a_write_into_another_facility_is_refused(cast):
    with cast.acting("alma"):

        def employ():
            Specialist.objects.create(facility=cast.austa, user=cast.alma, specialty="X")

        assert refused(employ) == "InsufficientPrivilege"
        assert (
            refused(
                lambda: RoleAssignment.objects.create(
                    facility=cast.austa, user=cast.alma, role="administrator"
                )
            )
            == "InsufficientPrivilege"
        )
    with tenancy.system(cast.austa):
        assert not RoleAssignment.objects.filter(user=cast.alma).exists()


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("DELETE FROM clinic_datakey", "clinic_datakey"),
        ("DELETE FROM django_migrations", "django_migrations"),
        ("UPDATE auth_permission SET codename = 'view'", "auth_permission"),
        ("DELETE FROM django_content_type", "django_content_type"),
    ],
)
def test_what_only_the_owner_writes_is_out_of_reach(cast, statement, table):
    """A key that is gone would take with it all that it sealed."""
    with tenancy.system(cast.harbor):
        before = catalogue(f"SELECT count(*) FROM {table}")
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            catalogue(statement)
        assert catalogue(f"SELECT count(*) FROM {table}") == before


def test_a_patient_cannot_grant_herself_more(cast):
    with cast.acting("jane", portal=True):
        held = AccessGrant.grants.filter(user=cast.jane).first()
        for foreign in (cast.mr_doe.pk, cast.dona_ana.pk):
            more = AccessGrant(
                facility=cast.harbor, user=cast.jane, content_object_id=foreign,
                permission=held.permission, source="self",
            )  # fmt: skip
            assert refused(lambda more=more: AccessGrant.grants.bulk_create([more])) == (
                "InsufficientPrivilege"
            )
        assert {p.pk for p in Patient.objects.all()} == {cast.mrs_doe.pk}


def test_nobody_stays_whom_the_database_was_not_told_of(cast, monkeypatch):
    """Where the context cannot be written, the next work of the thread does not inherit it."""

    def broken(db):
        raise OperationalError

    with monkeypatch.context() as down:
        down.setattr(tenancy, "apply", broken)
        with pytest.raises(OperationalError), tenancy.system(cast.harbor):
            pass
    assert tenancy.current() is tenancy.NOBODY


def test_tasks_without_a_facility_fail(cast):
    with pytest.raises(tenancy.MissingFacility):
        read_document(document_id=str(uuid7()))
    with pytest.raises(tenancy.MissingFacility):
        tenancy.system(None)


def test_crossing_facilities_needs_a_reason_and_shows(cast):
    with tenancy.system(cast.harbor):
        nowhere = tenancy.across_facilities([cast.harbor, cast.austa], reason="")
        with pytest.raises(ValueError, match="reason"), nowhere:
            pass
        with tenancy.across_facilities([cast.harbor, cast.austa], reason="merging the registers"):
            assert Patient.objects.count() == 4
            Patient.objects.filter(pk=cast.dona_ana.pk).update(gender="other")
            entry = LogEntry.entries.filter(patient_id=cast.dona_ana.pk).first()
    assert "across:merging the registers" in entry.compliance_flags


@pytest.mark.parametrize("statement", ["TRUNCATE patients_patient CASCADE", "DROP TABLE chat_chunk",
                                       "ALTER TABLE patients_patient DISABLE ROW LEVEL SECURITY",
                                       "CREATE TABLE public.mine (x int)",
                                       "SET ROLE chartroom_owner"])  # fmt: skip
def test_the_runtime_role_cannot_lift_the_protection(cast, statement):
    refusal = pytest.raises(ProgrammingError)
    with cast.acting("sarah"), connection.cursor() as cursor, refusal, transaction.atomic():
        cursor.execute(statement)


def test_the_unique_key_of_a_person_is_not_a_patient(cast):
    """Two facilities may care for the same person without knowing of one another."""
    with tenancy.system(cast.austa), pytest.raises(IntegrityError), transaction.atomic():
        Patient.objects.create(
            facility=cast.austa, mrn=cast.dona_ana.mrn, first_name="A", last_name="B",
            date_of_birth="1990-01-01",
        )  # fmt: skip
