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
    """The columns of a visit, open, under the same exclusion constraints."""

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


TABLES = """
DROP TABLE IF EXISTS bench_patient, bench_visit;
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
"""
