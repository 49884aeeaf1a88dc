"""What ours is measured beside: bare DRF views over a plain table, on the same server.

No sign-in, no policy, no encryption, no trail: one query, a model serializer, JSON.
"""

from django.db import models, transaction
from django.urls import path
from django.utils.decorators import method_decorator
from rest_framework import generics, serializers

from config.urls import urlpatterns as product


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


class BareVisit(models.Model):
    """The columns of a visit, open, under the same exclusion constraints."""

    id = models.UUIDField(primary_key=True)
    facility_id = models.UUIDField()
    patient_id = models.UUIDField()
    specialist_id = models.UUIDField()
    appointment_type_id = models.UUIDField()
    start_datetime = models.DateTimeField()
    end_datetime = models.DateTimeField()
    status = models.TextField(default="Confirmed")
    reason = models.TextField(default="")

    class Meta:
        app_label = "benchmarks"
        managed = False
        db_table = "bench_visit"


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
 specialist_id uuid NOT NULL, appointment_type_id uuid NOT NULL,
 start_datetime timestamptz NOT NULL, end_datetime timestamptz NOT NULL, status text NOT NULL,
 reason text NOT NULL, CHECK (end_datetime > start_datetime),
 EXCLUDE USING gist (tstzrange(start_datetime, end_datetime) WITH &&, specialist_id WITH =)
  WHERE (status <> 'Canceled'),
 EXCLUDE USING gist (tstzrange(start_datetime, end_datetime) WITH &&, patient_id WITH =)
  WHERE (status <> 'Canceled'));
CREATE INDEX ON bench_visit (facility_id, start_datetime);
"""


class PatientSerializer(serializers.ModelSerializer):
    class Meta:
        model = BarePatient
        fields = "__all__"
        read_only_fields = ["version"]


class VisitSerializer(serializers.ModelSerializer):
    class Meta:
        model = BareVisit
        fields = "__all__"


class Bare:
    authentication_classes = permission_classes = throttle_classes = ()
    pagination_class = None
    public = True


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class OnePatient(Bare, generics.RetrieveAPIView):
    queryset = BarePatient.objects.all()
    serializer_class = PatientSerializer


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class Patients(Bare, generics.ListCreateAPIView):
    serializer_class = PatientSerializer

    def get_queryset(self):
        rows, query = BarePatient.objects.order_by("-id"), self.request.GET.get("q")
        if query:
            rows = rows.extra(where=["lower(last_name) LIKE %s"], params=[f"{query}%"])
        return rows[: int(self.request.GET.get("limit", 50))]


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class Visits(Bare, generics.ListCreateAPIView):
    serializer_class = VisitSerializer

    def get_queryset(self):
        window = self.request.GET
        rows = BareVisit.objects.filter(
            start_datetime__gte=window["from"], start_datetime__lt=window["to"]
        )
        return rows.order_by("start_datetime")[:200]


urlpatterns = [
    path("bare/patients/<uuid:pk>/", OnePatient.as_view()),
    path("bare/patients/", Patients.as_view()),
    path("bare/visits/", Visits.as_view()),
    *product,
]
