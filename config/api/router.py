"""Every address of the API, in the order of a clinic's day."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from chat.api.conversations import Conversations, Messages
from chat.api.search import Search
from clinic.api.accounts import Me, SignIn, Tokens, Users
from clinic.api.facilities import Facilities, Specialists
from compliance.api import Audit
from config.api.throttling import SignInThrottle
from patients.api.circle import AccessLog, CareTeam, Family
from patients.api.health import Allergies, Conditions, Immunizations, Medications, Readings
from patients.api.patients import Patients
from records.api.chart import Chart
from records.api.documents import Documents
from records.api.records import MedicalRecords
from scheduling.api.appointments import Appointments
from scheduling.api.offers import AppointmentTypes, AvailabilityBlocks, Slots

OF_PATIENT = "patients/(?P<patient_id>[^/]+)"
OF_CONVERSATION = "conversations/(?P<conversation_id>[^/]+)"


class StatedRouter(SimpleRouter):
    """Routes lead to the actions whose permission a resource states, and to nothing else."""

    def get_method_map(self, viewset, method_map):
        found = super().get_method_map(viewset, method_map)
        return {method: action for method, action in found.items() if action in viewset.required}


router = StatedRouter()
for prefix, resource in {
    "facilities": Facilities,
    "users": Users,
    "specialists": Specialists,
    "patients": Patients,
    f"{OF_PATIENT}/allergies": Allergies,
    f"{OF_PATIENT}/medications": Medications,
    f"{OF_PATIENT}/conditions": Conditions,
    f"{OF_PATIENT}/readings": Readings,
    f"{OF_PATIENT}/immunizations": Immunizations,
    f"{OF_PATIENT}/family": Family,
    f"{OF_PATIENT}/care-team": CareTeam,
    f"{OF_PATIENT}/access-log": AccessLog,
    "availability-blocks": AvailabilityBlocks,
    "appointment-types": AppointmentTypes,
    "slots": Slots,
    "appointments": Appointments,
    "medical-records": MedicalRecords,
    "documents": Documents,
    "search": Search,
    "conversations": Conversations,
    f"{OF_CONVERSATION}/messages": Messages,
    "audit": Audit,
}.items():
    router.register(prefix, resource, f"api-{prefix.rpartition('/')[2]}")

urlpatterns = [
    path(
        "auth/token/",
        SignIn.as_view({"post": "create"}, throttle_classes=[SignInThrottle]),
        name="api-token",
    ),
    path("auth/tokens/", Tokens.as_view({"get": "list", "delete": "clear"}), name="api-tokens"),
    path("auth/tokens/<str:pk>/", Tokens.as_view({"delete": "destroy"}), name="api-tokens-one"),
    path("me/", Me.as_view({"get": "retrieve"}), name="api-me"),
    path("patients/<str:patient_id>/chart/", Chart.as_view({"get": "retrieve"}), name="api-chart"),
    *router.urls,
]
