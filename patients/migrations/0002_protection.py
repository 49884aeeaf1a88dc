"""Policies, same-facility keys and the trail for patients, grants and the health profile."""

from django.db import migrations

from clinic.security import rls
from clinic.security.rls import (
    BY_VERB,
    IN_FACILITY,
    IN_THE_CLINIC,
    Audited,
    Authored,
    PatientRows,
    Protected,
    SameFacility,
    WrittenOnce,
)

# The grants of the acting person that are in force: not ended, given since she took up her role
# here, and on the side on which she acts. What she holds as patient or relative counts in the
# portal, what she holds as one of the clinic elsewhere, and there, of a patient who blocked her,
# in an emergency only.
IN_FORCE = """
    g.user_id = app_user() AND g.facility_id = ANY (app_facilities())
    AND (g.expires_at IS NULL OR g.expires_at > now())
    AND g.granted_at >= (SELECT app_held_since())
    AND (g.source IN ('self', 'family')) = app_portal()
"""

GRANTS = f"""
CREATE FUNCTION app_patients(p_category text) RETURNS uuid[] LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS
$$ SELECT array_agg(DISTINCT g.patient_id)
   FROM patients_accessgrant g JOIN auth_permission p ON p.id = g.permission_id
   WHERE p.codename = p_category AND {IN_FORCE}
     AND (g.source = 'emergency' OR NOT g.patient_id = ANY (app_barred())) $$;

-- `p_under_glass`: whether what is open in an emergency counts.
CREATE FUNCTION app_categories(p_patient uuid, p_under_glass boolean) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS
$$ SELECT COALESCE(array_agg(DISTINCT p.codename::text), '{{}}')
   FROM patients_accessgrant g JOIN auth_permission p ON p.id = g.permission_id
   WHERE g.patient_id = p_patient AND {IN_FORCE}
     AND CASE WHEN g.source = 'emergency' THEN p_under_glass
         ELSE NOT g.patient_id = ANY (app_barred()) END $$;

CREATE OR REPLACE FUNCTION app_standing(
    OUT barred uuid[], OUT emergencies uuid[], OUT stewarded uuid[])
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS
$$ SELECT
    CASE WHEN NOT app_portal() THEN
        (SELECT array_agg(c.patient_id) FROM patients_carerelationship c
         WHERE c.clinician_id = app_user() AND c.status = 'blocked'
           AND c.facility_id = ANY (app_facilities())) END,
    (SELECT array_agg(DISTINCT g.patient_id) FROM patients_accessgrant g
     WHERE g.source = 'emergency' AND {IN_FORCE}),
    CASE WHEN app_portal() THEN
        (SELECT array_agg(DISTINCT g.patient_id)
         FROM patients_accessgrant g JOIN auth_permission p ON p.id = g.permission_id
         WHERE p.codename = 'sharing' AND {IN_FORCE}) END $$;

CREATE OR REPLACE FUNCTION app_is_self(p_patient uuid) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS
$$ SELECT EXISTS (SELECT 1 FROM patients_patient p
       WHERE p.id = p_patient AND p.user_id = app_user()) $$;

-- Whether the person sees a row that its model's label and its id name, by the policy of its table.
CREATE FUNCTION app_shows(p_resource text, p_object uuid) RETURNS boolean LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    is_there boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I WHERE id = $1)', replace(p_resource, '.', '_'))
    INTO is_there USING p_object;
    RETURN is_there;
END $$;

-- Whether what was made of a patient's chart may be seen by how that is kept: `restricted` needs a
-- grant of the category, a kind of confidential content one of the kind.
CREATE FUNCTION app_keeps(p_patient uuid, p_kept text[], p_category text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS
$$ SELECT p_kept = '{{}}' OR app_unattended() OR COALESCE(bool_and(
       p_patient = ANY (app_patients(
           CASE kept WHEN 'restricted' THEN p_category ELSE kept END))), false)
   FROM unnest(p_kept) AS kept $$;
"""
UNGRANTED = """
DROP FUNCTION app_keeps, app_shows;
CREATE OR REPLACE FUNCTION app_is_self(p_patient uuid) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS
$$ SELECT true $$;
CREATE OR REPLACE FUNCTION app_standing(
    OUT barred uuid[], OUT emergencies uuid[], OUT stewarded uuid[])
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS
$$ SELECT NULL::uuid[], NULL::uuid[], NULL::uuid[] $$;
DROP FUNCTION app_categories, app_patients;
"""

BARRED = rls.BARRED.format(column="patient_id")
STEWARDED = "patient_id = ANY ((SELECT app_stewarded())::uuid[])"
WIDE = rls.WIDE.format(reach="app_wide", column="patient_id")
# What says who reaches whom is written by verbs alone (`BY_VERB`), which have settled that the
# person may. The rest of each rule is the net behind them.
#
# Grants are seen by who holds them, by who decides for the patient, and by care that reads the
# whole clinic, of a patient who did not block her. Nothing here asks `app_patients`, which reads
# this table.
GRANTS_SEEN = (
    f"{IN_FACILITY} AND (user_id = (SELECT app_user()) OR {STEWARDED} OR NOT {BARRED}"
    " AND ((SELECT app_clinical_wide()) OR (SELECT app_wide()) AND source IN ('self', 'family')))"
)
# And they are given by care that reads all or treats the patient (not by an emergency access only),
# by who decides for her to family and clinicians, and by the desk to the patient and the family.
GRANTS_GIVEN = (
    f"{IN_FACILITY} AND {BY_VERB} AND ((SELECT app_clinical_wide())"
    f" OR {STEWARDED} AND source IN ('family', 'invited')"
    " OR (SELECT app_wide()) AND source IN ('self', 'family')"
    " OR NOT (SELECT app_portal()) AND source IN ('care_team', 'referral', 'invited')"
    "    AND patient_id = ANY (app_patients('records')::uuid[])"
    "    AND NOT patient_id = ANY ((SELECT app_emergencies())::uuid[]))"
)
# A relative sees that she stands beside a patient, also where nothing is open to her, and may
# leave; who decides for the patient, and the clinic's desk, say who is of the family.
RELATIVES_SEEN = (
    f"{IN_FACILITY} AND ({WIDE} OR user_id = (SELECT app_user())"
    " OR patient_id = ANY ((SELECT app_patients('view'))::uuid[]))"
)
RELATIVES_SET = (
    f"{IN_FACILITY} AND {BY_VERB} AND ({WIDE} OR {STEWARDED}"
    " OR user_id = (SELECT app_user()) AND permission_level = 'none' AND ended_at IS NOT NULL)"
)
OF_MINE = (
    "EXISTS (SELECT 1 FROM patients_familymember m"
    " WHERE m.id = family_member_id AND m.user_id = app_user())"
)
# What a patient agreed to is hers and the relative's; the desk sees to guardians, by law.
BY_LAW = f"{WIDE} AND (basis = 'guardian' OR (SELECT app_clinical_wide()))"
CONSENTS_SEEN = f"{IN_FACILITY} AND ({BY_LAW} OR {STEWARDED} OR {OF_MINE})"
CONSENTS_SET = (
    f"{IN_FACILITY} AND {BY_VERB}"
    f" AND ({BY_LAW} OR {STEWARDED} OR {OF_MINE} AND revoked_at IS NOT NULL)"
)
FAMILIES = (
    f"{IN_FACILITY} AND ((SELECT app_wide()) OR primary_member_id = (SELECT app_user())"
    " OR EXISTS (SELECT 1 FROM patients_familymember m WHERE m.account_id = patients_familyaccount.id))"
)
FAMILIES_SET = f"{IN_FACILITY} AND ((SELECT app_wide()) OR primary_member_id = (SELECT app_user()))"
# In the portal who decides for the patient; in the clinic the clinician herself, and care that
# reads all. `app_barred` is told from this table, and of the clinician herself: so nothing here
# keeps her own row from her.
RELATIONS = (
    f"{IN_FACILITY} AND CASE WHEN (SELECT app_portal()) THEN {STEWARDED}"
    " ELSE clinician_id = (SELECT app_user())"
    f" OR (SELECT app_clinical_wide()) AND NOT {BARRED} END"
)
# A question is its asker's and the clinic's overseers' (who read charts and the trail).
QUESTIONS = (
    f"{IN_FACILITY} AND CASE WHEN (SELECT app_portal())"
    f" THEN asked_by_id = (SELECT app_user()) OR {STEWARDED}"
    " ELSE (SELECT app_clinical_wide()) AND (SELECT app_trail()) END"
)

# An answer that is kept for its sender is replayed as long as she reaches the patient it tells of.
OWN_ANSWERS = (
    f"{IN_FACILITY}"
    " AND ((SELECT app_user()) IS NULL OR user_id = (SELECT app_user()))"
    " AND (patient_id IS NULL OR patient_id = ANY (app_patients(category)::uuid[])"
    " OR CASE WHEN clinical THEN (SELECT app_clinical_wide()) ELSE (SELECT app_wide()) END"
    f"    AND NOT {BARRED})"
    " AND (kept_as = '{}' OR app_keeps(patient_id, kept_as::text[], category))"
)
# And as long as she sees the row of the patient's chart that it tells of, however that is kept now.
TOLD_AGAIN = (
    f"{OWN_ANSWERS} AND (patient_id IS NULL OR object_id IS NULL OR app_shows(resource, object_id))"
)

# Anybody here can cause a notice; only its reader sees it, and the task that sends it. One that leads
# to a record in the portal may name the patient: it is read as long as she is open to its reader
# there.
OWN_NOTICES = (
    f"{IN_FACILITY} AND ((SELECT app_unattended()) OR user_id = (SELECT app_user())"
    " AND (patient_id IS NULL OR NOT starts_with(link, '/portal/')"
    " OR patient_id = ANY ((SELECT app_patients('view'))::uuid[])))"
)

# The patient's own page of who looked: entries about patients whose log the person may see.
WHO_LOOKED = f"""
CREATE POLICY who_looked ON clinic_logentry FOR SELECT USING (
    {IN_FACILITY}
    AND (patient_id = ANY ((SELECT app_patients('access_log'))::uuid[])
         OR (SELECT app_clinical_wide()) AND patient_id IS NOT NULL
            AND NOT {BARRED}))
"""

MEDICATIONS, RECORDS = "medications", "records"


def health_table(name: str, category: str, masked: str = "", summary: str = "") -> list:
    table = f"patients_{name}"
    return [
        PatientRows(table, category, summary=summary, author="recorded_by_id"),
        Authored(table, "recorded_by_id"),
        SameFacility(table, "patient_id", "patients_patient"),
        Audited(table, f"patients.{name}", "patient_id", masked),
    ]


def of_a_patient(name: str, using: str, check: str | None = None) -> list:
    table = f"patients_{name}"
    return [
        Protected(table, using, check),
        SameFacility(table, "patient_id", "patients_patient"),
        Audited(table, f"patients.{name}", "patient_id"),
    ]


# What of the health profile belongs to the summary for an emergency.
CAN_KILL = "is_active AND (severity IN ('severe', 'anaphylactic') OR criticality = 'high')"
IS_TAKEN = "is_active"
IS_PRESENT = "is_active AND status = 'active'"

# Of a consent only its end is ever written, once.
FROZEN = """
CREATE FUNCTION frozen_consent() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.revoked_at IS NOT NULL
       OR to_jsonb(OLD) - '{revoked_at,revoked_by_id,version,updated_at}'::text[]
          IS DISTINCT FROM to_jsonb(NEW) - '{revoked_at,revoked_by_id,version,updated_at}'::text[]
    THEN
        RAISE EXCEPTION 'a consent is not changed: a new version is written'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON patients_consent
    FOR EACH ROW EXECUTE FUNCTION frozen_consent();
"""


class Migration(migrations.Migration):
    dependencies = [("patients", "0001_initial"), ("clinic", "0002_protection")]

    operations = [
        migrations.RunSQL(GRANTS, UNGRANTED),
        PatientRows("patients_patient", "view", clinical=False, column="id"),
        Audited("patients_patient", "patients.patient", "id", "ssn_index,cpf_index"),
        SameFacility("patients_patient", "invitation_id", "clinic_invitation"),
        PatientRows("patients_searchtoken", "view", clinical=False, deleted=IN_THE_CLINIC),
        Protected("clinic_notification", OWN_NOTICES, IN_FACILITY),
        Protected("clinic_idempotencykey", TOLD_AGAIN, OWN_ANSWERS),
        Protected("patients_accessgrant", GRANTS_SEEN, GRANTS_GIVEN, BY_VERB),
        WrittenOnce("patients_accessgrant", "facility_id,patient_id,user_id,permission_id,source"),
        SameFacility("patients_accessgrant", "patient_id", "patients_patient", on_delete="CASCADE"),
        Audited("patients_accessgrant", "patients.accessgrant", "patient_id"),
        *of_a_patient("carerelationship", RELATIONS, f"{RELATIONS} AND {BY_VERB}"),
        WrittenOnce("patients_carerelationship", "facility_id,patient_id,clinician_id"),
        *of_a_patient("familymember", RELATIVES_SEEN, RELATIVES_SET),
        WrittenOnce("patients_familymember", "facility_id,patient_id"),
        Protected("patients_familyaccount", FAMILIES, FAMILIES_SET),
        SameFacility("patients_familymember", "account_id", "patients_familyaccount"),
        SameFacility("patients_familymember", "invitation_id", "clinic_invitation"),
        Audited("patients_familyaccount", "patients.familyaccount"),
        *of_a_patient("consent", CONSENTS_SEEN, CONSENTS_SET),
        SameFacility("patients_consent", "family_member_id", "patients_familymember"),
        migrations.RunSQL(FROZEN, "DROP FUNCTION frozen_consent CASCADE"),
        *of_a_patient("lookquestion", QUESTIONS),
        *health_table("allergy", MEDICATIONS, summary=CAN_KILL),
        *health_table("medication", MEDICATIONS, summary=IS_TAKEN),
        *health_table("condition", RECORDS, summary=IS_PRESENT),
        *health_table("bloodtype", RECORDS, summary=IS_TAKEN),
        *health_table("immunization", RECORDS),
        *health_table("reading", RECORDS, "value,unit,reference_low,reference_high"),
        migrations.RunSQL(WHO_LOOKED, "DROP POLICY who_looked ON clinic_logentry"),
    ]
