"""Temporary tables that are called like ours: whoever may make them blinds neither the trail nor
what the policies ask."""

import pytest
from django.db import ProgrammingError, connection, transaction

from clinic.models import LogEntry
from clinic.security import tenancy
from clinic.tests.people import make_cast
from conftest import as_owner, database
from patients.models import Allergy, Patient

SHADOWED = (
    "clinic_logentry", "clinic_facility", "clinic_user", "clinic_apitoken", "clinic_roleassignment",
    "patients_accessgrant", "auth_permission", "django_content_type",
)  # fmt: skip


@pytest.mark.django_db
def test_the_runtime_role_may_make_none(db):
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE clinic_logentry (id int)")


@pytest.mark.django_db
def test_every_function_says_where_its_tables_are(db):
    """All that names one; those that name none are inlined, which a setting would prevent."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT proname FROM pg_proc p JOIN pg_language l ON l.oid = prolang
               WHERE pronamespace = 'public'::regnamespace AND proowner <> 10
                 AND (lanname <> 'sql' OR prosrc ~ '(FROM|JOIN) [a-z]+_')
                 AND NOT COALESCE(proconfig, '{}') @> '{"search_path=pg_catalog, public, pg_temp"}'
               ORDER BY 1"""
        )
        assert [name for (name,) in cursor.fetchall()] == []


@pytest.fixture
def granted(transactional_db):
    """What an installation by hand gave the runtime role unasked: the right to temporary tables,
    and a connection that looks among them first."""
    with transaction.atomic():
        cast = make_cast()
        with cast.acting("jane", portal=True) as cast.as_jane:
            pass
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(f"GRANT TEMPORARY ON DATABASE {database()} TO PUBLIC")
    with connection.cursor() as cursor:
        cursor.execute("SET search_path = pg_temp, public")
        for table in SHADOWED:
            cursor.execute(f"CREATE TEMPORARY TABLE {table} (LIKE public.{table} INCLUDING ALL)")
    yield cast
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(f"REVOKE TEMPORARY ON DATABASE {database()} FROM PUBLIC")


@pytest.mark.django_db(transaction=True)
def test_what_is_written_beside_them_is_on_the_trail(granted):
    patient = granted.mr_doe
    with tenancy.system(granted.harbor), transaction.atomic():
        Patient.objects.filter(pk=patient.pk).update(gender="other")
        Allergy.objects.create(facility=granted.harbor, patient=patient, allergen="Nuts")
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_temp.clinic_logentry")
            assert cursor.fetchone() == (0,)
            cursor.execute("DROP TABLE " + ", ".join(f"pg_temp.{table}" for table in SHADOWED))
        written = LogEntry.entries.filter(patient_id=patient.pk, surface="system")
        latest = [(entry.resource, entry.action) for entry in written.order_by("-id")[:2]]
        assert latest == [("patients.allergy", 0), ("patients.patient", 1)]
        assert all(entry.content_type_id for entry in written)


@pytest.mark.django_db(transaction=True)
def test_nor_do_they_add_to_what_somebody_sees(granted):
    """A grant in a table of one's own is none."""
    with tenancy.system(granted.harbor), transaction.atomic(), connection.cursor() as cursor:
        for table in ("auth_permission", "patients_accessgrant"):
            cursor.execute(f"INSERT INTO pg_temp.{table} SELECT * FROM public.{table}")
        cursor.execute("UPDATE pg_temp.patients_accessgrant SET user_id = %s", [granted.jane.pk])
    with tenancy.acting(granted.as_jane), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT app_patients('view')")
        assert cursor.fetchone() == ([granted.mrs_doe.pk],)
