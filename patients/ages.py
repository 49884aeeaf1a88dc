"""Coming of age: who is a minor by the clinic's law, and what closes to guardians when.

Pure arithmetic. The clinic sets the age of majority and from which age each kind of confidential
care is the minor's own (`Facility.majority_age`, `Facility.private_from`); the law of its place
says what is right there.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.utils import timezone

from clinic.models import Facility
from clinic.security.permissions import SHARED, Category

if TYPE_CHECKING:
    from patients.models import Patient

# What a guardian holds beside what can be shared: she also decides, and sees who looked.
OF_GUARDIANS = (*SHARED, Category.ACCESS_LOG, Category.SHARING)


def birthday(born: date, years: int) -> date:
    """The day on which somebody turns that old; born on 29 February, 1 March in other years."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)


def begins(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day on the clinic's clocks."""
    return datetime.combine(day, time(0), zone)


def of_age_at(born: date, facility: Facility) -> datetime:
    """The moment from which the person decides for herself."""
    return begins(birthday(born, facility.majority_age), facility.zone)


def is_minor(
    patient: Patient, facility: Facility | None = None, *, now: datetime | None = None
) -> bool:
    """Whether the patient is not of age yet. `facility` is hers, where it is at hand already."""
    of_age = of_age_at(patient.date_of_birth, facility or patient.facility)
    return (now or timezone.now()) < of_age


def open_to_guardians(born: date, facility: Facility, now: datetime) -> dict[Category, datetime]:
    """What a guardian sees of a minor's chart at `now`, each category with the moment at which it
    closes by itself; nothing of somebody who is of age."""
    of_age = of_age_at(born, facility)
    ends = dict.fromkeys(OF_GUARDIANS, of_age)
    for kind, years in facility.private_from.items():
        private = begins(birthday(born, years), facility.zone)
        ends[Category(kind)] = min(private, of_age)
    return {category: end for category, end in ends.items() if end > now}


def becomes_private(born: date, facility: Facility) -> dict[Category, datetime]:
    """From when each kind of confidential care is the minor's own, and nobody else's to share."""
    return {
        Category(kind): begins(birthday(born, years), facility.zone)
        for kind, years in facility.private_from.items()
    }


def kept_private(born: date, facility: Facility, now: datetime) -> frozenset[Category]:
    """The kinds that are a minor's own at `now`; of age, everything is."""
    if now >= of_age_at(born, facility):
        return frozenset()
    private = becomes_private(born, facility)
    return frozenset(kind for kind, since in private.items() if since <= now)
