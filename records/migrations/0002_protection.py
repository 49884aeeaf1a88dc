"""Policies, same-facility keys and the trail for records and documents."""

from django.db import migrations

from clinic.security.rls import Audited, Authored, KeptAs, PatientRows, SameFacility


def table(
    name: str, category: str, masked: str = "", author: str = "", portal: bool = False
) -> list:
    return [
        PatientRows(f"records_{name}", category, author=author, portal=portal),
        *([Authored(f"records_{name}", author)] if author else []),
        SameFacility(f"records_{name}", "patient_id", "patients_patient"),
        Audited(f"records_{name}", f"records.{name}", "patient_id", masked),
    ]


class Migration(migrations.Migration):
    dependencies = [("records", "0001_initial"), ("scheduling", "0002_protection")]

    operations = [
        *table("encounter", "records", "encounter_class", author="recorded_by_id"),
        *table("procedure", "records", author="recorded_by_id"),
        *table("report", "records", author="recorded_by_id"),
        *table("medicalrecord", "records", author="author_id"),
        SameFacility("records_medicalrecord", "appointment_id", "scheduling_appointment"),
        *table("document", "documents", portal=True),
        *table("documentpage", "documents"),
        KeptAs("records_documentpage", "document_id", "records_document"),
    ]
