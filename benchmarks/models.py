"""The plain tables beside which ours are measured: the same columns, open, without protection."""

from django.db import models


class BarePatient(models.Model):
    """The columns of a patient, open."""

    id = models.UUIDField(primary_key=True)
    facility_id = models.UUIDField()
    version = models.IntegerField(default=1)
    mrn = models.TextField()
    first_name = models.TextField()
    last_name = models.TextField()
    date_of_birth = models.DateField()
    gender = models.TextField(default="unknown")
    ssn = models.TextField(default="")
    cpf = models.TextField(default="")
    phone = models.TextField(default="")
    email = models.TextField(default="")
    address = models.JSONField(default=dict)
    emergency_contact = models.JSONField(default=dict)
    insurance_info = models.JSONField(default=dict)
    preferred_language = models.TextField(default="en")
    is_active = models.BooleanField(default=True)

    class Meta:
        app_label = "benchmarks"
        managed = False
        db_table = "bench_patient"

    def __str__(self):
        return self.mrn


class BareVisit(models.Model):
    """The columns of a visit that a request brings, open, under the same exclusion constraints."""

    id = models.UUIDField(primary_key=True)
    facility_id = models.UUIDField()
    patient_id = models.UUIDField()
    specialist_id = models.UUIDField()
    appointment_type_id = models.UUIDField()
    room_id = models.UUIDField(null=True)
    start_datetime = models.DateTimeField()
    end_datetime = models.DateTimeField()
    status = models.TextField(default="Confirmed")
    reason = models.TextField(default="")

    class Meta:
        app_label = "benchmarks"
        managed = False
        db_table = "bench_visit"

    def __str__(self):
        return str(self.pk)


class BareBooking(models.Model):
    """A visit with all of its columns, open, under all of its constraints and indexes."""

    id = models.UUIDField(primary_key=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    facility_id = models.UUIDField()
    version = models.IntegerField(default=1)
    patient_id = models.UUIDField()
    specialist_id = models.UUIDField()
    appointment_type_id = models.UUIDField()
    room_id = models.UUIDField(null=True)
    start_datetime = models.DateTimeField()
    end_datetime = models.DateTimeField()
    buffer_before = models.PositiveSmallIntegerField(default=0)
    buffer_after = models.PositiveSmallIntegerField(default=0)
    status = models.CharField(max_length=10, default="Confirmed")
    reason = models.TextField(default="")
    cancel_reason = models.TextField(default="")
    canceled_late = models.BooleanField(default=False)
    overbooking_reason = models.TextField(default="")
    is_overbooked = models.BooleanField(default=False)
    session_id = models.UUIDField(null=True)
    place = models.PositiveSmallIntegerField(null=True)
    series = models.UUIDField(null=True)
    arrived_at = models.DateTimeField(null=True)
    news = models.CharField(max_length=10, default="")
    remind_at = models.DateTimeField(null=True)
    booked_by_id = models.UUIDField(null=True)

    class Meta:
        app_label = "benchmarks"
        managed = False
        db_table = "bench_booking"

    def __str__(self):
        return str(self.pk)


TABLES = """
DROP TABLE IF EXISTS bench_patient, bench_visit, bench_booking;
CREATE TABLE bench_patient (id uuid PRIMARY KEY, facility_id uuid NOT NULL, version int NOT NULL,
 mrn text NOT NULL, first_name text NOT NULL, last_name text NOT NULL, date_of_birth date NOT NULL,
 gender text NOT NULL, ssn text NOT NULL, cpf text NOT NULL, phone text NOT NULL,
 email text NOT NULL, address jsonb NOT NULL, emergency_contact jsonb NOT NULL,
 insurance_info jsonb NOT NULL, preferred_language text NOT NULL, is_active boolean NOT NULL,
 UNIQUE (facility_id, mrn));
CREATE INDEX ON bench_patient (facility_id, lower(last_name) text_pattern_ops);
CREATE TABLE bench_visit (id uuid PRIMARY KEY, facility_id uuid NOT NULL, patient_id uuid NOT NULL,
 specialist_id uuid NOT NULL, appointment_type_id uuid NOT NULL, room_id uuid,
 start_datetime timestamptz NOT NULL, end_datetime timestamptz NOT NULL, status text NOT NULL,
 reason text NOT NULL, CHECK (end_datetime > start_datetime),
 EXCLUDE USING gist (tstzrange(start_datetime, end_datetime) WITH &&, specialist_id WITH =)
  WHERE (status <> 'Canceled'),
 EXCLUDE USING gist (tstzrange(start_datetime, end_datetime) WITH &&, patient_id WITH =)
  WHERE (status <> 'Canceled'),
 EXCLUDE USING gist (tstzrange(start_datetime, end_datetime) WITH &&, room_id WITH =)
  WHERE (status <> 'Canceled'));
CREATE INDEX ON bench_visit (facility_id, start_datetime);
CREATE TABLE bench_booking (id uuid PRIMARY KEY, created_at timestamptz NOT NULL,
 updated_at timestamptz NOT NULL, facility_id uuid NOT NULL REFERENCES clinic_facility,
 version int NOT NULL, patient_id uuid NOT NULL REFERENCES patients_patient,
 specialist_id uuid NOT NULL REFERENCES clinic_specialist,
 appointment_type_id uuid NOT NULL REFERENCES scheduling_appointmenttype,
 room_id uuid REFERENCES scheduling_room, start_datetime timestamptz NOT NULL,
 end_datetime timestamptz NOT NULL, buffer_before smallint NOT NULL CHECK (buffer_before >= 0),
 buffer_after smallint NOT NULL CHECK (buffer_after >= 0), status varchar(10) NOT NULL,
 reason text NOT NULL, cancel_reason text NOT NULL, canceled_late boolean NOT NULL,
 overbooking_reason text NOT NULL, is_overbooked boolean NOT NULL,
 session_id uuid REFERENCES scheduling_groupsession, place smallint CHECK (place >= 0), series uuid,
 arrived_at timestamptz, news varchar(10) NOT NULL, remind_at timestamptz,
 booked_by_id uuid REFERENCES clinic_user,
 UNIQUE (facility_id, id), CHECK (end_datetime > start_datetime),
 CHECK (buffer_before <= 120 AND buffer_after <= 240),
 CHECK (session_id IS NULL AND place IS NULL OR session_id IS NOT NULL AND place >= 1),
 EXCLUDE USING gist (tstzrange(start_datetime, end_datetime) WITH &&, specialist_id WITH =)
  WHERE (status <> 'Canceled'),
 EXCLUDE USING gist (tstzrange(start_datetime, end_datetime) WITH &&, patient_id WITH =)
  WHERE (status <> 'Canceled'),
 EXCLUDE USING gist (tstzrange(start_datetime, end_datetime) WITH &&, room_id WITH =)
  WHERE (status <> 'Canceled'));
CREATE UNIQUE INDEX ON bench_booking (session_id, place) WHERE status <> 'Canceled';
CREATE INDEX ON bench_booking (facility_id, start_datetime);
CREATE INDEX ON bench_booking (patient_id, start_datetime);
CREATE INDEX ON bench_booking (series) WHERE series IS NOT NULL;
CREATE INDEX ON bench_booking (facility_id) WHERE news <> '';
CREATE INDEX ON bench_booking (facility_id, remind_at) WHERE remind_at IS NOT NULL;
"""
