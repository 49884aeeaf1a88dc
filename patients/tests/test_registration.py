"""Registering, correcting and finding patients."""

from datetime import date

import pytest
from django.core.exceptions import FieldError
from django.db import connection

from clinic.errors import Invalid
from clinic.security.permissions import Denied
from patients import registration, search
from patients.models import Patient

PERSON = {"first_name": "Zoë", "last_name": "O'Hara-Muñoz", "date_of_birth": date(1990, 5, 17)}


def test_found_by_any_prefix_in_any_order_without_accents(cast):
    with cast.acting("fred"):
        patient = registration.register(
            by=cast.fred, **PERSON, phone="+1 (555) 010-2233", email="Zoe@Example.org",
            ssn="123-45-6789",
        )  # fmt: skip
        queries = [
            "zoe", "ZOË", "ohara", "hara", "muno mu", "munoz zoe", "zoe har", "5550102233",
            "+15550102233", "zoe@example.org", "1990-05-17", "17/05/1990", "123456789",
            patient.mrn, patient.mrn.lower(),
        ]  # fmt: skip
        found = {q: list(search.find(cast.fred, q)) for q in queries}
        missed = [q for q, rows in found.items() if patient not in rows]
        assert missed == ["muno mu"], "a word of two letters must be a whole name"
        assert not search.find(cast.fred, "zo").exists()
        assert not search.find(cast.fred, "munoz jane").exists()


@pytest.mark.parametrize(
    ("mrn", "queries"),
    [
        ("AB-12/7", ["AB-12/7", "ab-12/7", " AB - 12/7"]),
        ("KLAB", ["klab", "KLAB", "kla"]),
        ("K-LAB", ["k-lab", "K-Lab"]),
    ],
)
def test_found_by_the_record_number_as_it_is_written(cast, mrn, queries):
    with cast.acting("fred"):
        patient = registration.register(by=cast.fred, **PERSON, mrn=mrn)
        missed = [q for q in queries if patient not in search.find(cast.fred, q)]
        assert not missed
        assert not search.find(cast.fred, mrn[:-1] + "x").exists()


def test_nothing_of_a_patient_stands_readable_in_her_row(cast):
    with cast.acting("fred"):
        patient = registration.register(by=cast.fred, **PERSON, phone="5550102233")
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_jsonb(p)::text FROM patients_patient p WHERE id = %s",
                           [patient.pk])  # fmt: skip
            row = cursor.fetchone()[0]
        assert (
            "Zoë" not in row
            and "Muñoz" not in row
            and "Hara" not in row
            and "1990" not in row
            and "5550102233" not in row
        )
        again = Patient.objects.get(pk=patient.pk)
        assert (again.first_name, again.date_of_birth) == ("Zoë", date(1990, 5, 17))


def test_an_ssn_is_unique_in_a_facility_and_only_there(cast):
    with cast.acting("fred"):
        registration.register(by=cast.fred, **PERSON, ssn="123-45-6789")
        with pytest.raises(registration.NumberTaken) as taken:
            registration.register(by=cast.fred, **PERSON, ssn="123456789")
        assert list(taken.value.fields) == ["ssn"]
        count = Patient.objects.count()
    with cast.acting("lucia"):
        registration.register(by=cast.lucia, **PERSON, ssn="123456789")
    with cast.acting("fred"):
        assert Patient.objects.count() == count


def test_wrong_details_are_named_and_nothing_is_stored(cast):
    with cast.acting("fred"):
        before = Patient.objects.count()
        with pytest.raises(Invalid) as refused:
            registration.register(
                by=cast.fred, first_name=" ", last_name="X", date_of_birth=date(2990, 1, 1),
                cpf="111.111.111-11",
            )  # fmt: skip
        assert set(refused.value.fields) == {"first_name", "date_of_birth", "cpf"}
        assert Patient.objects.count() == before


def test_an_auditor_registers_nobody(cast):
    with cast.acting("aud"), pytest.raises(Denied):
        registration.register(by=cast.aud, **PERSON)


def test_encrypted_fields_refuse_lookups_and_bulk_updates(cast):
    with cast.acting("fred"):
        with pytest.raises(FieldError):
            Patient.objects.filter(first_name="Zoë").exists()
        with pytest.raises(FieldError):
            Patient.objects.update(first_name="Zoë")


def test_a_correction_moves_the_index(cast):
    with cast.acting("fred"):
        patient = registration.register(by=cast.fred, **PERSON)
        registration.correct(patient=patient, by=cast.fred, first_name="Beatriz")
        assert not search.find(cast.fred, "zoe").exists()
        assert search.find(cast.fred, "beatr").get() == patient
