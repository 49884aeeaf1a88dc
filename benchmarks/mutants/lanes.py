"""Which modules are changed, and which tests have to notice: two lanes, one for each core."""

from dataclasses import dataclass
from glob import glob
from itertools import chain


@dataclass(frozen=True)
class Lane:
    """Modules, and the tests that are asked. Those that commit are left out: the tests of a lane
    share one database."""

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]

    def chosen(self) -> list[str]:
        return sorted(set(chain.from_iterable(map(glob, self.tests))) - SLOW)


# They ask the same once more, for minutes: a change that the others miss is asked of them by hand.
SLOW = {"patients/tests/test_access_model.py"}

LANES = (
    Lane(
        "patients",
        modules=(
            "patients/access.py", "patients/ages.py", "patients/care_team.py",
            "patients/consent.py", "patients/enrolment.py", "patients/family.py",
            "patients/family_account.py", "patients/majority.py", "patients/proxy.py",
            "patients/referrals.py", "patients/relationships.py", "patients/sensitivity.py",
        ),
        tests=("patients/tests/test_*.py", "records/tests/test_admin_kept.py",
               "config/tests/test_acting.py", "clinic/tests/test_joining.py"),
    ),
    Lane(
        "clinic",
        modules=(
            "clinic/security/permissions.py", "clinic/security/tenancy.py", "clinic/staffing.py",
            "clinic/joining.py", "clinic/invitations.py", "clinic/second_step.py",
            "clinic/sessions.py", "compliance/breakglass/finding.py",
            "compliance/breakglass/opening.py", "compliance/breakglass/proof.py",
            "compliance/breakglass/review.py", "compliance/breakglass/telling.py",
        ),
        tests=("clinic/tests/test_*.py", "compliance/tests/test_*breakglass*.py",
               "config/tests/test_sessions.py", "config/tests/test_second_step.py",
               "config/tests/test_acting.py", "config/tests/test_requests.py",
               "patients/tests/test_joining.py", "patients/tests/test_care_team.py",
               "patients/tests/test_desk_attacks.py",
               "patients/tests/test_admin_access.py"),
    ),
)  # fmt: skip
