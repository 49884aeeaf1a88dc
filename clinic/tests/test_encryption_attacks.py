"""Sealed values under attack: moved, altered, swapped, without their key."""

import base64
import secrets

import pytest
from django.db import connection
from django.test import override_settings

from clinic.models import LogEntry, User
from clinic.security import keyring, tenancy, trail
from patients.models import AccessGrant, Allergy, Patient


@pytest.fixture(autouse=True)
def fresh_keys():
    """Unwrapped keys do not outlive a test."""
    keyring.forget()
    yield
    keyring.forget()


def stored(table: str, column: str, pk) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table} WHERE id = %s", [pk])
        return cursor.fetchone()[0]


def overwrite(table: str, column: str, pk, value) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = %s WHERE id = %s", [value, pk])


def refused_reading(patient, column: str) -> None:
    """Reading raises, shows nothing, and leaves an entry once the transaction is over."""
    with pytest.raises(keyring.SealBroken) as broken:
        getattr(Patient.objects.get(pk=patient.pk), column)
    assert "John" not in str(broken.value) and "Jane" not in str(broken.value)
    trail.write_deferred(tenancy.current())
    entry = LogEntry.entries.filter(patient_id=patient.pk).first()
    assert "seal_broken" in entry.compliance_flags
    assert entry.additional_data["column"] == column and entry.risk_score >= 60


def test_a_value_moved_to_another_row_is_refused(cast):
    with cast.acting("alma"):
        other = stored("patients_patient", "first_name", cast.mrs_doe.pk)
        overwrite("patients_patient", "first_name", cast.mr_doe.pk, other)
        refused_reading(cast.mr_doe, "first_name")


def test_a_value_moved_to_another_column_is_refused(cast):
    with cast.acting("alma"):
        other = stored("patients_patient", "last_name", cast.mr_doe.pk)
        overwrite("patients_patient", "first_name", cast.mr_doe.pk, other)
        refused_reading(cast.mr_doe, "first_name")


def test_the_reason_of_a_grant_is_sealed_and_opens_in_its_place_only(cast, api):
    """It says what somebody is treated for; moved to another's grant it is shown to nobody."""
    sarah, reason = api("sarah"), "Qzplanted back pain"
    path = f"patients/{cast.mr_doe.pk}/care-team/"
    joined = sarah.post(path, {"user": str(cast.omar.pk), "reason": reason})
    assert joined.status_code == 201 and joined.json()["reason"] == reason
    assert [member["reason"] for member in sarah.get(path).json()["results"]] == [reason]
    with cast.acting("sarah"), tenancy.by_verb():  # else she changes none at all
        grants = AccessGrant.grants.filter(user=cast.omar, content_object=cast.mr_doe)
        sealed = {
            pk: stored("patients_accessgrant", "reason", pk)
            for pk in grants.values_list("pk", flat=True)
        }
        assert len(set(sealed.values())) == len(sealed) > 1
        assert all(token.startswith("c1.") for token in sealed.values())
        for pk in sealed:
            other = next(token for key, token in sealed.items() if key != pk)
            overwrite("patients_accessgrant", "reason", pk, other)
    answer = sarah.get(path)
    assert answer.status_code == 500 and b"Qzplanted" not in answer.content
    with cast.acting("alma"):
        entries = LogEntry.entries.filter(resource="patients.accessgrant")
        broken = entries.filter(compliance_flags__contains=["seal_broken"]).get()
        assert broken.additional_data["column"] == "reason"
        assert entries.filter(patient_id=cast.mr_doe.pk, action=LogEntry.Action.CREATE).exists()
        told = str(list(entries.values("changes", "additional_data", "object_repr")))
    assert "Qzplanted" not in told and "c1." not in told and "•••" in told


@pytest.mark.parametrize("place", [27, 40, -3])
def test_an_altered_value_is_refused(cast, place):
    with cast.acting("alma"):
        token = list(stored("patients_patient", "first_name", cast.mr_doe.pk))
        token[place] = "A" if token[place] != "A" else "B"
        overwrite("patients_patient", "first_name", cast.mr_doe.pk, "".join(token))
        refused_reading(cast.mr_doe, "first_name")


@pytest.mark.parametrize("planted", ["John", "", "c1.", "c1.x.y", "c1." + "A" * 22 + ".AAAA"])
def test_plaintext_and_rubbish_in_place_of_a_value_are_refused(cast, planted):
    with cast.acting("alma"):
        overwrite("patients_patient", "first_name", cast.mr_doe.pk, planted)
        refused_reading(cast.mr_doe, "first_name")


def test_a_value_of_another_facility_is_refused(cast):
    with tenancy.system(cast.austa):
        foreign = stored("patients_patient", "first_name", cast.dona_ana.pk)
    with cast.acting("alma"):
        overwrite("patients_patient", "first_name", cast.mr_doe.pk, foreign)
        refused_reading(cast.mr_doe, "first_name")


def test_another_master_key_opens_nothing(cast):
    wrong = secrets.token_bytes(32)
    with cast.acting("alma"), override_settings(MASTER_KEYS=[wrong]):
        keyring.forget()
        refused_reading_without_key(cast.mr_doe)


def refused_reading_without_key(patient) -> None:
    with pytest.raises(keyring.SealBroken, match="master key"):
        _ = Patient.objects.get(pk=patient.pk).first_name


def test_an_older_master_key_still_opens(cast):
    from django.conf import settings

    with cast.acting("alma"):
        both = [secrets.token_bytes(32), *settings.MASTER_KEYS]
        with override_settings(MASTER_KEYS=both):
            keyring.forget()
            assert Patient.objects.get(pk=cast.mr_doe.pk).first_name == "John"


def test_a_wrapped_key_that_was_altered_opens_nothing(cast):
    with cast.acting("alma"):
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE clinic_datakey SET wrapped = left(wrapped, 30) || 'AAAA' ||"
                " substr(wrapped, 35) WHERE facility_id = %s", [cast.harbor.pk],
            )  # fmt: skip
        keyring.forget()
        with pytest.raises(keyring.SealBroken, match="wrapped key"):
            _ = Patient.objects.get(pk=cast.mr_doe.pk).first_name


def test_values_name_their_key_and_version_of_scheme(cast):
    with cast.acting("alma"):
        token = stored("patients_patient", "first_name", cast.mr_doe.pk)
        scheme, name, payload = token.split(".")
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM clinic_datakey WHERE facility_id = %s", [cast.harbor.pk])
            (key_id,) = cursor.fetchone()
    assert scheme == "c1"
    assert base64.b64decode(name + "==") == key_id.bytes
    assert len(base64.b64decode(payload)) == 12 + len("John") + 16


def test_equal_values_have_unequal_ciphertexts(cast):
    with cast.acting("alma"):
        rows = [
            Allergy.objects.create(facility=cast.harbor, patient=cast.mr_doe, allergen="Latex")
            for _ in range(2)
        ]
        first, second = (stored("patients_allergy", "allergen", row.pk) for row in rows)
    assert first != second


def test_a_list_opens_only_what_it_shows(cast, monkeypatch):
    opened = []
    real = keyring.open_sealed
    monkeypatch.setattr(
        keyring, "open_sealed", lambda token, **kw: opened.append(token) or real(token, **kw)
    )
    with cast.acting("alma"):
        names = [patient.last_name for patient in Patient.objects.all()]
    assert sorted(names) == ["Doe", "Doe", "Doe"]
    assert len(opened) == 3


def test_ciphertext_is_never_shown_for_a_value(cast):
    with cast.acting("alma"):
        (value,) = Patient.objects.filter(pk=cast.mr_doe.pk).values_list("first_name", flat=True)
    assert str(value) == repr(value) == "•••"


def test_names_of_people_with_accounts_are_sealed_too(cast):
    assert stored("clinic_user", "first_name", cast.john.pk).startswith("c1.")
    assert User.objects.get(pk=cast.john.pk).first_name == "John"


def test_pasted_ciphertext_stays_text(cast):
    with cast.acting("fred"):
        token = stored("patients_patient", "first_name", cast.mr_doe.pk)
        patient = Patient.objects.get(pk=cast.mrs_doe.pk)
        patient.last_name = token
        patient.save()
        assert Patient.objects.get(pk=cast.mrs_doe.pk).last_name == token
