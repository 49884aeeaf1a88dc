"""The role table, read from its other side: who may do what."""

import pytest

from clinic.security import permissions
from clinic.security.permissions import (
    CONFIDENTIAL_KINDS,
    PORTAL_ROLES,
    ROLE_TABLE,
    SHARED,
    STAFF_ROLES,
    Category,
    Permission,
    Reach,
    Role,
)

CLINICIANS = ["nurse", "physician", "specialist"]
CARE = sorted([*CLINICIANS, "case_manager", "pharmacist", "social_worker", "technician"])
PORTAL = ["family_member", "patient"]
P = Permission


@pytest.mark.parametrize(
    ("permission", "roles"),
    [
        (P.RECORD_WRITE, CLINICIANS),
        (P.EMERGENCY_OPEN, CLINICIANS),
        (P.EMERGENCY_REVIEW, ["administrator"]),
        (P.STAFF_MANAGE, ["administrator"]),
        (P.LOOK_ANSWER, ["administrator"]),
        (P.SHARING_MANAGE, PORTAL),
        (P.CHART_VIEW, sorted(["administrator", *CARE, *PORTAL])),
        (P.CHART_WRITE, sorted(["administrator", *CLINICIANS, "pharmacist", "technician"])),
        (P.MEDICINE_REMIND, sorted(["administrator", *CLINICIANS, "pharmacist", *PORTAL])),
        (P.TRAIL_VIEW, ["administrator", "auditor", "system_admin"]),
        (P.FAMILY_MANAGE, ["administrator", "front_desk"]),
        (P.PATIENT_REGISTER, ["administrator", "front_desk", "nurse", "physician"]),
        (P.FACILITY_MANAGE, ["administrator", "system_admin"]),
        (P.ACCOUNT_USE, sorted(role.value for role in Role)),
    ],
)
def test_who_may(permission, roles):
    assert permissions.roles_with(permission) == roles


def test_roles_add_up():
    both = permissions.permissions_of(frozenset({"auditor", "front_desk"}))
    assert both == ROLE_TABLE[Role.AUDITOR].permissions | ROLE_TABLE[Role.FRONT_DESK].permissions
    assert permissions.permissions_of(frozenset()) == frozenset()
    with pytest.raises(ValueError, match="king"):
        permissions.permissions_of(frozenset({"king"}))


def test_what_the_database_is_told_of_the_table():
    facility_wide = sorted([*CARE, "administrator", "front_desk"])
    facility_wide.remove("specialist")
    assert facility_wide == permissions.FACILITY_WIDE
    assert sorted(["specialist", *PORTAL]) == permissions.GRANTED
    assert sorted(["administrator", *CARE, *PORTAL]) == permissions.CLINICAL
    assert [role for role in facility_wide if role != "front_desk"] == permissions.CLINICAL_WIDE
    assert permissions.NARROWED == ["nurse", "physician"]
    assert permissions.TRAIL_READERS == ["administrator", "auditor", "system_admin"]
    assert {role for role, rule in ROLE_TABLE.items() if rule.reach == Reach.NONE} == {
        Role.AUDITOR, Role.SYSTEM_ADMIN,
    }  # fmt: skip
    assert set(ROLE_TABLE) == set(Role) == STAFF_ROLES | PORTAL_ROLES


def test_what_of_a_chart_is_clinical_and_what_is_shared():
    plain = {category for category in Category if not category.is_clinical}
    assert plain == {Category.VIEW, Category.APPOINTMENTS}
    assert set(CONFIDENTIAL_KINDS) < set(SHARED)
    unshared = {Category.VIEW, Category.ACCESS_LOG, Category.SHARING, Category.SUMMARY}
    assert set(Category) - set(SHARED) == unshared
