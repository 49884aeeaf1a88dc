"""Which modules are changed, and which tests have to notice: those that hold the module's rules."""

from dataclasses import dataclass
from glob import glob
from itertools import chain


@dataclass(frozen=True)
class Lane:
    """Modules, and the tests that are asked: few enough that a change is asked of them within
    seconds. Those that commit are left out: the tests of a lane share one database."""

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]

    def chosen(self) -> list[str]:
        return sorted(set(chain.from_iterable(map(glob, self.tests))))


LANES = (
    Lane(
        "access",
        modules=("patients/access.py", "patients/sensitivity.py"),
        tests=("patients/tests/test_access.py", "patients/tests/test_care_team.py",
               "patients/tests/test_kept.py", "patients/tests/test_circle.py",
               "patients/tests/test_readings.py", "patients/tests/test_portal_still.py",
               "compliance/tests/test_breakglass_rules.py", "records/tests/test_admin_kept.py",
               "scheduling/tests/test_booking.py",
               "config/tests/test_acting.py"),
    ),
    Lane(
        "care",
        modules=("patients/care_team.py", "patients/proxy.py", "patients/referrals.py",
                 "patients/relationships.py"),
        tests=("patients/tests/test_care_team.py", "patients/tests/test_referrals.py",
               "patients/tests/test_relationships.py", "patients/tests/test_portal_sharing.py",
               "patients/tests/test_admin_*.py", "patients/tests/test_api_circle.py"),
    ),
    Lane(
        "consent",
        modules=("patients/consent.py", "patients/ages.py"),
        tests=("patients/tests/test_consent.py", "patients/tests/test_ages.py",
               "patients/tests/test_majority.py", "patients/tests/test_family.py",
               "patients/tests/test_jurisdiction.py", "patients/tests/test_portal_sharing.py"),
    ),
    Lane(
        "family",
        modules=("patients/enrolment.py", "patients/family.py", "patients/family_account.py",
                 "patients/majority.py"),
        tests=("patients/tests/test_family.py", "patients/tests/test_majority.py",
               "patients/tests/test_joining.py", "patients/tests/test_desk_attacks.py",
               "patients/tests/test_admin_family.py", "patients/tests/test_admin_minors.py",
               "patients/tests/test_portal_people.py", "clinic/tests/test_joining.py"),
    ),
    Lane(
        "people",
        modules=("clinic/staffing.py", "clinic/joining.py", "clinic/invitations.py",
                 "clinic/second_step.py", "clinic/sessions.py"),
        tests=("clinic/tests/test_staffing*.py", "clinic/tests/test_joining*.py",
               "clinic/tests/test_invitations_rules.py", "clinic/tests/test_sessions_rules.py",
               "clinic/tests/test_admin_*.py", "clinic/tests/test_api_accounts.py",
               "config/tests/test_sessions.py", "config/tests/test_second_step.py",
               "patients/tests/test_joining.py", "patients/tests/test_desk_attacks.py"),
    ),
    Lane(
        "acting",
        modules=("clinic/security/permissions.py", "clinic/security/tenancy.py"),
        tests=("clinic/tests/test_permissions_rules.py", "clinic/tests/test_tenancy_*.py",
               "config/tests/test_acting.py", "config/tests/test_requests.py"),
    ),
    Lane(
        "emergencies",
        modules=("compliance/breakglass/finding.py", "compliance/breakglass/opening.py",
                 "compliance/breakglass/proof.py", "compliance/breakglass/review.py",
                 "compliance/breakglass/telling.py"),
        tests=("compliance/tests/test_*breakglass*.py",),
    ),
)  # fmt: skip
