"""Policies, same-facility keys and the trail for patients, grants and the health profile."""

from django.db import migrations

from clinic.security.rls import Audited, PatientRows, Protected, SameFacility

# The patients of whom the acting person holds a current grant of the category. What she holds as
# patient or relative counts in the portal, what she holds as one of the clinic elsewhere.
GRANTS = """
CREATE FUNCTION app_patients(p_category text) RETURNS uuid[] LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS
$$ SELECT array_agg(DISTINCT g.patient_id)
   FROM patients_accessgrant g JOIN auth_permission p ON p.id = g.permission_id
   WHERE g.user_id = app_user() AND g.facility_id = ANY (app_facilities())
     AND p.codename = p_category AND (g.expires_at IS NULL OR g.expires_at > now())
     AND (g.source IN ('self', 'family'))
         = COALESCE(current_setting('app.portal', true) = 'on', false) $$;
"""

# A person sees her own grants anywhere, and who works in the facility sees the facility's.
OWN_OR_REACH = (
    "facility_id = ANY ((SELECT app_facilities())::uuid[])"
    " AND (user_id = (SELECT app_user()) OR (SELECT app_clinical_wide()))"
)
STAFF_WRITES = (
    "facility_id = ANY ((SELECT app_facilities())::uuid[]) AND (SELECT app_clinical_wide())"
)

# An answer that is kept for its sender is replayed as long as she reaches the patient it tells of.
OWN_ANSWERS = (
    "facility_id = ANY ((SELECT app_facilities())::uuid[])"
    " AND ((SELECT app_user()) IS NULL OR user_id = (SELECT app_user()))"
    " AND (patient_id IS NULL OR patient_id = ANY (app_patients(category)::uuid[])"
    " OR CASE WHEN clinical THEN (SELECT app_clinical_wide()) ELSE (SELECT app_wide()) END)"
)

# The patient's own page of who looked: entries about patients whose log the person may see.
WHO_LOOKED = """
CREATE POLICY who_looked ON clinic_logentry FOR SELECT USING (
    facility_id = ANY ((SELECT app_facilities())::uuid[])
    AND (patient_id = ANY ((SELECT app_patients('access_log'))::uuid[])
         OR (SELECT app_clinical_wide()) AND patient_id IS NOT NULL))
"""

MEDICATIONS, RECORDS = "medications", "records"


def health_table(name: str, category: str, masked: str = "") -> list:
    table = f"patients_{name}"
    return [
        PatientRows(table, category),
        SameFacility(table, "patient_id", "patients_patient"),
        Audited(table, f"patients.{name}", "patient_id", masked),
    ]


class Migration(migrations.Migration):
    dependencies = [("patients", "0001_initial"), ("clinic", "0002_protection")]

    operations = [
        migrations.RunSQL(GRANTS, "DROP FUNCTION app_patients"),
        PatientRows("patients_patient", "view", clinical=False, column="id"),
        Audited("patients_patient", "patients.patient", "id", "ssn_index,cpf_index"),
        PatientRows("patients_searchtoken", "view", clinical=False),
        Protected("clinic_idempotencykey", OWN_ANSWERS),
        Protected("patients_accessgrant", OWN_OR_REACH, STAFF_WRITES),
        SameFacility("patients_accessgrant", "patient_id", "patients_patient", on_delete="CASCADE"),
        Audited("patients_accessgrant", "patients.accessgrant", "patient_id"),
        PatientRows("patients_familymember", "view", clinical=False),
        SameFacility("patients_familymember", "patient_id", "patients_patient"),
        Audited("patients_familymember", "patients.familymember", "patient_id"),
        *health_table("allergy", MEDICATIONS),
        *health_table("medication", MEDICATIONS),
        *health_table("condition", RECORDS),
        *health_table("immunization", RECORDS),
        *health_table("reading", RECORDS, "value,unit,reference_low,reference_high"),
        migrations.RunSQL(WHO_LOOKED, "DROP POLICY who_looked ON clinic_logentry"),
    ]
