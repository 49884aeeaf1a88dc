"""Policies, same-facility keys and the trail for emergency access."""

from django.db import migrations

from clinic.security.rls import (
    BY_VERB,
    IN_FACILITY,
    IN_THE_CLINIC,
    Audited,
    Protected,
    SameFacility,
)

# Seen by who opened the patient, by the overseers of the clinic (who read charts and the trail),
# and in the portal by who decides for the patient. She opens, and the overseers review: by verbs.
SEEN = (
    f"{IN_FACILITY} AND CASE WHEN (SELECT app_portal())"
    " THEN patient_id = ANY ((SELECT app_stewarded())::uuid[])"
    " ELSE user_id = (SELECT app_user()) OR (SELECT app_clinical_wide()) AND (SELECT app_trail()) END"
)
WRITTEN = (
    f"{IN_FACILITY} AND {IN_THE_CLINIC} AND {BY_VERB}"
    " AND (user_id = (SELECT app_user()) OR (SELECT app_clinical_wide()) AND (SELECT app_trail()))"
)

# Who opened whom, why, when and until when is written once. Its review is written once, by another
# than who opened and in her own name. Tasks of the system are bound by the second of these only.
FROZEN = """
CREATE FUNCTION frozen_emergency() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    follows text[] := '{scope,widened_at,widened_reason,ended_at,escalated_at,version,updated_at,'
        'outcome,review_note,reviewed_at,reviewed_by_id}';
    reviewed boolean := (OLD.outcome, OLD.review_note, OLD.reviewed_at, OLD.reviewed_by_id)
        IS DISTINCT FROM (NEW.outcome, NEW.review_note, NEW.reviewed_at, NEW.reviewed_by_id);
BEGIN
    IF reviewed AND (OLD.reviewed_at IS NOT NULL
                     OR NEW.reviewed_by_id IS DISTINCT FROM app_user())
       OR NOT app_unattended()
          AND to_jsonb(OLD) - follows IS DISTINCT FROM to_jsonb(NEW) - follows
    THEN
        RAISE EXCEPTION 'an emergency access is not rewritten'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER frozen BEFORE UPDATE ON compliance_emergencyaccess
    FOR EACH ROW EXECUTE FUNCTION frozen_emergency();
"""


class Migration(migrations.Migration):
    dependencies = [("compliance", "0001_initial"), ("patients", "0002_protection")]

    operations = [
        Protected("compliance_emergencyaccess", SEEN, WRITTEN),
        migrations.RunSQL(FROZEN, "DROP FUNCTION frozen_emergency CASCADE"),
        SameFacility("compliance_emergencyaccess", "patient_id", "patients_patient"),
        Audited("compliance_emergencyaccess", "compliance.emergencyaccess", "patient_id"),
    ]
