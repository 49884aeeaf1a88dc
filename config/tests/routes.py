"""Who may go through which door: every route of the product, method by method.

To add a route, add a line to the table of its surface: the route's name, its methods, and for each
the permission that opens it. The role table (`clinic.security.permissions`) then says which roles
that is. A `Door` says more where a rule does: what is sent, what is asked, which roles a rule of a
verb keeps out. `THINGS` says which object the address of a route names.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from clinic.security.permissions import PORTAL_ROLES, ROLE_TABLE, STAFF_ROLES, Permission, Role

P = Permission
PUBLIC, SIGNED_IN, CLOSED = "public", "signed in", "closed"
Thing = dict[str, Any]


@dataclass(frozen=True)
class Door:
    """One method of one route. `opens` is a permission, or PUBLIC (everybody), SIGNED_IN (every
    account) or CLOSED (nobody). `body` and `query` are made from the things of the object's owner;
    `names` says whose object they name: a "patient"'s, the "clinic"'s, or "" nobody's. Of those
    with the permission, `but` are kept out by a rule of the verb, or all except `only`. `of` is
    the thing that the address names, where it is not the route's usual one."""

    opens: Permission | str
    body: Callable[[Thing], Any] | None = None
    query: Callable[[Thing], dict] | None = None
    names: str = ""
    of: str = ""
    but: frozenset[Role] = frozenset()
    only: frozenset[Role] | None = None
    form: bool = False  # the body is a form with a file, also on the API
    clash: bool = False  # as things stand in the household, it can be refused with 409

    def opens_to(self, role: Role | None, surface: str) -> bool:
        """Whether the role table lets the role in, at this surface."""
        if self.opens in (PUBLIC, CLOSED):
            return self.opens == PUBLIC
        if role is None or role not in AUDIENCE[surface]:
            return False
        return self.opens == SIGNED_IN or self.opens in ROLE_TABLE[role].permissions

    def is_ruled_out(self, role: Role | None) -> bool:
        """Whether a rule of the verb keeps out whom the role table lets in."""
        return role in self.but or (self.only is not None and role not in self.only)


AUDIENCE = {
    "api": frozenset(Role), "accounts": frozenset(Role), "web": frozenset(Role),
    "admin": STAFF_ROLES, "portal": PORTAL_ROLES,
}  # fmt: skip


def roles(*names: Role) -> frozenset[Role]:
    return frozenset(names)


def read(permission: Permission | str, query=None, names="patient", **more) -> Door:
    return Door(permission, query=query, names=names if query else "", **more)


def send(permission: Permission | str, body, names="patient", **more) -> Door:
    """A body that names an object."""
    return Door(permission, body=body, names=names, **more)


def own(permission: Permission | str, body: dict | None = None, **more) -> Door:
    """A body that names nothing of anybody."""
    return Door(permission, body=lambda it: body or {}, **more)


# What a physician writes only she goes on with: the records of the household are Sarah's.
AUTHOR = roles(Role.PHYSICIAN)
# A patient or a relative cancels and moves her visits; the rest is the clinic's to say.
CLINIC_ONLY = PORTAL_ROLES
# A specialist sets her own hours only, and the household's hours are Sarah's.
NOT_HERS = roles(Role.SPECIALIST)
# Who can be booked has a calendar of her own.
BOOKED = roles(Role.PHYSICIAN, Role.SPECIALIST)
# A relative decides nothing about a patient of age, and does not speak for the family.
NO_STEWARD = roles(Role.FAMILY_MEMBER)
# The patient of age decides, alone.
STEWARD = roles(Role.PATIENT)
# The household's relative is a guardian: the desk takes her from beside the patient, and she goes.
ENDS_GUARDIANS = roles(Role.ADMINISTRATOR, Role.FRONT_DESK, Role.NURSE)
RELATIVE = {"email": "r@example.org", "name": "R", "relationship": "sibling"}
# Emergency accesses are listed for who opens patients, and for who reviews that.
GLASS = roles(Role.PHYSICIAN, Role.NURSE, Role.SPECIALIST, Role.ADMINISTRATOR)
# Whoever has the permission needs a code besides: `compliance/tests` has the ceremony.
NEEDS_A_CODE = roles()
# Who treats the patient ends a referral, and to whom she was referred: here a nurse.
NOT_REFERRED = roles(Role.PHARMACIST, Role.TECHNICIAN, Role.SOCIAL_WORKER, Role.CASE_MANAGER)


def visit(it: Thing) -> dict:
    return {
        "patient": str(it["patient"]), "specialist": str(it["specialist"]),
        "appointment_type": str(it["kind"]), "start_datetime": it["free"],
    }  # fmt: skip


def upload(it: Thing) -> dict:
    from django.core.files.uploadedfile import SimpleUploadedFile

    return {"patient": str(it["patient"]), "file": SimpleUploadedFile("new.txt", b"A new letter.")}


def busy_calendar(it: Thing) -> dict:
    from django.core.files.uploadedfile import SimpleUploadedFile

    file = SimpleUploadedFile("mine.ics", b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")
    return {"specialist": str(it["specialist"]), "name": "New", "file": file}


def settled(name: str, new: dict, other: dict | None = None) -> dict[str, dict[str, Door]]:
    """What holds for the whole clinic, and is set by who reaches all of it."""
    change = (
        {"PATCH": own(P.AVAILABILITY_MANAGE, other, but=NOT_HERS)} if other
        else {"DELETE": read(P.AVAILABILITY_MANAGE, but=NOT_HERS)}
    )  # fmt: skip
    return {
        f"api-{name}-list": {
            "GET": read(P.CALENDAR_VIEW), "POST": own(P.AVAILABILITY_MANAGE, new, but=NOT_HERS),
        },
        f"api-{name}-detail": {"GET": read(P.CALENDAR_VIEW)} | change,
    }  # fmt: skip


def facts(thing: str, new: dict) -> dict[str, dict[str, Door]]:
    return {
        f"api-{thing}-list": {"GET": read(P.CHART_VIEW), "POST": own(P.CHART_WRITE, new)},
        f"api-{thing}-detail": {
            "GET": read(P.CHART_VIEW), "PATCH": own(P.CHART_WRITE), "DELETE": read(P.CHART_WRITE),
        },
    }  # fmt: skip


READS = {"GET": read(P.CALENDAR_VIEW)}
NEW_PATIENT = {"first_name": "New", "last_name": "Comer", "date_of_birth": "1990-01-31"}
WRONG = {"email": "no@one.test", "password": "wrong"}

API = {
    "api-token": {"POST": own(CLOSED, WRONG)},
    "api-tokens": {"GET": read(P.ACCOUNT_USE), "DELETE": read(P.ACCOUNT_USE)},
    "api-tokens-one": {"DELETE": read(P.ACCOUNT_USE)},
    "api-me": {"GET": read(P.ACCOUNT_USE), "PATCH": own(P.ACCOUNT_USE, {"quiet_from": None})},
    "api-chart": {"GET": read(P.CHART_VIEW)},
    "api-facilities-list": {"GET": read(P.FACILITY_VIEW)},
    "api-facilities-detail": {"GET": read(P.FACILITY_VIEW)},
    "api-users-list": {"GET": read(P.STAFF_VIEW)},
    "api-users-detail": {"GET": read(P.STAFF_VIEW)},
    "api-specialists-list": READS,
    "api-specialists-detail": READS,
    "api-patients-list": {
        "GET": read(P.PATIENT_VIEW, lambda it: {"q": it["mrn"]}, names=""),
        "POST": own(P.PATIENT_REGISTER, NEW_PATIENT),
    },
    "api-patients-detail": {
        "GET": read(P.PATIENT_VIEW), "PATCH": own(P.PATIENT_REGISTER, {"phone": "+1 212 555 0100"}),
    },
    **facts("allergies", {"allergen": "Latex"}),
    **facts("medications", {"generic_name": "Ibuprofen"}),
    **facts("conditions", {"display": "Headache"}),
    **facts("immunizations", {"vaccine": "Tetanus"}),
    **facts("readings", {
        "reading_type": "weight", "value": 70, "unit": "kg", "taken_at": "2026-01-05T10:00:00Z",
    }),
    **facts("blood-types", {"group": "O-"}),
    "api-family-list": {
        "GET": read(P.PATIENT_VIEW), "POST": own(P.PATIENT_VIEW, RELATIVE, only=STEWARD),
    },
    "api-family-detail": {
        "PATCH": own(P.SHARING_MANAGE, {"permission_level": "none"}, only=roles()),
        "DELETE": read(P.PATIENT_VIEW, only=ENDS_GUARDIANS),
    },
    "api-consents-list": {
        "GET": read(P.SHARING_MANAGE), "POST": send(
            P.SHARING_MANAGE, lambda it: {
                "family_member": str(it["guardian"]), "categories": ["records"],
            }, names="", only=STEWARD,
        ),
    },
    "api-consents-detail": {
        "GET": read(P.SHARING_MANAGE, only=STEWARD),
        "DELETE": read(P.SHARING_MANAGE, only=STEWARD),
    },
    "api-portal-account": {
        "GET": read(P.FAMILY_MANAGE), "POST": own(
            P.FAMILY_MANAGE, {"email": "a@example.org"}, clash=True
        ),
    },
    "api-referrals-list": {
        "GET": read(P.CHART_VIEW),
        "POST": send(P.CARE_TEAM_MANAGE, lambda it: {
            "to": str(it["clinician"]), "reason": "Back pain", "until": it["soon"],
        }, names="clinic"),
    },
    "api-referrals-detail": {
        "DELETE": read(P.CHART_VIEW, but=NOT_REFERRED | NO_STEWARD, of="member"),
    },
    "api-relationships-list": {
        "GET": read(P.SHARING_MANAGE), "POST": send(
            P.SHARING_MANAGE, lambda it: {"clinician": str(it["person"])}, names="clinic",
            only=STEWARD, clash=True,
        ),
    },
    "api-relationships-detail": {
        "PATCH": own(P.SHARING_MANAGE, {"categories": ["records"]}, only=STEWARD),
    },
    "api-relationships-agree": {"POST": own(P.SHARING_MANAGE, only=STEWARD, clash=True)},
    "api-relationships-end": {"POST": own(P.SHARING_MANAGE, only=STEWARD)},
    "api-relationships-unblock": {"POST": own(P.SHARING_MANAGE, only=STEWARD, clash=True)},
    "api-relationships-block": {"POST": send(
        P.SHARING_MANAGE, lambda it: {"clinician": str(it["person"])}, names="clinic", only=STEWARD,
    )},
    "api-my-relationships-list": {
        "GET": read(P.CHART_VIEW),
        "POST": own(P.CARE_TEAM_MANAGE, {
            "mrn": "HB1", "last_name": "Doe", "date_of_birth": "1980-01-01",
        }),
    },
    "api-my-relationships-agree": {"POST": own(P.CHART_VIEW, but=CLINIC_ONLY, clash=True)},
    "api-my-relationships-end": {"POST": own(P.CHART_VIEW, but=CLINIC_ONLY)},
    "api-look-questions-list": {
        "GET": read(P.ACCESS_LOG_VIEW),
        "POST": send(P.ACCESS_LOG_VIEW, lambda it: {"look": it["look"], "question": "Why?"},
                     names="", but=STAFF_ROLES),
    },
    "api-question-queue-list": {"GET": read(P.LOOK_ANSWER)},
    "api-question-queue-answer": {"POST": own(P.LOOK_ANSWER, {"answer": "A colleague."})},
    "api-care-team-list": {
        "GET": read(P.CHART_VIEW),
        "POST": send(P.CARE_TEAM_MANAGE, lambda it: {"user": str(it["person"])},
                     names="clinic", but=NOT_HERS),
    },
    "api-care-team-detail": {"DELETE": read(P.CARE_TEAM_MANAGE, but=NOT_HERS, of="member")},
    "api-access-log-list": {"GET": read(P.ACCESS_LOG_VIEW)},
    "api-availability-blocks-list": {
        "GET": read(P.CALENDAR_VIEW),
        "POST": send(P.AVAILABILITY_MANAGE, lambda it: {
            "specialist": str(it["specialist"]), "day_of_week": 2, "start_time": "09:00",
            "end_time": "12:00",
        }, names="clinic", but=NOT_HERS),
    },
    "api-availability-blocks-detail": {
        "GET": read(P.CALENDAR_VIEW),
        "PATCH": own(P.AVAILABILITY_MANAGE, {"location": "Room 2"}, but=NOT_HERS),
        "DELETE": read(P.AVAILABILITY_MANAGE, but=NOT_HERS),
    },
    **settled("appointment-types", {"name": "New"}, {"minutes": 20}),
    **settled("rooms", {"name": "New"}, {"name": "Other"}),
    **settled("holidays", {"date": "2031-01-01", "name": "New"}),
    "api-leaves-list": {
        "GET": read(P.CALENDAR_VIEW),
        "POST": send(P.AVAILABILITY_MANAGE, lambda it: {
            "specialist": str(it["specialist"]), "first_day": "2031-01-01",
            "last_day": "2031-01-02",
        }, names="clinic", but=NOT_HERS),
    },
    "api-leaves-detail": {
        "GET": read(P.CALENDAR_VIEW), "DELETE": read(P.AVAILABILITY_MANAGE, but=NOT_HERS),
    },
    "api-calendar-feeds-list": {
        "GET": read(P.CALENDAR_VIEW),
        "POST": own(P.CALENDAR_VIEW, {"scope": "specialist"}, only=BOOKED),
    },
    "api-calendar-feeds-detail": {"GET": read(P.CALENDAR_VIEW), "DELETE": read(P.CALENDAR_VIEW)},
    "api-busy-calendars-list": {
        "GET": read(P.AVAILABILITY_MANAGE),
        "POST": send(
            P.AVAILABILITY_MANAGE, busy_calendar, names="clinic", but=NOT_HERS, form=True
        ),
    },
    "api-busy-calendars-detail": {
        "GET": read(P.AVAILABILITY_MANAGE, but=NOT_HERS),
        "DELETE": read(P.AVAILABILITY_MANAGE, but=NOT_HERS),
    },
    "api-busy-calendars-refresh": {  # it came from a file
        "POST": own(P.AVAILABILITY_MANAGE, but=NOT_HERS, clash=True),
    },
    "api-appointment-messages-list": {"GET": read(P.CALENDAR_VIEW)},
    "api-appointment-messages-detail": {"GET": read(P.CALENDAR_VIEW)},
    "api-appointment-messages-again": {"POST": own(P.APPOINTMENT_BOOK, but=CLINIC_ONLY)},
    "api-appointment-messages-done": {"POST": own(P.APPOINTMENT_BOOK, but=CLINIC_ONLY)},
    "api-holds-list": {"GET": read(P.APPOINTMENT_BOOK), "POST": send(P.APPOINTMENT_BOOK, visit)},
    "api-holds-detail": {"GET": read(P.APPOINTMENT_BOOK), "DELETE": read(P.APPOINTMENT_BOOK)},
    "api-slots-list": {"GET": read(P.CALENDAR_VIEW, lambda it: {
        "specialist": it["specialist"], "appointment_type": it["kind"],
    }, names="clinic")},
    "api-scheduling-figures": {"GET": read(P.CALENDAR_VIEW, but=CLINIC_ONLY)},
    "api-appointments-list": {
        "GET": read(P.CALENDAR_VIEW), "POST": send(P.APPOINTMENT_BOOK, visit),
    },
    "api-appointments-detail": READS,
    "api-appointments-arrive": {"POST": own(P.APPOINTMENT_BOOK, but=CLINIC_ONLY)},
    "api-appointments-cancel": {"POST": own(P.APPOINTMENT_BOOK)},
    "api-appointments-complete": {"POST": own(P.APPOINTMENT_BOOK, but=CLINIC_ONLY)},
    "api-appointments-confirm": {"POST": own(P.APPOINTMENT_BOOK)},
    "api-appointments-cancel-following": {"POST": own(P.APPOINTMENT_BOOK, of="visit of a series")},
    "api-series-list": {"POST": send(
        P.APPOINTMENT_BOOK, lambda it: visit(it) | {"every_weeks": 26, "times": 2},
    )},
    "api-waitlist-list": {
        "GET": read(P.CALENDAR_VIEW), "POST": send(P.APPOINTMENT_BOOK, lambda it: {
            "patient": str(it["patient"]), "appointment_type": str(it["other kind"]),
        }),
    },
    "api-waitlist-detail": {"GET": read(P.CALENDAR_VIEW), "DELETE": read(P.APPOINTMENT_BOOK)},
    "api-waitlist-offers-list": {"GET": read(P.CALENDAR_VIEW)},
    "api-waitlist-offers-detail": {"GET": read(P.CALENDAR_VIEW)},
    "api-waitlist-offers-accept": {"POST": own(P.APPOINTMENT_BOOK)},
    "api-waitlist-offers-decline": {"POST": own(P.APPOINTMENT_BOOK)},
    "api-appointments-no-show": {"POST": own(P.APPOINTMENT_BOOK, but=CLINIC_ONLY)},
    "api-appointments-reschedule": {"POST": Door(
        P.APPOINTMENT_BOOK, body=lambda it: {"start_datetime": it["free"]},
    )},
    "api-reminders-list": {
        "GET": read(P.CHART_VIEW),
        "POST": send(P.MEDICINE_REMIND, lambda it: {
            "medication": str(it["medication"]), "pattern": "as_needed",
        }),
    },
    "api-reminders-detail": {
        "GET": read(P.CHART_VIEW), "PATCH": own(P.MEDICINE_REMIND, {"times": ["09:00"]}),
    },
    "api-reminders-stop": {"POST": own(P.MEDICINE_REMIND)},
    "api-reminder-logs-list": {
        "GET": read(P.CHART_VIEW),
        "POST": send(
            P.MEDICINE_REMIND, lambda it: {"reminder": str(it["reminder"])}, clash=True
        ),
    },
    "api-reminder-logs-detail": {"GET": read(P.CHART_VIEW)},
    "api-reminder-logs-take": {"POST": own(P.MEDICINE_REMIND)},
    "api-reminder-logs-skip": {"POST": own(P.MEDICINE_REMIND)},
    "api-reminder-logs-snooze": {"POST": own(P.MEDICINE_REMIND, {"minutes": 10})},
    "api-reminder-logs-undo": {"POST": own(P.MEDICINE_REMIND, clash=True)},
    "api-adherence": {"GET": read(P.CHART_VIEW, lambda it: {"patient": it["patient"]})},
    "api-medical-records-list": {
        "GET": read(P.CHART_VIEW),
        "POST": send(P.RECORD_WRITE, lambda it: {
            "patient": str(it["patient"]), "primary_diagnosis": "Headache",
        }),
    },
    "api-medical-records-detail": {
        "GET": read(P.CHART_VIEW, of="final record"),
        "PATCH": own(P.RECORD_WRITE, {"treatment": "Rest"}, only=AUTHOR),
    },
    "api-medical-records-sign": {"POST": own(P.RECORD_WRITE, only=AUTHOR)},
    "api-documents-list": {
        "GET": read(P.DOCUMENT_VIEW), "POST": send(P.DOCUMENT_UPLOAD, upload, form=True),
    },
    "api-documents-detail": {
        "GET": read(P.DOCUMENT_VIEW), "PATCH": own(P.DOCUMENT_UPLOAD, {"document_type": "other"}),
    },
    "api-documents-content": {"GET": read(P.DOCUMENT_VIEW)},
    "api-documents-retry": {"POST": own(P.DOCUMENT_UPLOAD, of="broken document")},
    "api-search-list": {"GET": read(
        P.DOCUMENT_VIEW, lambda it: {"q": "better knee", "patient": it["patient"]}
    )},
    "api-conversations-list": {
        "GET": read(P.CHART_ASK),
        "POST": send(P.CHART_ASK, lambda it: {"patient": str(it["patient"])}),
    },
    "api-conversations-detail": {"GET": read(P.CHART_ASK)},
    "api-conversations-ask": {"POST": own(P.CHART_ASK, {"question": "How is the knee?"})},
    "api-messages-list": {
        "GET": read(P.CHART_ASK), "POST": own(P.CHART_ASK, {"content": "Thank you."}),
    },
    "api-notifications-list": {"GET": read(P.ACCOUNT_USE)},
    "api-notifications-detail": {"GET": read(P.ACCOUNT_USE)},
    "api-notifications-read": {"POST": own(P.ACCOUNT_USE)},
    "api-break-glass-list": {
        "GET": read(P.ACCOUNT_USE, only=GLASS), "POST": own(P.EMERGENCY_OPEN, only=NEEDS_A_CODE),
    },
    "api-break-glass-detail": {"GET": read(P.ACCOUNT_USE, only=GLASS)},
    "api-break-glass-widen": {"POST": own(P.EMERGENCY_OPEN, only=NEEDS_A_CODE)},
    "api-break-glass-give-back": {"POST": own(P.EMERGENCY_OPEN)},
    "api-break-glass-review": {"POST": own(P.EMERGENCY_REVIEW, {"outcome": "justified"})},
    "api-audit-list": {"GET": read(P.TRAIL_VIEW)},
    "api-schema": {"GET": read(PUBLIC)},
    "api-docs": {"GET": read(PUBLIC)},
}  # fmt: skip


def page(permission: Permission | str, query=None, **more) -> dict[str, Door]:
    return {"GET": read(permission, query, **more)}


def form(permission: Permission | str, sent: Permission | str | None = None, body=None, **more):
    """A page with a form: seen with one permission, sent with another or the same."""
    return {"GET": read(permission), "POST": own(sent or permission, body, **more)}


def shut(permission: Permission, but: frozenset[Role]) -> dict[str, Door]:
    """A page with a form that a rule of its verb closes to some already when it is opened."""
    return {"GET": read(permission, but=but), "POST": own(permission, but=but)}


def model(name: str, sees, view, add, change, but=frozenset()) -> dict[str, dict[str, Door]]:
    """The pages that Django's admin makes of a model of ours; nothing is deleted. `sees` opens the
    list, `view` one row."""
    return {
        f"admin:{name}_changelist": {"GET": read(sees), "POST": own(sees)},
        f"admin:{name}_add": {"GET": read(add, but=but), "POST": own(add, but=but)},
        f"admin:{name}_change": form(view, change, but=but),
        f"admin:{name}_history": form(CLOSED),
        f"admin:{name}_delete": form(CLOSED),
        f"admin/{name.replace('_', '/')}/<path:object_id>/": form(SIGNED_IN),  # leads to _change
    }


ADMIN = {
    "admin:index": page(SIGNED_IN),  # leads those on who see no calendar
    "admin:search": page(CLOSED),
    "admin:facility": form(P.FACILITY_MANAGE),
    "admin:facility_access": form(P.STAFF_MANAGE, body={"care_reach": "facility"}),
    "admin:choose_facility": {
        "GET": read(P.ACCOUNT_USE), "POST": send(
            P.ACCOUNT_USE, lambda it: {"facility": it["slug"]}, names="clinic"
        ),
    },
    "admin:roles": page(P.STAFF_VIEW),
    "admin:invite": form(P.STAFF_MANAGE),
    "admin:invitation": form(P.STAFF_MANAGE, body={"withdraw": "1"}),
    "admin:notices": form(P.ACCOUNT_USE, body={"all": "1"}),
    "admin:person": form(P.STAFF_MANAGE, body={"role": "nurse"}),
    "admin:patient_access": page(P.PATIENT_VIEW),
    "admin:patient_join": shut(P.CARE_TEAM_MANAGE, but=NOT_HERS),
    "admin:patient_leave": shut(P.CARE_TEAM_MANAGE, but=NOT_HERS),
    "admin:patient_refer": form(P.CARE_TEAM_MANAGE),
    "admin:patient_referral": form(P.CHART_VIEW, but=NOT_REFERRED),
    "admin:patient_confide": shut(P.CARE_TEAM_MANAGE, but=AUTHOR),  # Sarah reads no such content
    "admin:patient_family": form(P.FAMILY_MANAGE),
    "admin:patient_guardian": form(P.FAMILY_MANAGE),
    "admin:patient_guardian_end": form(P.FAMILY_MANAGE),
    "admin:relationships": {
        "GET": read(P.CHART_VIEW),
        "POST": send(P.CHART_VIEW, lambda it: {"decline": it.get("relation", "")}, names=""),
    },
    "admin:relationship_end": form(P.CHART_VIEW),
    "admin:invite_patient": form(P.CARE_TEAM_MANAGE),
    "admin:questions": page(P.LOOK_ANSWER),
    "admin:question": form(P.LOOK_ANSWER),
    "admin:minors": form(P.STAFF_MANAGE),
    "admin:find_patient": page(P.PATIENT_VIEW, lambda it: {"q": it["mrn"]}, names=""),
    "admin:day": page(P.CALENDAR_VIEW, lambda it: {"day": it["day"]}, names=""),
    "admin:week": page(P.CALENDAR_VIEW, lambda it: {"day": it["day"]}, names=""),
    "admin:arrivals": {
        "GET": read(P.CALENDAR_VIEW, lambda it: {"day": it["day"]}, names=""),
        "POST": send(P.APPOINTMENT_BOOK, lambda it: {
            "visit": str(it["visit"]), "version": 1, "says": "arrived",
        }),
    },
    "admin:move": form(P.APPOINTMENT_BOOK, body={
        "day": "2031-01-06", "time": "10:00", "version": 1,
    }),
    "admin:messages": {
        "GET": read(P.APPOINTMENT_BOOK),
        "POST": send(P.APPOINTMENT_BOOK, lambda it: {"message": str(it["message"]), "phone": "1"}),
    },
    "admin:waiting": {
        "GET": read(P.CALENDAR_VIEW),
        "POST": send(P.APPOINTMENT_BOOK, lambda it: {"withdraw": str(it["waiting"])}),
    },
    "admin:waiting_join": {
        "GET": read(P.APPOINTMENT_BOOK, lambda it: {"patient": it["patient"]}),
        "POST": own(P.APPOINTMENT_BOOK),
    },
    "admin:block_new": shut(P.AVAILABILITY_MANAGE, but=NOT_HERS),
    "admin:block": shut(P.AVAILABILITY_MANAGE, but=NOT_HERS),
    "admin:closures": {
        "GET": read(P.CALENDAR_VIEW),
        "POST": own(P.AVAILABILITY_MANAGE, {"add_holiday": "1"}),
    },
    "admin:scheduling_figures": page(P.CALENDAR_VIEW),
    "admin:quick_book": {
        "GET": read(P.APPOINTMENT_BOOK, lambda it: {"patient": it["patient"]}),
        "POST": own(P.APPOINTMENT_BOOK),
    },
    "admin:visit": form(P.CALENDAR_VIEW, P.APPOINTMENT_BOOK, {"to": "Canceled", "version": 1}),
    "admin:calendars": form(P.CALENDAR_VIEW, body={"open": "1"}),
    "admin:calendar_end": form(P.CALENDAR_VIEW),
    "admin:calendar_remove": shut(P.AVAILABILITY_MANAGE, but=NOT_HERS),
    "admin:hours": form(P.CALENDAR_VIEW, P.AVAILABILITY_MANAGE, but=NOT_HERS),
    "admin:write_record": form(P.RECORD_WRITE),
    "admin:revise_record": {
        "GET": read(P.RECORD_WRITE, only=AUTHOR), "POST": own(P.RECORD_WRITE, only=AUTHOR),
    },
    "admin:documents": {
        "GET": read(P.DOCUMENT_VIEW, lambda it: {"patient": it["patient"]}),
        "POST": own(P.DOCUMENT_UPLOAD),
    },
    "admin:document": form(P.DOCUMENT_VIEW, P.DOCUMENT_UPLOAD),
    "admin:document_file": page(P.DOCUMENT_VIEW),
    "admin:chart": page(P.PATIENT_VIEW),
    "admin:chart_ask": {"POST": own(P.CHART_ASK, {"question": "How is the knee?"})},
    "admin:trail": page(P.TRAIL_VIEW),
    "admin:emergency": form(P.EMERGENCY_OPEN),
    "admin:emergency_state": page(P.EMERGENCY_OPEN),
    "admin:emergency_summary": page(P.EMERGENCY_OPEN),
    "admin:emergency_more": form(P.EMERGENCY_OPEN),
    "admin:emergency_give_back": {"POST": own(P.EMERGENCY_OPEN)},
    "admin:emergencies": page(P.EMERGENCY_REVIEW),
    "admin:emergency_review": form(P.EMERGENCY_REVIEW, body={"outcome": "justified"}),
    "admin:login": form(CLOSED),
    "admin:logout": form(PUBLIC),
    "admin:password_change": form(SIGNED_IN),
    "admin:password_change_done": form(SIGNED_IN),
    "admin:autocomplete": page(CLOSED),
    "admin:jsi18n": page(SIGNED_IN),
    "admin:app_list": form(SIGNED_IN),
    "admin/(?P<url>.*)$": form(CLOSED),
    **model(
        "clinic_specialist", P.CALENDAR_VIEW, P.CALENDAR_VIEW, P.STAFF_MANAGE, P.STAFF_MANAGE
    ),
    **model(  # the list leads to the search
        "patients_patient", SIGNED_IN, P.PATIENT_REGISTER, P.PATIENT_REGISTER, P.PATIENT_REGISTER
    ),
    **model(
        "scheduling_appointmenttype", P.CALENDAR_VIEW, P.CALENDAR_VIEW, P.AVAILABILITY_MANAGE,
        P.AVAILABILITY_MANAGE, but=NOT_HERS,
    ),
    **model(
        "scheduling_room", P.CALENDAR_VIEW, P.CALENDAR_VIEW, P.AVAILABILITY_MANAGE,
        P.AVAILABILITY_MANAGE, but=NOT_HERS,
    ),
}  # fmt: skip

PORTAL = {
    "portal:home": page(P.ACCOUNT_USE),
    "portal:person": {"POST": own(P.PATIENT_VIEW)},
    "portal:still": page(
        P.PATIENT_VIEW, lambda it: {"of": it["patient"], "shows": "view"}, names=""
    ),
    "portal:no_longer": page(P.PATIENT_VIEW),
    "portal:access": page(P.ACCESS_LOG_VIEW),
    "portal:ask_about_look": {
        "GET": read(P.ACCESS_LOG_VIEW, lambda it: {"look": it["look"]}, names=""),
        "POST": send(
            P.ACCESS_LOG_VIEW, lambda it: {"look": it["look"], "question": "Why?"}, names=""
        ),
    },
    "portal:sharing": page(P.SHARING_MANAGE),
    "portal:relative_invite": shut(P.SHARING_MANAGE, but=NO_STEWARD),
    "portal:relative": shut(P.SHARING_MANAGE, but=NO_STEWARD),
    "portal:relative_change": {
        "POST": own(P.SHARING_MANAGE, {"open": "documents"}, but=NO_STEWARD)
    },
    "portal:relative_close": shut(P.SHARING_MANAGE, but=NO_STEWARD),
    "portal:relative_remove": shut(P.SHARING_MANAGE, but=NO_STEWARD),
    "portal:agreed": page(P.SHARING_MANAGE, but=NO_STEWARD),
    "portal:clinician_invite": shut(P.SHARING_MANAGE, but=NO_STEWARD),
    "portal:clinician_block": shut(P.SHARING_MANAGE, but=NO_STEWARD),
    "portal:clinician": shut(P.SHARING_MANAGE, but=NO_STEWARD),
    "portal:clinician_change": {
        "POST": own(P.SHARING_MANAGE, {"open": "documents"}, but=NO_STEWARD)
    },
    "portal:clinician_end": shut(P.SHARING_MANAGE, but=NO_STEWARD),
    "portal:clinician_unblock": shut(P.SHARING_MANAGE, but=NO_STEWARD),
    "portal:referral_end": shut(P.SHARING_MANAGE, but=NO_STEWARD),
    "portal:shared": page(P.ACCOUNT_USE),
    "portal:leave": form(P.ACCOUNT_USE),
    "portal:family": {
        "GET": read(P.SHARING_MANAGE),
        "POST": own(P.SHARING_MANAGE, {"name": "Doe"}, but=NO_STEWARD),
    },
    "portal:settings": form(P.ACCOUNT_USE),
    "portal:notices": form(P.ACCOUNT_USE, body={"all": "1"}),
    "portal:calendars": form(P.CALENDAR_VIEW, body={"shows": "family"}),
    "portal:calendar_end": form(P.CALENDAR_VIEW),
    "portal:visits": page(P.CALENDAR_VIEW),
    "portal:book": form(P.APPOINTMENT_BOOK),
    "portal:visit": page(P.CALENDAR_VIEW),
    "portal:visit_cancel": form(P.APPOINTMENT_BOOK),
    "portal:visit_file": page(P.CALENDAR_VIEW),
    "portal:visit_confirm": {"POST": own(P.APPOINTMENT_BOOK, of="asked visit")},
    "portal:visit_move": form(P.APPOINTMENT_BOOK),
    "portal:visit_move_kept": form(P.APPOINTMENT_BOOK),
    "portal:book_kept": form(P.APPOINTMENT_BOOK),
    "portal:waiting": page(P.CALENDAR_VIEW),
    "portal:waiting_join": form(P.APPOINTMENT_BOOK),
    "portal:waiting_withdraw": form(P.APPOINTMENT_BOOK),
    "portal:waiting_offer": form(P.APPOINTMENT_BOOK),
    "portal:record": page(P.CHART_VIEW),
    "portal:medicines": page(P.CHART_VIEW),
    "portal:medicine_travel": form(P.MEDICINE_REMIND, body={"zone": "Asia/Tokyo"}),
    "portal:medicine_remind": form(P.MEDICINE_REMIND, body={"pattern": "as_needed"}),
    "portal:dose": {"POST": own(P.MEDICINE_REMIND, {"say": "take"})},
    "portal:reminder": form(P.MEDICINE_REMIND, body={"pattern": "as_needed"}),
    "portal:dose_early": {
        "POST": own(P.MEDICINE_REMIND, {"say": "take", "due_at": "2026-01-01T08:00:00Z"})
    },
    "portal:reminder_stop": form(P.MEDICINE_REMIND),
    "portal:documents": form(P.DOCUMENT_VIEW, P.DOCUMENT_UPLOAD),
    "portal:document": page(P.DOCUMENT_VIEW),
    "portal:document_file": page(P.DOCUMENT_VIEW),
    "portal:document_retry": {"POST": own(P.DOCUMENT_UPLOAD, of="broken document")},
    "portal:ask": form(P.CHART_ASK, body={"question": "How is the knee?"}),
    "portal:answer": page(P.CHART_ASK),
}

# Of the household the staff have a second step, and are asked for it again.
WITH_FACTOR = {"GET": read(SIGNED_IN, but=PORTAL_ROLES), "POST": own(SIGNED_IN, but=PORTAL_ROLES)}
# allauth's own pages: what they let a person do concerns her own account only.
ACCOUNTS = {
    "account_login": form(PUBLIC),
    "account_logout": form(PUBLIC),
    "account_signup": form(PUBLIC),  # says that it is closed
    "account_reset_password": form(PUBLIC),
    "account_reset_password_from_key": form(PUBLIC),
    "account_reset_password_from_key_done": page(PUBLIC),
    "account_reset_password_done": page(PUBLIC),
    "account_inactive": page(PUBLIC),
    "account_email_verification_sent": page(PUBLIC),
    "account_confirm_email": form(PUBLIC, CLOSED),
    "account_confirm_login_code": form(SIGNED_IN),
    "account_email": form(SIGNED_IN),
    "account_change_password": form(SIGNED_IN),
    "account_set_password": form(SIGNED_IN),
    "mfa_index": page(SIGNED_IN),
    "mfa_authenticate": form(SIGNED_IN),
    "mfa_activate_totp": form(SIGNED_IN),
    "mfa_generate_recovery_codes": form(SIGNED_IN),
    "usersessions_list": form(SIGNED_IN),
    "session_alive": form(PUBLIC),  # tells a stranger that nothing is left
    "session_end": {"POST": own(CLOSED)},  # the address names a session of nobody
    "token_end": {"POST": own(CLOSED)},
    "mfa_list_webauthn": page(SIGNED_IN),
    "mfa_add_webauthn": form(SIGNED_IN),
    "mfa_login_webauthn": form(SIGNED_IN),  # leads strangers back to the door
    "mfa_reauthenticate_webauthn": WITH_FACTOR,
    "mfa_remove_webauthn": WITH_FACTOR,
    "mfa_edit_webauthn": WITH_FACTOR,
    "account_reauthenticate": WITH_FACTOR,
    "mfa_reauthenticate": WITH_FACTOR,
    "mfa_deactivate_totp": WITH_FACTOR,
    # Nobody of the household has recovery codes.
    "mfa_view_recovery_codes": page(CLOSED),
    "mfa_download_recovery_codes": form(CLOSED),
}

WEB = {
    "calendar_feed": page(CLOSED),  # whoever knows the secret of one
    "invitation": form(CLOSED),  # whoever holds a key; the household's holds none
    "home": page(PUBLIC), "healthz": page(PUBLIC), "readyz": page(PUBLIC),
    "set_language": form(PUBLIC),
    "sms-webhook": form(CLOSED), "whatsapp-webhook": form(CLOSED),  # what the service signed
}  # fmt: skip

TABLE: dict[str, dict[str, Door]] = API | ADMIN | PORTAL | ACCOUNTS | WEB

# The object that an address names: by the route's name (its beginning is enough), then by the
# name of the argument.
THINGS = {
    "api-tokens": "token", "api-facilities": "facility", "api-users": "person",
    "api-specialists": "specialist", "api-patients": "patient", "api-allergies": "allergy",
    "api-medications": "medication", "api-conditions": "condition", "api-readings": "reading",
    "api-immunizations": "immunization", "api-care-team": "person",
    "api-blood-types": "blood type", "api-family": "guardian", "api-consents": "consent",
    "api-referrals": "person", "api-relationships": "invited", "api-my-relationships": "relation",
    "api-look-questions": "question", "api-question-queue": "question",
    "api-rooms": "room", "api-holidays": "holiday", "api-leaves": "leave", "api-holds": "hold",
    "api-appointment-messages": "message",
    "admin:scheduling_room": "room",
    "api-calendar-feeds": "feed", "portal:calendar_end": "feed", "admin:calendar_end": "feed",
    "api-busy-calendars": "busy", "admin:calendar_remove": "busy",
    "api-availability-blocks": "block", "api-appointment-types": "kind",
    "api-waitlist-offers": "offer", "api-waitlist": "waiting", "portal:waiting_offer": "offer",
    "portal:waiting": "waiting",
    "api-appointments-confirm": "asked visit", "api-appointments": "visit",
    "api-reminders": "reminder", "api-reminder-logs": "dose", "portal:dose": "dose",
    "portal:dose_early": "reminder", "portal:reminder": "reminder",
    "portal:medicine_remind": "medication",
    "api-medical-records": "record", "api-documents": "document",
    "api-conversations": "conversation", "api-notifications": "notice",
    "admin:invitation": "invitation", "admin:patient_": "patient", "admin:question": "question",
    "admin:relationship_end": "relation",
    "admin:person": "person", "admin:visit": "visit", "admin:move": "visit",
    "admin:block": "specialist",
    "admin:hours": "specialist", "admin:write_record": "patient", "admin:revise_record": "record",
    "admin:document": "document", "admin:chart": "patient", "admin:clinic_specialist": "specialist",
    "admin:patients_patient": "patient", "admin:scheduling_appointmenttype": "kind",
    "api-break-glass": "emergency", "admin:emergency_": "emergency",
    "portal:person": "patient", "portal:visit": "visit", "portal:relative": "guardian",
    "portal:agreed": "consent", "portal:clinician": "invited", "portal:leave": "place",
    "portal:referral_end": "referred",
    "portal:document": "document", "portal:answer": "answer",
}  # fmt: skip
ARGUMENTS = {
    "patient_id": "patient", "conversation_id": "conversation", "user_id": "member",
    "guardian_id": "guardian", "hold": "hold", "block_id": "block",
}  # fmt: skip
FIXED = {
    "session_end": {"pk": 0},
    "token_end": {"pk": "00000000-0000-0000-0000-000000000000"},
    "mfa_remove_webauthn": {"pk": 0},
    "mfa_edit_webauthn": {"pk": 0},
    "account_confirm_email": {"key": "no-such-key"},
    "invitation": {"key": "no-such-key"},
    "calendar_feed": {"secret": "no-such-secret"},
    "account_reset_password_from_key": {"uidb36": "1", "key": "no-such"},
    "admin:app_list": {"app_label": "patients"},
    "admin/clinic/specialist/<path:object_id>/": {"object_id": "1"},
    "admin/patients/patient/<path:object_id>/": {"object_id": "1"},
    "admin/scheduling/appointmenttype/<path:object_id>/": {"object_id": "1"},
    "admin/scheduling/room/<path:object_id>/": {"object_id": "1"},
    "admin/(?P<url>.*)$": {"url": "no/such/page/"},
}
# Things that belong to one person (or to the whole clinic) and not to a patient.
PERSONAL = frozenset(
    {"token", "conversation", "answer", "notice", "relation", "emergency", "place", "hold", "feed"}
)
OF_THE_CLINIC = frozenset(
    {
        "facility",
        "person",
        "invitation",
        "specialist",
        "kind",
        "block",
        "referred",
        "room",
        "holiday",
        "leave",
        "busy",
    }
)
