"""What ours is measured beside: bare DRF views over a plain table, on the same server.

No sign-in, no policy, no encryption, no trail: one query, a model serializer, JSON.
"""

from django.db import transaction
from django.urls import path
from django.utils.decorators import method_decorator
from rest_framework import generics, serializers

from benchmarks.models import BarePatient, BareVisit
from config.urls import urlpatterns as product


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
