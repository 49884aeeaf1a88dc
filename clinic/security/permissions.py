"""Who may do what: one enum of permissions, one enum of roles, one table that joins them.

Nothing here knows a model. A role is held by a person in a facility (`clinic.RoleAssignment`); what
the role allows stands in `ROLE_TABLE` and nowhere else. What is not listed is refused.
"""

from dataclasses import dataclass

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Permission(TextChoices):
    """What a person may do. A view, viewset or admin names one; without one it does not start."""

    PATIENT_VIEW = "patient.view", _("Find patients and see who they are")
    PATIENT_REGISTER = "patient.register", _("Register patients and correct their details")
    CHART_VIEW = "chart.view", _("Read clinical content")
    CHART_WRITE = "chart.write", _("Add to the health profile")
    MEDICINE_REMIND = "medicine.remind", _("Set reminders of medicines and say what was taken")
    RECORD_WRITE = "record.write", _("Write and sign records of visits")
    DOCUMENT_VIEW = "document.view", _("Read documents")
    DOCUMENT_UPLOAD = "document.upload", _("Upload documents")
    CHART_ASK = "chart.ask", _("Ask questions about a chart")
    CALENDAR_VIEW = "calendar.view", _("See the calendar")
    APPOINTMENT_BOOK = "appointment.book", _("Book, move and cancel visits")
    APPOINTMENT_OVERBOOK = "appointment.overbook", _("Let a visit overlap others, saying why")
    AVAILABILITY_MANAGE = "availability.manage", _("Set when specialists can be booked")
    STAFF_VIEW = "staff.view", _("See who works here")
    STAFF_MANAGE = "staff.manage", _("Invite people and change their roles")
    FACILITY_MANAGE = "facility.manage", _("Change the clinic's settings")
    CHART_IMPORT = "chart.import", _("Import and export charts")
    TRAIL_VIEW = "trail.view", _("Read the audit trail")
    ACCESS_LOG_VIEW = "access_log.view", _("See who looked at a record")
    CARE_TEAM_MANAGE = "care_team.manage", _("Say who treats a patient, and refer")
    FAMILY_MANAGE = "family.manage", _("Set up families and invite patients to the portal")
    SHARING_MANAGE = "sharing.manage", _("Decide who sees one's own record")
    EMERGENCY_OPEN = "emergency.open", _("Open a patient in an emergency")
    EMERGENCY_REVIEW = "emergency.review", _("Review emergency access")
    LOOK_ANSWER = "look.answer", _("Answer questions about who looked")
    FACILITY_VIEW = "facility.view", _("See the clinic's name and address")
    ACCOUNT_USE = "account.use", _("Use one's own account")


class Role(TextChoices):
    """The roles of the clinic; a person can hold several, in several facilities."""

    PHYSICIAN = "physician", _("Physician")
    NURSE = "nurse", _("Nurse")
    ADMINISTRATOR = "administrator", _("Administrator")
    PHARMACIST = "pharmacist", _("Pharmacist")
    TECHNICIAN = "technician", _("Technician")
    SOCIAL_WORKER = "social_worker", _("Social worker")
    CASE_MANAGER = "case_manager", _("Case manager")
    SYSTEM_ADMIN = "system_admin", _("System administrator")
    SPECIALIST = "specialist", _("Specialist")
    FRONT_DESK = "front_desk", _("Front desk")
    AUDITOR = "auditor", _("Auditor")
    PATIENT = "patient", _("Patient")
    FAMILY_MEMBER = "family_member", _("Family member")


class Reach(TextChoices):
    """Which patients of the facility a role reaches."""

    FACILITY = "facility", _("All patients of the clinic")
    GRANTED = "granted", _("Only patients granted to the person")
    NONE = "none", _("No patients")
    PLATFORM = "platform", _("The list of clinics, and nothing in them")


@dataclass(frozen=True, slots=True)
class RoleRule:
    """One row of the role table. `clinical` opens clinical tables of the patients reached, `trail`
    the audit trail. `narrowed`: a clinic can set that the role reaches patients granted to the
    person only (`Facility.care_reach`)."""

    permissions: frozenset[Permission]
    reach: Reach
    clinical: bool = False
    trail: bool = False
    narrowed: bool = False


P = Permission
_EVERYONE = {P.ACCOUNT_USE, P.FACILITY_VIEW}
_STAFF = _EVERYONE | {P.STAFF_VIEW, P.CALENDAR_VIEW, P.PATIENT_VIEW}
_CARE = _STAFF | {P.CHART_VIEW, P.DOCUMENT_VIEW, P.DOCUMENT_UPLOAD, P.CHART_ASK, P.ACCESS_LOG_VIEW}
_CLINICIAN = _CARE | {
    P.PATIENT_REGISTER,
    P.CHART_WRITE,
    P.MEDICINE_REMIND,
    P.RECORD_WRITE,
    P.APPOINTMENT_BOOK,
    P.CARE_TEAM_MANAGE,
    P.EMERGENCY_OPEN,
}
_PORTAL = _EVERYONE | {
    P.PATIENT_VIEW,
    P.CHART_VIEW,
    P.MEDICINE_REMIND,
    P.DOCUMENT_VIEW,
    P.DOCUMENT_UPLOAD,
    P.CHART_ASK,
    P.CALENDAR_VIEW,
    P.APPOINTMENT_BOOK,
    P.ACCESS_LOG_VIEW,
    P.SHARING_MANAGE,
}
# What is the patient's own to decide, and what needs a licence.
_NOT_AN_ADMINISTRATOR = {P.RECORD_WRITE, P.SHARING_MANAGE, P.EMERGENCY_OPEN}


def _rule(permissions: set[Permission], reach: Reach, **flags: bool) -> RoleRule:
    return RoleRule(frozenset(permissions), reach, **flags)


ROLE_TABLE: dict[Role, RoleRule] = {
    Role.PHYSICIAN: _rule(
        _CLINICIAN | {P.AVAILABILITY_MANAGE, P.APPOINTMENT_OVERBOOK, P.CHART_IMPORT},
        Reach.FACILITY,
        clinical=True,
        narrowed=True,
    ),
    Role.NURSE: _rule(_CLINICIAN, Reach.FACILITY, clinical=True, narrowed=True),
    Role.SPECIALIST: _rule(
        (_CLINICIAN | {P.AVAILABILITY_MANAGE, P.APPOINTMENT_OVERBOOK}) - {P.PATIENT_REGISTER},
        Reach.GRANTED,
        clinical=True,
    ),
    Role.PHARMACIST: _rule(
        _CARE | {P.CHART_WRITE, P.MEDICINE_REMIND}, Reach.FACILITY, clinical=True
    ),
    Role.TECHNICIAN: _rule(_CARE | {P.CHART_WRITE}, Reach.FACILITY, clinical=True),
    Role.SOCIAL_WORKER: _rule(_CARE, Reach.FACILITY, clinical=True),
    Role.CASE_MANAGER: _rule(_CARE | {P.APPOINTMENT_BOOK}, Reach.FACILITY, clinical=True),
    Role.ADMINISTRATOR: _rule(
        set(Permission) - _NOT_AN_ADMINISTRATOR, Reach.FACILITY, clinical=True, trail=True
    ),
    Role.SYSTEM_ADMIN: _rule(
        _EVERYONE | {P.STAFF_VIEW, P.FACILITY_MANAGE, P.TRAIL_VIEW}, Reach.NONE, trail=True
    ),
    Role.FRONT_DESK: _rule(
        _STAFF | {P.PATIENT_REGISTER, P.APPOINTMENT_BOOK, P.AVAILABILITY_MANAGE, P.FAMILY_MANAGE},
        Reach.FACILITY,
    ),
    Role.AUDITOR: _rule(_EVERYONE | {P.STAFF_VIEW, P.TRAIL_VIEW}, Reach.NONE, trail=True),
    Role.PATIENT: _rule(_PORTAL, Reach.GRANTED, clinical=True),
    Role.FAMILY_MEMBER: _rule(_PORTAL, Reach.GRANTED, clinical=True),
}

PORTAL_ROLES = frozenset({Role.PATIENT, Role.FAMILY_MEMBER})
STAFF_ROLES = frozenset(ROLE_TABLE) - PORTAL_ROLES
CARE_ROLES = frozenset(role for role in STAFF_ROLES if ROLE_TABLE[role].clinical)


class Category(TextChoices):
    """What of a chart a grant opens: its cover (`view`), its parts, each kind of
    confidential content apart, who looked at it, the right to decide who sees it, and the summary
    for an emergency."""

    VIEW = "view", _("Who the patient is")
    APPOINTMENTS = "appointments", _("Visits")
    MEDICATIONS = "medications", _("Medicines")
    RECORDS = "records", _("Records")
    DOCUMENTS = "documents", _("Documents")
    MESSAGES = "messages", _("Messages")
    MENTAL_HEALTH = "mental_health", _("Mental health")
    HIV = "hiv", _("HIV")
    REPRODUCTIVE_HEALTH = "reproductive_health", _("Reproductive health")
    SUBSTANCE_USE = "substance_use", _("Substance use")
    CONFIDENTIAL = "confidential", _("Otherwise confidential")
    ACCESS_LOG = "access_log", _("Who looked")
    SHARING = "sharing", _("Decides who sees the record")
    SUMMARY = "summary", _("Emergency summary")

    @property
    def is_clinical(self) -> bool:
        """Whether it is clinical content, and not the chart's cover or the calendar."""
        return self not in {Category.VIEW, Category.APPOINTMENTS}


# Kinds of confidential content: each needs a grant of its own, whatever else a person may read.
CONFIDENTIAL_KINDS = (
    Category.MENTAL_HEALTH,
    Category.HIV,
    Category.REPRODUCTIVE_HEALTH,
    Category.SUBSTANCE_USE,
    Category.CONFIDENTIAL,
)
# What a patient shares with a relative or a clinician, one by one, in the order of the page.
SHARED = (
    Category.APPOINTMENTS,
    Category.MEDICATIONS,
    Category.RECORDS,
    Category.DOCUMENTS,
    Category.MESSAGES,
    *CONFIDENTIAL_KINDS,
)


class Sensitivity(TextChoices):
    """How carefully a piece of a chart is kept."""

    PUBLIC = "public", _("Public")
    INTERNAL = "internal", _("Whoever reads the chart")
    RESTRICTED = "restricted", _("Only who treats the patient")
    CONFIDENTIAL = "confidential", _("Confidential: needs a permission of its own")


def permissions_of(roles: frozenset[str]) -> frozenset[Permission]:
    """All permissions that the given roles carry together."""
    return frozenset().union(*(ROLE_TABLE[Role(role)].permissions for role in roles))


def roles_with(permission: Permission) -> list[str]:
    """The roles that carry the permission, as the database is told them."""
    return sorted(role.value for role, rule in ROLE_TABLE.items() if permission in rule.permissions)


FACILITY_WIDE = sorted(r.value for r, rule in ROLE_TABLE.items() if rule.reach == Reach.FACILITY)
GRANTED = sorted(r.value for r, rule in ROLE_TABLE.items() if rule.reach == Reach.GRANTED)
CLINICAL = sorted(r.value for r, rule in ROLE_TABLE.items() if rule.clinical)
# What one role alone opens: of two roles, one that reaches everybody and one that reads clinical
# content of a few, neither reads everybody's.
CLINICAL_WIDE = sorted(set(FACILITY_WIDE) & set(CLINICAL))
NARROWED = sorted(r.value for r, rule in ROLE_TABLE.items() if rule.narrowed)
TRAIL_READERS = sorted(r.value for r, rule in ROLE_TABLE.items() if rule.trail)


class Denied(Exception):
    """The actor lacks the permission; surfaces answer 403, or 404 where existence is private."""

    def __init__(self, permission: Permission | None = None):
        self.permission = permission
        super().__init__(permission.label if permission else _("This is not allowed."))
