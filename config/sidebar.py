"""What stands beside every page of the staff's site, as far as the person may go there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from clinic.backoffice import facilities_of, facility_of
from clinic.security.permissions import Permission
from scheduling.admin.messages import failures


@dataclass(frozen=True)
class Place:
    """An entry: `pages` are the names of the addresses on which it is marked."""

    title: Any
    icon: str
    name: str
    required: Permission
    pages: tuple[str, ...] = ()
    count: Callable[[HttpRequest], str] | None = None  # of what waits for somebody there


GROUPS = (
    (
        _("Today"),
        (
            Place(_("Today"), "today", "index", Permission.CALENDAR_VIEW),
            Place(
                _("Find a patient"), "person_search", "find_patient", Permission.PATIENT_VIEW,
                (
                    "chart", "chart_ask", "write_record", "revise_record",
                    "patients_patient_change",
                    "patient_access", "patient_join", "patient_leave", "patient_refer",
                    "patient_referral", "patient_confide", "patient_family", "patient_guardian",
                    "patient_guardian_end",
                ),
            ),
            Place(
                _("My patients"), "diversity_1", "relationships", Permission.CHART_VIEW,
                ("invite_patient", "relationship_end"),
            ),
            Place(
                _("Calendar"), "calendar_month", "day", Permission.CALENDAR_VIEW,
                ("week", "visit", "move"),
            ),
            Place(_("Check-in"), "how_to_reg", "arrivals", Permission.CALENDAR_VIEW),
            Place(_("New visit"), "event_available", "quick_book", Permission.APPOINTMENT_BOOK),
            Place(
                _("Waiting list"), "hourglass_top", "waiting", Permission.CALENDAR_VIEW,
                ("waiting_join",),
            ),
            Place(
                _("Messages"), "sms", "messages", Permission.APPOINTMENT_BOOK,
                count=failures,
            ),
            Place(
                _("Emergency access"), "emergency", "emergency", Permission.EMERGENCY_OPEN,
                ("emergency_summary", "emergency_more"),
            ),
        ),
    ),
    (
        _("Records"),
        (
            Place(
                _("Register a patient"), "person_add", "patients_patient_add",
                Permission.PATIENT_REGISTER,
            ),
            Place(
                _("Documents"), "description", "documents", Permission.DOCUMENT_VIEW, ("document",)
            ),
        ),
    ),
    (
        _("The clinic"),
        (
            Place(
                _("Specialists and hours"), "medical_services", "clinic_specialist_changelist",
                Permission.CALENDAR_VIEW,
                (
                    "clinic_specialist_add", "clinic_specialist_change", "hours", "block",
                    "block_new",
                ),
            ),
            Place(_("Holidays and leave"), "event_busy", "closures", Permission.CALENDAR_VIEW),
            Place(
                _("Kinds of visit"), "category", "scheduling_appointmenttype_changelist",
                Permission.CALENDAR_VIEW,
                ("scheduling_appointmenttype_add", "scheduling_appointmenttype_change"),
            ),
            Place(
                _("Rooms"), "meeting_room", "scheduling_room_changelist",
                Permission.CALENDAR_VIEW, ("scheduling_room_add", "scheduling_room_change"),
            ),
            Place(
                _("Missed visits and use"), "bar_chart", "scheduling_figures",
                Permission.CALENDAR_VIEW,
            ),
            Place(
                _("Connected calendars"), "sync", "calendars", Permission.CALENDAR_VIEW,
                ("calendar_end", "calendar_remove"),
            ),
            Place(
                _("People and roles"), "badge", "roles", Permission.STAFF_VIEW,
                ("person", "invite", "invitation"),
            ),
            Place(
                _("Clinic details"), "apartment", "facility", Permission.FACILITY_MANAGE,
                ("facility_access",),
            ),
            Place(
                _("Minors and guardians"), "family_restroom", "minors", Permission.STAFF_MANAGE
            ),
        ),
    ),
    (
        _("Oversight"),
        (
            Place(
                _("Emergency accesses"), "emergency", "emergencies", Permission.EMERGENCY_REVIEW,
                ("emergency_review",),
            ),
            Place(
                _("Questions about looks"), "contact_support", "questions", Permission.LOOK_ANSWER,
                ("question",),
            ),
            Place(_("Audit trail"), "policy", "trail", Permission.TRAIL_VIEW),
        ),
    ),
)  # fmt: skip


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar as unfold takes it."""
    here = request.resolver_match.url_name if request.resolver_match else ""
    groups = []
    for number, (title, places) in enumerate(GROUPS):
        items = [
            _item(place, here, request) for place in places if request.actor.may(place.required)
        ]
        groups.append({"title": title, "separator": number > 0, "items": items})
    return [group for group in groups if group["items"]]


def first_link(request: HttpRequest) -> str:
    """Where a person begins who has no calendar: the trail, else whatever is hers."""
    found = navigation(request)
    return found[-1]["items"][0]["link"] if found else ""


def clinic_name(request: HttpRequest) -> str:
    facility = facility_of(request)
    return facility.name if facility else ""


def account_links(request: HttpRequest) -> list[dict[str, Any]]:
    """The person's own menu; another clinic only where she has one."""
    links = [
        (_("Second step at sign-in"), "mfa_index"),
        (_("Where I am signed in"), "usersessions_list"),
        (_("Change password"), "account_change_password"),
    ]
    if len(facilities_of(request)) > 1:
        links.insert(0, (_("Change clinic"), "admin:choose_facility"))
    return [{"title": title, "link": reverse(name)} for title, name in links]


def _item(place: Place, here: str, request: HttpRequest) -> dict[str, Any]:
    waiting = place.count(request) if place.count else ""
    return ({"badge": waiting} if waiting else {}) | {
        "title": place.title,
        "icon": place.icon,
        "link": reverse(f"admin:{place.name}"),
        "active": here in (place.name, *place.pages),
    }
