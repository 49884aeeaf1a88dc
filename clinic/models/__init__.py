from clinic.models.facility import DataKey, Facility, FacilityType
from clinic.models.people import (
    ApiToken,
    IdempotencyKey,
    RoleAssignment,
    Specialist,
    SpentCode,
    User,
)
from clinic.models.trail import LogEntry, TrailLink

__all__ = [
    "ApiToken",
    "DataKey",
    "Facility",
    "FacilityType",
    "IdempotencyKey",
    "LogEntry",
    "RoleAssignment",
    "Specialist",
    "SpentCode",
    "TrailLink",
    "User",
]
