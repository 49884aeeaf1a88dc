"""Policies, same-facility keys and the trail for records and documents."""

from django.db import migrations

from clinic.security.rls import Audited, PatientRows, SameFacility


def table(name: str, category: str, masked: str = "") -> list:
    return [
        PatientRows(f"records_{name}", category),
        SameFacility(f"records_{name}", "patient_id", "patients_patient"),
        Audited(f"records_{name}", f"records.{name}", "patient_id", masked),
    ]


class Migration(migrations.Migration):
    dependencies = [("records", "0001_initial"), ("scheduling", "0002_protection")]

    operations = [
        *table("encounter", "records", "encounter_class"),
        *table("procedure", "records"),
        *table("report", "records"),
        *table("medicalrecord", "records"),
        SameFacility("records_medicalrecord", "appointment_id", "scheduling_appointment"),
        *table("document", "documents"),
        *table("documentpage", "documents"),
        SameFacility("records_documentpage", "document_id", "records_document"),
    ]
