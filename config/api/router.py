"""Every address of the API, in the order of a clinic's day."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from chat.api.conversations import Conversations, Messages
from chat.api.search import Search
from clinic.api.accounts import Me, SignIn, Tokens, Users
from clinic.api.facilities import Facilities, Specialists
from clinic.api.notices import Notices
from compliance.api.audit import Audit
from compliance.api.breakglass import BreakGlass
from config.api.throttling import SignInThrottle
from patients.api.care import LookQuestions, MyRelationships, QuestionQueue, Relationships
from patients.api.circle import AccessLog, CareTeam, Referrals
from patients.api.family import Consents, Family, PortalAccount
from patients.api.health import (
    Allergies,
    BloodTypes,
    Conditions,
    Immunizations,
    Medications,
    Readings,
)
from patients.api.patients import Patients
from records.api.chart import Chart
from records.api.documents import Documents
from records.api.records import MedicalRecords
from scheduling.api.adherence import Adherence
from scheduling.api.appointments import Appointments
from scheduling.api.busy import BusyCalendars
from scheduling.api.closures import Holidays, Leaves
from scheduling.api.feeds import CalendarFeeds
from scheduling.api.figures import SchedulingFigures
from scheduling.api.holds import Holds
from scheduling.api.kinds import AppointmentTypes, Rooms
from scheduling.api.messages import AppointmentMessages
from scheduling.api.offers import AvailabilityBlocks, Slots
from scheduling.api.reminders import ReminderLogs, Reminders
from scheduling.api.series import AppointmentSeries
from scheduling.api.waitlist import Waitlist, WaitlistOffers

OF_PATIENT = "patients/(?P<patient_id>[^/]+)"
# What stands both below a patient and by itself is named apart.
NAMES = {"relationships": "my-relationships", "look-questions": "question-queue"}
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
    f"{OF_PATIENT}/blood-types": BloodTypes,
    f"{OF_PATIENT}/family": Family,
    f"{OF_PATIENT}/consents": Consents,
    f"{OF_PATIENT}/care-team": CareTeam,
    f"{OF_PATIENT}/referrals": Referrals,
    f"{OF_PATIENT}/relationships": Relationships,
    f"{OF_PATIENT}/access-log": AccessLog,
    f"{OF_PATIENT}/look-questions": LookQuestions,
    "relationships": MyRelationships,
    "look-questions": QuestionQueue,
    "availability-blocks": AvailabilityBlocks,
    "appointment-types": AppointmentTypes,
    "rooms": Rooms,
    "holidays": Holidays,
    "leaves": Leaves,
    "slots": Slots,
    "holds": Holds,
    "appointment-messages": AppointmentMessages,
    "calendar-feeds": CalendarFeeds,
    "busy-calendars": BusyCalendars,
    "appointments/series": AppointmentSeries,
    "appointments": Appointments,
    "waitlist": Waitlist,
    "waitlist-offers": WaitlistOffers,
    "reminders": Reminders,
    "reminder-logs": ReminderLogs,
    "medical-records": MedicalRecords,
    "documents": Documents,
    "search": Search,
    "conversations": Conversations,
    f"{OF_CONVERSATION}/messages": Messages,
    "notifications": Notices,
    "break-glass": BreakGlass,
    "audit": Audit,
}.items():
    router.register(prefix, resource, f"api-{NAMES.get(prefix) or prefix.rpartition('/')[2]}")

urlpatterns = [
    path(
        "auth/token/",
        SignIn.as_view({"post": "create"}, throttle_classes=[SignInThrottle]),
        name="api-token",
    ),
    path("auth/tokens/", Tokens.as_view({"get": "list", "delete": "clear"}), name="api-tokens"),
    path("auth/tokens/<str:pk>/", Tokens.as_view({"delete": "destroy"}), name="api-tokens-one"),
    path("me/", Me.as_view({"get": "retrieve", "patch": "partial_update"}), name="api-me"),
    path("patients/<str:patient_id>/chart/", Chart.as_view({"get": "retrieve"}), name="api-chart"),
    path(
        "patients/<str:patient_id>/portal-account/",
        PortalAccount.as_view({"get": "retrieve", "post": "create"}),
        name="api-portal-account",
    ),
    path("adherence/", Adherence.as_view({"get": "retrieve"}), name="api-adherence"),
    path(
        "scheduling-figures/",
        SchedulingFigures.as_view({"get": "retrieve"}),
        name="api-scheduling-figures",
    ),
    *router.urls,
]
