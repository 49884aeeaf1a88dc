"""The role table as it is enforced, for a page: from the code, and from what the clinic has set."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from clinic.models import Facility
from clinic.security.permissions import ROLE_TABLE, Permission, Reach, Role, RoleRule

P = Permission
GROUPS = (
    (_("Patients"), (P.PATIENT_VIEW, P.PATIENT_REGISTER, P.CARE_TEAM_MANAGE, P.FAMILY_MANAGE)),
    (_("Clinical content"), (
        P.CHART_VIEW, P.CHART_WRITE, P.RECORD_WRITE, P.DOCUMENT_VIEW, P.DOCUMENT_UPLOAD,
        P.CHART_ASK, P.CHART_IMPORT, P.MEDICINE_REMIND,
    )),
    (_("Calendar"), (
        P.CALENDAR_VIEW, P.APPOINTMENT_BOOK, P.APPOINTMENT_OVERBOOK, P.AVAILABILITY_MANAGE,
    )),
    (_("Emergencies and oversight"), (
        P.EMERGENCY_OPEN, P.EMERGENCY_REVIEW, P.LOOK_ANSWER, P.ACCESS_LOG_VIEW, P.TRAIL_VIEW,
    )),
    (_("The clinic"), (P.FACILITY_VIEW, P.FACILITY_MANAGE, P.STAFF_VIEW, P.STAFF_MANAGE)),
    (_("One’s own"), (P.ACCOUNT_USE, P.SHARING_MANAGE)),
)  # fmt: skip
IN_A_WORD = {Reach.FACILITY: _("All"), Reach.GRANTED: _("Some"), Reach.NONE: _("None")}


def reach_of(rule: RoleRule, facility: Facility) -> Reach:
    """Whom the role reaches in this clinic, which can narrow it to patients treated."""
    narrows = facility.care_reach == Facility.CareReach.CARE_TEAM
    return Reach.GRANTED if rule.narrowed and narrows else rule.reach


def rows() -> list[dict[str, Any]]:
    """The permissions, group by group: each with one cell for each role, in the table's order."""
    return [
        {
            "label": label,
            "permissions": [
                {
                    "label": permission.label,
                    "cells": [permission in rule.permissions for rule in ROLE_TABLE.values()],
                }
                for permission in permissions
            ],
        }
        for label, permissions in GROUPS
    ]


def columns(facility: Facility) -> list[dict[str, Any]]:
    """The roles: what each reaches here, whether a second step is asked of it, and what it may."""
    needed = set(facility.second_factor_roles)
    return [_column(role, rule, facility, role in needed) for role, rule in ROLE_TABLE.items()]


def _column(role: Role, rule: RoleRule, facility: Facility, needs_second_step: bool) -> dict:
    reach = reach_of(rule, facility)
    return {
        "role": role.label,
        "reach": reach.label,
        "reach_word": IN_A_WORD[reach],
        "second_step": needs_second_step,
        "groups": [
            {"label": label, "labels": [p.label for p in permissions if p in rule.permissions]}
            for label, permissions in GROUPS
            if rule.permissions & set(permissions)
        ],
    }
