from clinic.models.facility import DataKey, Facility, FacilityType
from clinic.models.notification import Notification
from clinic.models.people import (
    ApiToken,
    IdempotencyKey,
    Invitation,
    RoleAssignment,
    Specialist,
    SpentCode,
    User,
)
from clinic.models.reach import Channel
from clinic.models.trail import LogEntry, TrailLink

__all__ = [
    "ApiToken",
    "Channel",
    "DataKey",
    "Facility",
    "FacilityType",
    "IdempotencyKey",
    "Invitation",
    "LogEntry",
    "Notification",
    "RoleAssignment",
    "Specialist",
    "SpentCode",
    "TrailLink",
    "User",
]
