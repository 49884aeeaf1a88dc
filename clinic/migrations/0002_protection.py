"""Who may see and change which row, and the trail that notes it. In the database, so that no view,
task or shell goes past it."""

from django.db import migrations

from clinic.security.rls import (
    BY_VERB,
    IN_FACILITY,
    IN_THE_CLINIC,
    AppendOnly,
    Audited,
    Protected,
    WrittenOnce,
    revoke,
)

# What the policies ask. They read the settings that clinic.security.tenancy writes into each
# transaction; a setting that ended with its transaction reads '', hence NULLIF.
CONTEXT = """
CREATE FUNCTION app_user() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT NULLIF(current_setting('app.user', true), '')::uuid $$;

CREATE FUNCTION app_facilities() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT NULLIF(current_setting('app.facilities', true), '')::uuid[] $$;

-- The one facility acted in, where there is one: lets an index on it serve an ordered list.
CREATE FUNCTION app_facility() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT (NULLIF(current_setting('app.facilities', true), '')::uuid[])[1] $$;

CREATE FUNCTION app_reach() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT COALESCE(NULLIF(current_setting('app.reach', true), ''), 'none') $$;

-- Whether all patients of the facility are reached. A boolean of its own, because the planner takes
-- it for true half the time, and a comparison of texts for true once in two hundred.
CREATE FUNCTION app_wide() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT COALESCE(current_setting('app.reach', true) = 'facility', false) $$;

-- Whether clinical content is read: of all patients, and of any.
CREATE FUNCTION app_clinical_wide() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT COALESCE(current_setting('app.clinical', true) = 'facility', false) $$;

CREATE FUNCTION app_clinical() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT COALESCE(current_setting('app.clinical', true) IN ('facility', 'granted'), false) $$;

-- Whether a task of the system works here, and no person.
CREATE FUNCTION app_unattended() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT COALESCE(current_setting('app.user', true), '') = '' AND app_clinical_wide() $$;

-- Whether a verb writes what says who reaches whom, having settled that the person may
-- (`tenancy.by_verb`). Tasks of the system do as verbs do.
CREATE FUNCTION app_by_verb() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT COALESCE(current_setting('app.by_verb', true) = 'on', false) OR app_unattended() $$;

-- Whether a patient or a relative acts, in the portal.
CREATE FUNCTION app_portal() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT COALESCE(current_setting('app.portal', true) = 'on', false) $$;

-- Of the acting person: the patients who blocked her, those whom she opened by breaking the glass,
-- and those for whom she decides who sees them. Told when she enters.
CREATE FUNCTION app_barred() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT COALESCE(NULLIF(current_setting('app.barred', true), '')::uuid[], '{}') $$;

CREATE FUNCTION app_emergencies() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT COALESCE(NULLIF(current_setting('app.emergencies', true), '')::uuid[], '{}') $$;

CREATE FUNCTION app_stewarded() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT COALESCE(NULLIF(current_setting('app.stewarded', true), '')::uuid[], '{}') $$;

-- Whether all patients of the facility are reached, and none of them barred the person.
CREATE FUNCTION app_everybody() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT app_wide() AND app_barred() = '{}' $$;

CREATE FUNCTION app_trail() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT COALESCE(current_setting('app.trail', true) = 'on', false) $$;

-- The facilities in which the acting person holds a role.
CREATE FUNCTION app_memberships() RETURNS uuid[] LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS
$$ SELECT array_agg(facility_id) FROM clinic_roleassignment
   WHERE user_id = app_user() AND is_active $$;

-- Since when the acting person has been, without a break, what she acts as in the facility: in the
-- portal a patient or relative, in the clinic one who reads charts, or else one of its staff. Who
-- was dismissed as a reader of charts and comes back begins anew, whatever she was meanwhile.
CREATE FUNCTION app_held_since() RETURNS timestamptz LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS
$$ SELECT COALESCE(
       min(held_since) FILTER (WHERE role IN ('physician', 'nurse', 'specialist', 'pharmacist',
           'technician', 'social_worker', 'case_manager', 'administrator')),
       min(held_since))
   FROM clinic_roleassignment
   WHERE user_id = app_user() AND facility_id = app_facility() AND is_active
     AND (role IN ('patient', 'family_member')) = app_portal() $$;

-- What the person is to single patients. The app that knows patients answers this.
CREATE FUNCTION app_standing(OUT barred uuid[], OUT emergencies uuid[], OUT stewarded uuid[])
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS
$$ SELECT NULL::uuid[], NULL::uuid[], NULL::uuid[] $$;

-- Whether the acting person is that patient. The same app answers it.
CREATE FUNCTION app_is_self(p_patient uuid) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS
$$ SELECT true $$;
"""

# A person enters a facility: the context of the transaction is set from her roles there. The role
# table stands in code (clinic.security.permissions); its classes come as parameters. Who works in
# the facility acts as staff; her roles as a patient or relative count in the portal only. Where the
# facility says so, roles that reach everybody reach patients granted to the person (`p_narrowed`),
# and who lacks a second step at sign-in that her role needs has no role until she has one.
ENTER = """
CREATE FUNCTION app_enter(p_user uuid, p_facility text, p_roles text[], p_origin jsonb,
    p_wide text[], p_granted text[], p_clinical_wide text[], p_clinical text[], p_trail text[],
    p_portal text[], p_narrowed text[],
    OUT facility uuid, OUT roles text[], OUT purpose text, OUT reach text, OUT clinical text,
    OUT trail boolean, OUT lacks_factor boolean,
    OUT barred uuid[], OUT emergencies uuid[], OUT stewarded uuid[])
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    narrowed text[];
    needed text[];
    portal boolean;
BEGIN
    PERFORM set_config('app.user', p_user::text, true), set_config('app.facilities', '', true);
    SELECT f.id, array_agg(DISTINCT r.role::text),
        CASE WHEN f.care_reach = 'care_team' THEN p_narrowed ELSE '{}' END,
        f.second_factor_roles::text[]
    INTO facility, roles, narrowed, needed
    FROM clinic_roleassignment r JOIN clinic_facility f ON f.id = r.facility_id
    WHERE r.user_id = p_user AND r.is_active AND f.is_active AND r.role = ANY (p_roles)
      AND (p_facility = '' OR f.slug = p_facility)
    GROUP BY f.id ORDER BY bool_or(r.is_primary) DESC, f.id LIMIT 1;
    IF roles && p_portal AND NOT roles <@ p_portal THEN
        roles := ARRAY(SELECT unnest(roles) EXCEPT SELECT unnest(p_portal));
    END IF;
    lacks_factor := COALESCE(roles && needed, false) AND NOT EXISTS (
        SELECT 1 FROM mfa_authenticator a
        WHERE a.user_id = p_user AND a.type <> 'recovery_codes');
    IF lacks_factor THEN roles := '{}'; END IF;
    portal := roles <> '{}' AND roles <@ p_portal;
    purpose := CASE WHEN portal THEN 'own' WHEN roles && p_clinical THEN 'treatment'
        ELSE 'operations' END;
    reach := CASE
        WHEN ARRAY(SELECT unnest(roles) EXCEPT SELECT unnest(narrowed)) && p_wide THEN 'facility'
        WHEN roles && p_granted OR roles && p_wide THEN 'granted' ELSE 'none' END;
    clinical := CASE
        WHEN ARRAY(SELECT unnest(roles) EXCEPT SELECT unnest(narrowed)) && p_clinical_wide
            THEN 'facility'
        WHEN roles && p_clinical THEN 'granted' ELSE 'none' END;
    trail := COALESCE(roles && p_trail, false);
    PERFORM
        set_config('app.facilities', COALESCE(ARRAY[facility]::text, ''), true),
        set_config('app.reach', reach, true),
        set_config('app.clinical', clinical, true),
        set_config('app.trail', CASE WHEN trail THEN 'on' ELSE '' END, true),
        set_config('app.portal', CASE WHEN portal THEN 'on' ELSE '' END, true),
        set_config('app.barred', '', true), set_config('app.emergencies', '', true),
        set_config('app.stewarded', '', true), set_config('app.by_verb', '', true),
        set_config('app.origin', (p_origin || jsonb_build_object(
            'facility', facility, 'purpose', purpose))::text, true);
    SELECT s.barred, s.emergencies, s.stewarded INTO barred, emergencies, stewarded
    FROM app_standing() s;
    PERFORM set_config('app.barred', COALESCE(barred::text, ''), true),
        set_config('app.emergencies', COALESCE(emergencies::text, ''), true),
        set_config('app.stewarded', COALESCE(stewarded::text, ''), true);
END $$;

-- A bearer token is checked and its holder enters, in one call; no row where it is not valid.
-- `p_allowed` are the roles that have the permission asked for (NULL: not asked): without one of
-- them the context stays empty, so what follows in the same round trip sees and notes nothing.
CREATE FUNCTION app_begin(p_digest bytea, p_facility text, p_origin jsonb, p_wide text[],
    p_granted text[], p_clinical_wide text[], p_clinical text[], p_trail text[], p_portal text[],
    p_narrowed text[], p_allowed text[])
RETURNS TABLE (user_id uuid, token_id uuid, facility uuid, roles text[], purpose text, reach text,
    clinical text, trail boolean, lacks_factor boolean, barred uuid[], emergencies uuid[],
    stewarded uuid[])
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    SELECT t.user_id, t.id INTO user_id, token_id
    FROM clinic_apitoken t JOIN clinic_user u ON u.id = t.user_id
    WHERE t.digest = p_digest AND t.revoked_at IS NULL AND t.expires_at > now() AND u.is_active
      AND t.password_stamp = substr(sha256(convert_to(u.password, 'UTF8')), 1, 8);
    IF NOT FOUND THEN RETURN; END IF;
    -- When it was last used is told to the minute; of several requests at once one writes it.
    UPDATE clinic_apitoken SET last_used_at = now() WHERE id = (
        SELECT t.id FROM clinic_apitoken t WHERE t.id = app_begin.token_id
          AND (t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 minute')
        FOR UPDATE SKIP LOCKED);
    SELECT e.facility, e.roles, e.purpose, e.reach, e.clinical, e.trail, e.lacks_factor, e.barred,
        e.emergencies, e.stewarded
    INTO facility, roles, purpose, reach, clinical, trail, lacks_factor, barred, emergencies,
        stewarded
    FROM app_enter(user_id, p_facility, p_wide || p_granted || p_trail,
        p_origin || jsonb_build_object('token', token_id),
        p_wide, p_granted, p_clinical_wide, p_clinical, p_trail, p_portal, p_narrowed) e;
    IF NOT roles && p_allowed THEN
        PERFORM set_config('app.facilities', '', true), set_config('app.reach', 'none', true);
    END IF;
    RETURN NEXT;
END $$;
"""

# The row trigger of every audited table. Arguments: the model's label, the column that names the
# patient, the columns whose values are never copied. Sealed values ('c1.…') never are.
#
# A function that names a table says where to look for it, temporary tables last: PostgreSQL looks
# there first otherwise, and one that is called like the trail would take its entries.
TRAIL = """
ALTER TABLE clinic_logentry ALTER COLUMN xid SET DEFAULT pg_current_xact_id(),
    ALTER COLUMN timestamp SET DEFAULT clock_timestamp(),
    ALTER COLUMN compliance_flags SET DEFAULT '{}', ALTER COLUMN risk_score SET DEFAULT 0;

-- A first risk score, 0 to 100: refused 30, seal broken 60, emergency 40, bulk (50 or more read or
-- written at a time) 20, treatment between 21 and 6 by the facility's clocks 10. A facility whose
-- zone this server does not know has no night: what it does must be noted all the same.
CREATE FUNCTION trail_risk(p_facility uuid, p_purpose text, p_flags text[], p_count bigint)
RETURNS smallint LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    flags text[] := COALESCE(p_flags, '{}');
    score int := 30 * ('refused' = ANY (flags))::int + 60 * ('seal_broken' = ANY (flags))::int
        + 40 * (COALESCE(p_purpose, '') = 'emergency')::int + 20 * (COALESCE(p_count, 0) >= 50)::int;
BEGIN
    IF p_purpose = 'treatment' THEN
        BEGIN
            score := score + COALESCE(
                (SELECT 10 * (extract(hour FROM now() AT TIME ZONE timezone) NOT BETWEEN 6 AND 20)::int
                 FROM clinic_facility WHERE id = p_facility), 0);
        EXCEPTION WHEN invalid_parameter_value THEN
            NULL;
        END;
    END IF;
    RETURN LEAST(score, 100);
END $$;

CREATE FUNCTION trail_row() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    before jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    after jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
    this jsonb := COALESCE(after, before);
    origin jsonb := COALESCE(NULLIF(current_setting('app.origin', true), ''), '{}')::jsonb;
    -- How a row is kept, or what was opened, tells that there is such content: not even that.
    masked text[] := string_to_array(TG_ARGV[2], ',')
        || '{sensitivity,confidential_kind,categories,scope}'::text[];
    flags text[] := ARRAY(SELECT jsonb_array_elements_text(COALESCE(origin -> 'flags', '[]')));
    purpose text := COALESCE(origin ->> 'purpose', '');
    facility uuid := COALESCE((this ->> 'facility_id')::uuid,
        CASE WHEN TG_TABLE_NAME = 'clinic_facility' THEN (this ->> 'id')::uuid END,
        (origin ->> 'facility')::uuid);
    written bigint := COALESCE(NULLIF(current_setting('app.written', true), ''), '0')::bigint + 1;
    patient uuid := NULLIF(this ->> TG_ARGV[1], '')::uuid;
    changes jsonb;
BEGIN
    IF patient = ANY (app_emergencies()) THEN
        purpose := 'emergency';
        flags := flags || 'break_glass'::text;
    END IF;
    SELECT jsonb_object_agg(key, jsonb_build_array(
        CASE WHEN key = ANY (masked) OR before ->> key LIKE 'c1.%' THEN '"•••"'
            ELSE before -> key END,
        CASE WHEN key = ANY (masked) OR after ->> key LIKE 'c1.%' THEN '"•••"'
            ELSE after -> key END))
    INTO changes FROM jsonb_object_keys(this) AS key
    WHERE key <> ALL (ARRAY['created_at', 'updated_at', 'version', 'next_mrn', 'pages_done',
        'attempts', 'claimed_at', 'last_used_at', 'news', 'remind_at'])
      AND before -> key IS DISTINCT FROM after -> key;
    IF changes IS NULL THEN RETURN NULL; END IF;
    PERFORM set_config('app.written', written::text, true);
    INSERT INTO clinic_logentry (content_type_id, resource, object_pk, object_repr, action,
        changes_text, changes, patient_id, actor_id, facility_id, purpose, remote_addr,
        user_agent, session_key, token_id, cid, surface, compliance_flags, risk_score)
    SELECT (SELECT id FROM django_content_type
            WHERE app_label = split_part(TG_ARGV[0], '.', 1)
              AND model = split_part(TG_ARGV[0], '.', 2)),
        TG_ARGV[0], COALESCE(this ->> 'id', ''), '',
        CASE TG_OP WHEN 'INSERT' THEN 0 WHEN 'UPDATE' THEN 1 ELSE 2 END, '', changes,
        patient, app_user(), facility, purpose,
        (origin ->> 'address')::inet,
        COALESCE(origin ->> 'agent', ''), COALESCE(origin ->> 'session', ''),
        NULLIF(origin ->> 'token', '')::uuid, origin ->> 'request',
        COALESCE(origin ->> 'surface', ''), flags, trail_risk(facility, purpose, flags, written);
    RETURN NULL;
END $$;

-- What a relative reads and does in the portal is the family's doing, and nobody's own.
CREATE FUNCTION trail_family() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF app_portal() AND NOT app_is_self(NEW.patient_id) THEN NEW.purpose := 'family'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER of_the_family BEFORE INSERT ON clinic_logentry FOR EACH ROW
    WHEN (NEW.purpose = 'own' AND NEW.patient_id IS NOT NULL)
    EXECUTE FUNCTION trail_family();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'the trail is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION refuse_other_value() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'this is written once' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION refuse_author() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'who wrote a row stays its author' USING ERRCODE = 'insufficient_privilege';
END $$;
"""

DROP = """
DROP FUNCTION app_begin, app_enter, app_standing, app_is_self, app_held_since, app_memberships, app_trail,
    app_stewarded, app_emergencies, app_everybody, app_barred, app_portal, app_by_verb, app_unattended,
    app_clinical, app_clinical_wide, app_wide, app_reach, app_facility, app_facilities, app_user;
"""

OWN_OR_FACILITY = f"{IN_FACILITY} OR user_id = (SELECT app_user())"
PLATFORM_OR_FACILITY = f"facility_id IS NULL OR {IN_FACILITY}"
# Whom a patient invited is hers to know; whom the clinic invited, the clinic's.
INVITED = f"{IN_FACILITY} AND (NOT (SELECT app_portal()) OR invited_by_id = (SELECT app_user()))"
# Entries without a facility (a failed sign-in to no account, or to one without a role) are read by
# the platform's own sealing only.
READ_TRAIL = (
    f"({IN_FACILITY} OR facility_id IS NULL AND (SELECT app_reach()) = 'platform')"
    " AND (SELECT app_trail())"
)
# Sealing goes by the number of the transaction that wrote an entry: nobody states another.
WRITE_TRAIL = f"({PLATFORM_OR_FACILITY}) AND xid = pg_current_xact_id()"


class Migration(migrations.Migration):
    dependencies = [
        ("clinic", "0001_initial"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("mfa", "0003_authenticator_type_uniq"),
    ]

    operations = [
        migrations.RunSQL(CONTEXT, migrations.RunSQL.noop),
        migrations.RunSQL(ENTER, DROP),
        migrations.RunSQL(
            TRAIL,
            "DROP TRIGGER of_the_family ON clinic_logentry;"
            " DROP FUNCTION trail_row, trail_family, trail_risk, refuse_change, refuse_author,"
            " refuse_other_value",
        ),
        # Policies and triggers, table by table.
        Protected(
            "clinic_facility",
            "id = ANY ((SELECT app_facilities())::uuid[])"
            " OR id = ANY ((SELECT app_memberships())::uuid[])"
            " OR (SELECT app_reach()) = 'platform'",
            f"id = ANY ((SELECT app_facilities())::uuid[]) AND {IN_THE_CLINIC}",
        ),
        Protected("clinic_datakey", PLATFORM_OR_FACILITY),
        Protected("clinic_roleassignment", OWN_OR_FACILITY, f"{IN_FACILITY} AND {BY_VERB}"),
        WrittenOnce("clinic_roleassignment", "facility_id,user_id"),
        Protected("clinic_specialist", check=f"{IN_FACILITY} AND {IN_THE_CLINIC}"),
        Protected("clinic_invitation", INVITED),
        WrittenOnce("clinic_invitation", "facility_id,role,invited_by_id"),
        Protected("clinic_logentry", READ_TRAIL, WRITE_TRAIL),
        Protected("clinic_traillink", READ_TRAIL, "(SELECT app_trail())"),
        Audited("clinic_facility", "clinic.facility"),
        Audited("clinic_datakey", "clinic.datakey", masked="wrapped"),
        Audited(
            "clinic_user",
            "clinic.user",
            masked="password,email,last_login,license_number,npi_number",
        ),
        Audited("clinic_roleassignment", "clinic.roleassignment"),
        Audited("clinic_specialist", "clinic.specialist"),
        Audited("clinic_invitation", "clinic.invitation"),
        Audited("clinic_notification", "clinic.notification", "patient_id"),
        Audited("clinic_apitoken", "clinic.apitoken", masked="digest,password_stamp"),
        AppendOnly("clinic_logentry"),
        AppendOnly("clinic_traillink"),
        # A key that is gone takes with it what it sealed; these tables are the migrations' own.
        migrations.RunSQL(revoke("clinic_datakey", "DELETE, TRUNCATE"), migrations.RunSQL.noop),
        *(
            migrations.RunSQL(
                revoke(table, "INSERT, UPDATE, DELETE, TRUNCATE"), migrations.RunSQL.noop
            )
            for table in ("django_migrations", "django_content_type", "auth_permission")
        ),
    ]
