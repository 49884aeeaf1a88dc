"""Writing records in the staff's site."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from clinic.security import tenancy
from records.models import MedicalRecord
from scheduling.tests.hours import at, open_hours, visit

SAID = {
    "visit_day": "2026-10-06", "visit_time": "09:40", "primary_diagnosis": "Hypertension",
    "secondary_diagnoses": "Raised cholesterol\n\n  Migraine ", "notes": "Walks a lot.",
    "vital_systolic": "131", "vital_diastolic": "82", "vital_temperature": "36.6",
}  # fmt: skip


def write(patient, row=None) -> str:
    address = reverse("admin:write_record", args=[patient.pk])
    return f"{address}?appointment={row.pk}" if row else address


def test_a_draft_is_written_of_a_visit_and_made_final(browse, cast):
    row = visit(cast, open_hours(cast), cast.mr_doe, at(9, days=-2))
    browser = browse("sarah")
    page = browser.get(write(cast.mr_doe, row))
    assert page.context["form"]["visit_time"].value().hour == 9
    answer = browser.post(write(cast.mr_doe, row), SAID)
    assert answer["Location"] == reverse("admin:chart", args=[cast.mr_doe.pk])
    with cast.acting("sarah"):
        record = MedicalRecord.objects.get()
        assert (record.status, record.appointment_id, record.author) == (
            "draft",
            row.pk,
            cast.sarah,
        )
        assert record.visit_date == datetime(2026, 10, 6, 13, 40, tzinfo=UTC)
        assert record.secondary_diagnoses == ["Raised cholesterol", "Migraine"]
        assert record.vital_signs == {"systolic": 131, "diastolic": 82, "temperature": 36.6}
    revise = reverse("admin:revise_record", args=[record.pk])
    kept = browser.get(revise).context["form"]
    assert kept["vital_systolic"].value() == 131 and kept["visit_day"].value().day == 6
    said = SAID | {"version": record.version, "treatment": "Amlodipine", "final": "on"}
    assert browser.post(revise, said).status_code == 302
    with cast.acting("sarah"):
        record.refresh_from_db()
        assert (record.status, record.treatment) == ("final", "Amlodipine")
    assert browser.get(revise).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"primary_diagnosis": " "}, "primary_diagnosis"),
        ({"vital_systolic": "900"}, "vital_systolic"),
        ({"vital_weight": "heavy"}, "vital_weight"),
        ({"visit_day": "2026-03-08", "visit_time": "02:30"}, "visit_time"),
        ({"visit_day": "2026-11-01", "visit_time": "01:30"}, "visit_time"),
        ({"visit_day": "2090-01-01"}, None),
        ({"visit_time": "25:00"}, "visit_time"),
        ({"notes": "x" * 20_001}, "notes"),
    ],
)
def test_what_cannot_be_is_named_and_nothing_is_stored(browse, cast, wrong, field):
    answer = browse("sarah").post(write(cast.mr_doe), SAID | wrong)
    assert answer.status_code == 400
    errors = answer.context["form"].errors
    assert field in errors if field else errors
    with cast.acting("sarah"):
        assert not MedicalRecord.objects.exists()


def test_anothers_draft_and_anothers_visit_do_not_exist(browse, cast):
    row = visit(cast, open_hours(cast), cast.mrs_doe, at(9, days=-2))
    assert browse("sarah").get(write(cast.mr_doe, row)).status_code == 404
    browse("sarah").post(write(cast.mr_doe), SAID)
    with tenancy.system(cast.harbor):
        record = MedicalRecord.objects.get()
    assert browse("nina").get(reverse("admin:revise_record", args=[record.pk])).status_code == 404
