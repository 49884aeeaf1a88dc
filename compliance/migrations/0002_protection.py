"""Policies, same-facility keys and the trail for emergency access."""

from django.db import migrations

from clinic.security.rls import IN_FACILITY, Audited, Protected, SameFacility

# Seen by who opened the patient, by the overseers of the clinic (who read charts and the trail),
# and in the portal by who decides for the patient. The overseers write the review.
SEEN = (
    f"{IN_FACILITY} AND CASE WHEN (SELECT app_portal())"
    " THEN patient_id = ANY ((SELECT app_stewarded())::uuid[])"
    " ELSE user_id = (SELECT app_user()) OR (SELECT app_clinical_wide()) AND (SELECT app_trail()) END"
)
WRITTEN = (
    f"{IN_FACILITY} AND NOT (SELECT app_portal())"
    " AND (user_id = (SELECT app_user()) OR (SELECT app_clinical_wide()) AND (SELECT app_trail()))"
)


class Migration(migrations.Migration):
    dependencies = [("compliance", "0001_initial"), ("patients", "0002_protection")]

    operations = [
        Protected("compliance_emergencyaccess", SEEN, WRITTEN),
        SameFacility("compliance_emergencyaccess", "patient_id", "patients_patient"),
        Audited("compliance_emergencyaccess", "compliance.emergencyaccess", "patient_id"),
    ]
