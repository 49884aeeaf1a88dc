"""Policies, same-facility keys and the trail for hours, rooms, visits and what they take."""

from django.db import migrations

from clinic.security.rls import (
    BY_VERB,
    IN_FACILITY,
    IN_THE_CLINIC,
    UNATTENDED,
    Audited,
    KeptAs,
    PatientRows,
    Protected,
    SameFacility,
)

CLINIC_ONLY = f"{IN_FACILITY} AND {IN_THE_CLINIC}"
# Whoever books a place of a group does not see who else is in it: the verb does.
IN_GROUPS = f"{IN_FACILITY} AND ({IN_THE_CLINIC} OR {BY_VERB})"

# What specialists and rooms are taken for, over all facilities of a person. Nobody writes it but
# these triggers, which act as the tables' owner; what is read of it are times of people and rooms
# of the facility.
TAKE = """
CREATE FUNCTION app_resources() RETURNS uuid[] LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS
$$ SELECT array_agg(r.id) FROM (
       SELECT s.user_id AS id FROM clinic_specialist s
       WHERE s.facility_id = ANY (app_facilities())
       UNION ALL SELECT r.id FROM scheduling_room r
       WHERE r.facility_id = ANY (app_facilities())) AS r $$;

ALTER TABLE scheduling_takentime ENABLE ROW LEVEL SECURITY;
ALTER TABLE scheduling_takentime FORCE ROW LEVEL SECURITY;
CREATE POLICY seen ON scheduling_takentime FOR SELECT
    USING (resource_id = ANY ((SELECT app_resources())::uuid[]));
CREATE POLICY kept ON scheduling_takentime FOR ALL TO CURRENT_USER USING (true);

CREATE FUNCTION take_one(p_taker uuid, p_kind text, p_resource uuid, p_starts timestamptz,
    p_ends timestamptz, p_firm boolean, p_until timestamptz)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF p_resource IS NULL THEN
        DELETE FROM scheduling_takentime WHERE taker_id = p_taker AND kind = p_kind;
        RETURN;
    END IF;
    -- What stays as it was asks nothing: a visit is closed though a calendar read since overlaps it.
    IF EXISTS (SELECT FROM scheduling_takentime WHERE taker_id = p_taker AND kind = p_kind
        AND resource_id = p_resource AND starts = p_starts AND ends = p_ends AND is_firm = p_firm
        AND until IS NOT DISTINCT FROM p_until) THEN
        RETURN;
    END IF;
    IF p_firm AND EXISTS (SELECT FROM scheduling_takentime WHERE resource_id = p_resource
        AND NOT is_firm AND ends > p_starts AND starts < p_ends AND taker_id <> p_taker) THEN
        RAISE EXCEPTION 'taken' USING ERRCODE = 'exclusion_violation',
            CONSTRAINT = 'one_visit_at_a_time_for_a_' || p_kind;
    END IF;
    -- A hold that has ended keeps nothing any more, and nobody has to wait for it to be cleared.
    DELETE FROM scheduling_takentime t WHERE t.resource_id = p_resource
        AND t.until <= clock_timestamp() AND t.starts < p_ends AND t.ends > p_starts
        AND t.taker_id <> p_taker;
    INSERT INTO scheduling_takentime AS t
        (id, kind, resource_id, taker_id, starts, ends, is_firm, until)
    VALUES (gen_random_uuid(), p_kind, p_resource, p_taker, p_starts, p_ends, p_firm, p_until)
    ON CONFLICT (taker_id, kind) DO UPDATE SET resource_id = EXCLUDED.resource_id,
        starts = EXCLUDED.starts, ends = EXCLUDED.ends, is_firm = EXCLUDED.is_firm,
        until = EXCLUDED.until;
END $$;
REVOKE EXECUTE ON FUNCTION take_one FROM PUBLIC;

CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    begins timestamptz;
    ends timestamptz;
    firm boolean := true;
    until timestamptz;
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM scheduling_takentime WHERE taker_id = OLD.id;
        RETURN NULL;
    END IF;
    IF TG_TABLE_NAME = 'scheduling_busytime' THEN
        PERFORM take_one(NEW.id, 'specialist',
            (SELECT s.user_id FROM clinic_specialist s WHERE s.id = NEW.specialist_id),
            NEW.start_datetime, NEW.end_datetime, false, NULL);
        RETURN NULL;
    ELSIF TG_TABLE_NAME = 'scheduling_hold' THEN
        IF NEW.session_id IS NOT NULL THEN
            RETURN NULL;  -- a place of a group, whose time the session takes
        END IF;
        until := NEW.expires_at;
    ELSIF TG_TABLE_NAME = 'scheduling_appointment' THEN
        IF NEW.status = 'Canceled' OR NEW.session_id IS NOT NULL THEN
            DELETE FROM scheduling_takentime WHERE taker_id = NEW.id;
            IF NEW.status <> 'Canceled' AND NEW.place > (
                SELECT capacity FROM scheduling_groupsession WHERE id = NEW.session_id) THEN
                RAISE EXCEPTION 'the group has no such place' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END IF;
        firm := NOT NEW.is_overbooked;
    END IF;
    begins := NEW.start_datetime - make_interval(mins => NEW.buffer_before);
    ends := NEW.end_datetime + make_interval(mins => NEW.buffer_after);
    PERFORM take_one(NEW.id, 'specialist',
        (SELECT s.user_id FROM clinic_specialist s WHERE s.id = NEW.specialist_id),
        begins, ends, firm, until);
    IF NEW.room_id IS NOT NULL OR TG_OP = 'UPDATE' THEN
        PERFORM take_one(NEW.id, 'room', NEW.room_id, begins, ends, firm, until);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER takes_time AFTER INSERT OR DELETE OR UPDATE OF status, start_datetime, end_datetime,
    buffer_before, buffer_after, specialist_id, room_id, session_id, place, is_overbooked
    ON scheduling_appointment FOR EACH ROW EXECUTE FUNCTION take_time();
CREATE TRIGGER takes_time AFTER INSERT OR DELETE OR UPDATE ON scheduling_groupsession
    FOR EACH ROW EXECUTE FUNCTION take_time();
CREATE TRIGGER takes_time AFTER INSERT OR DELETE OR UPDATE ON scheduling_hold
    FOR EACH ROW EXECUTE FUNCTION take_time();
CREATE TRIGGER takes_time AFTER INSERT OR DELETE OR UPDATE ON scheduling_busytime
    FOR EACH ROW EXECUTE FUNCTION take_time();
"""
LEAVE_FREE = """
DROP TRIGGER takes_time ON scheduling_busytime;
DROP TRIGGER takes_time ON scheduling_hold;
DROP TRIGGER takes_time ON scheduling_groupsession;
DROP TRIGGER takes_time ON scheduling_appointment;
DROP FUNCTION take_time, take_one;
DROP POLICY kept ON scheduling_takentime;
DROP POLICY seen ON scheduling_takentime;
ALTER TABLE scheduling_takentime NO FORCE ROW LEVEL SECURITY;
ALTER TABLE scheduling_takentime DISABLE ROW LEVEL SECURITY;
DROP FUNCTION app_resources;
"""

# A clinic that reminds at other hours does so of the visits that are booked already, too. A reminder
# is planned a day before its time (`scheduling.messages.planning`).
REMIND = """
CREATE FUNCTION remind_anew() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE scheduling_appointment a SET remind_at = (
        SELECT min(a.start_datetime - make_interval(hours => h + 24))
        FROM unnest(NEW.reminder_hours) AS h
        WHERE a.start_datetime - make_interval(hours => h) > now())
    WHERE a.facility_id = NEW.id AND a.start_datetime > now() AND a.news = ''
      AND a.status IN ('Pending', 'Confirmed');
    RETURN NULL;
END $$;
CREATE TRIGGER reminds_anew AFTER UPDATE OF reminder_hours ON clinic_facility FOR EACH ROW
    WHEN (OLD.reminder_hours IS DISTINCT FROM NEW.reminder_hours)
    EXECUTE FUNCTION remind_anew();
"""

# Whose calendar stands at an address, by the digest of its secret: the one thing that a stranger may
# ask. It answers for addresses in force alone, and nothing of what they show.
FIND_FEED = """
CREATE POLICY found ON scheduling_calendarfeed FOR SELECT TO CURRENT_USER USING (true);
CREATE FUNCTION app_feed(p_digest bytea, OUT feed uuid, OUT person uuid, OUT facility uuid,
    OUT shows text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$$ SELECT f.id, f.user_id, f.facility_id, f.scope FROM scheduling_calendarfeed f
   JOIN clinic_user u ON u.id = f.user_id AND u.is_active
   WHERE f.digest = p_digest AND f.revoked_at IS NULL $$;
"""
FIND_NO_FEED = """
DROP FUNCTION app_feed;
DROP POLICY found ON scheduling_calendarfeed;
"""

# That somebody takes a medicine is told to who gets the message, and to nobody who sees visits.
TO_ONESELF = f"kind <> 'medicine' OR user_id = (SELECT app_user()) OR {UNATTENDED}"
# What somebody says to have taken as needed, she takes back; nothing that was due is ever deleted.
TAKEN_BACK = f"{UNATTENDED} OR due_at IS NULL AND answered_by_id = (SELECT app_user())"
OWN_FEEDS = f"{IN_FACILITY} AND (user_id = (SELECT app_user()) OR {UNATTENDED})"


def of_the_clinic(model: str, deleted: bool = True) -> list:
    """Rows that the clinic writes and everybody in it reads."""
    table = f"scheduling_{model}"
    more = {"deleted": IN_THE_CLINIC} if deleted else {}
    return [
        Protected(table, check=CLINIC_ONLY, **more),
        Audited(table, f"scheduling.{model}"),
    ]


def to_the_same_facility(model: str, **columns: str) -> list:
    return [
        SameFacility(f"scheduling_{model}", f"{column}_id", target)
        for column, target in columns.items()
    ]


VISIT = {
    "specialist": "clinic_specialist",
    "appointment_type": "scheduling_appointmenttype",
    "room": "scheduling_room",
}


class Migration(migrations.Migration):
    dependencies = [("scheduling", "0001_initial"), ("patients", "0002_protection")]

    operations = [
        *of_the_clinic("appointmenttype", deleted=False),
        *of_the_clinic("room", deleted=False),
        *of_the_clinic("availabilityblock"),
        *to_the_same_facility(
            "availabilityblock", specialist="clinic_specialist", room="scheduling_room"
        ),
        *of_the_clinic("blockkind"),
        SameFacility("scheduling_blockkind", "block_id", "scheduling_availabilityblock", "CASCADE"),
        *to_the_same_facility("blockkind", appointment_type="scheduling_appointmenttype"),
        *of_the_clinic("holiday"),
        *of_the_clinic("leave"),
        *to_the_same_facility("leave", specialist="clinic_specialist"),
        Protected("scheduling_groupsession", IN_GROUPS, deleted="true"),
        *to_the_same_facility("groupsession", **VISIT),
        Audited("scheduling_groupsession", "scheduling.groupsession"),
        PatientRows("scheduling_appointment", "appointments", clinical=False, portal=True),
        *to_the_same_facility(
            "appointment", patient="patients_patient", session="scheduling_groupsession", **VISIT
        ),
        Audited("scheduling_appointment", "scheduling.appointment", "patient_id"),
        PatientRows("scheduling_hold", "appointments", clinical=False, portal=True, deleted="true"),
        *to_the_same_facility("hold", patient="patients_patient", **VISIT),
        SameFacility("scheduling_hold", "session_id", "scheduling_groupsession", "CASCADE"),
        Audited("scheduling_hold", "scheduling.hold", "patient_id"),
        PatientRows("scheduling_waitlistentry", "appointments", clinical=False, portal=True),
        *to_the_same_facility(
            "waitlistentry",
            patient="patients_patient",
            appointment_type="scheduling_appointmenttype",
        ),
        Audited("scheduling_waitlistentry", "scheduling.waitlistentry", "patient_id"),
        Protected("scheduling_waitlistspecialist", deleted="true"),
        SameFacility(
            "scheduling_waitlistspecialist", "entry_id", "scheduling_waitlistentry", "CASCADE"
        ),
        *to_the_same_facility("waitlistspecialist", specialist="clinic_specialist"),
        Audited("scheduling_waitlistspecialist", "scheduling.waitlistspecialist"),
        PatientRows("scheduling_waitlistoffer", "appointments", clinical=False, portal=True),
        *to_the_same_facility(
            "waitlistoffer",
            patient="patients_patient",
            specialist="clinic_specialist",
            entry="scheduling_waitlistentry",
            appointment="scheduling_appointment",
        ),
        SameFacility(
            "scheduling_waitlistoffer", "hold_id", "scheduling_hold", "SET NULL (hold_id)"
        ),
        Audited("scheduling_waitlistoffer", "scheduling.waitlistoffer", "patient_id"),
        PatientRows("scheduling_medicationreminder", "medications", portal=True),
        *to_the_same_facility("medicationreminder", patient="patients_patient"),
        KeptAs("scheduling_medicationreminder", "medication_id", "patients_medication"),
        Audited("scheduling_medicationreminder", "scheduling.medicationreminder", "patient_id"),
        PatientRows("scheduling_reminderlog", "medications", portal=True, deleted=TAKEN_BACK),
        *to_the_same_facility("reminderlog", patient="patients_patient"),
        KeptAs("scheduling_reminderlog", "reminder_id", "scheduling_medicationreminder"),
        Audited("scheduling_reminderlog", "scheduling.reminderlog", "patient_id"),
        PatientRows("scheduling_patientzone", "medications", clinical=False, portal=True),
        *to_the_same_facility("patientzone", patient="patients_patient"),
        Audited("scheduling_patientzone", "scheduling.patientzone", "patient_id"),
        PatientRows("scheduling_message", "appointments", clinical=False, portal=True),
        migrations.RunSQL(
            f"CREATE POLICY to_oneself ON scheduling_message AS RESTRICTIVE USING ({TO_ONESELF})"
            " WITH CHECK (true)",
            "DROP POLICY to_oneself ON scheduling_message",
        ),
        *to_the_same_facility("message", patient="patients_patient"),
        *(
            SameFacility("scheduling_message", f"{column}_id", f"scheduling_{table}", "CASCADE")
            for column, table in (
                ("appointment", "appointment"),
                ("offer", "waitlistoffer"),
                ("dose", "reminderlog"),
            )
        ),
        Audited("scheduling_message", "scheduling.message", "patient_id", "address_index"),
        Protected("scheduling_calendarfeed", OWN_FEEDS),
        *to_the_same_facility("calendarfeed", patient="patients_patient"),
        Audited("scheduling_calendarfeed", "scheduling.calendarfeed", "patient_id", "digest"),
        migrations.RunSQL(FIND_FEED, FIND_NO_FEED),
        Protected("scheduling_busycalendar", CLINIC_ONLY, deleted=IN_THE_CLINIC),
        *to_the_same_facility("busycalendar", specialist="clinic_specialist"),
        Audited("scheduling_busycalendar", "scheduling.busycalendar"),
        Protected("scheduling_busytime", CLINIC_ONLY, deleted=IN_THE_CLINIC),
        SameFacility("scheduling_busytime", "calendar_id", "scheduling_busycalendar", "CASCADE"),
        *to_the_same_facility("busytime", specialist="clinic_specialist"),
        migrations.RunSQL(TAKE, LEAVE_FREE),
        migrations.RunSQL(REMIND, "DROP FUNCTION remind_anew CASCADE"),
    ]
