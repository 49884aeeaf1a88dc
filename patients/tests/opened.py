"""What grants stand, as the clinic's computer sees them."""

from datetime import datetime
from uuid import UUID

from clinic.models import User
from clinic.security import tenancy
from clinic.tests.people import Cast
from patients.models import AccessGrant, Patient


def ends_of(
    cast: Cast, user: User | UUID | str, patient: Patient | UUID, source: str
) -> dict[str, datetime | None]:
    """What one source opened of the patient to a person, each part with its end."""
    with tenancy.system(cast.harbor):
        rows = AccessGrant.grants.filter(
            user=cast.people[user] if isinstance(user, str) else user,
            content_object=patient, source=source,
        )  # fmt: skip
        return dict(rows.values_list("permission__codename", "expires_at"))
