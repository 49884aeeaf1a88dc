"""The clinic's clock beside that of a person who lives by another."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import get_timezone_location
from django.utils.translation import get_language, to_locale

from clinic.models import Facility, User
from clinic.templatetags.written import near_moment


@dataclass(frozen=True)
class Clocks:
    """Where the clinic's clock stands, where hers does, and what hers shows at a moment."""

    clinic: str
    own: str
    shows: str


def differing(user: User, facility: Facility, moment: datetime) -> Clocks | None:
    """Both clocks, where the person's shows another time than the clinic's at that moment."""
    if not user.timezone:
        return None
    there = moment.astimezone(ZoneInfo(user.timezone))
    if there.utcoffset() == moment.astimezone(facility.zone).utcoffset():
        return None
    return Clocks(city_of(facility.timezone), city_of(user.timezone), near_moment(there))


def city_of(zone: str) -> str:
    """New York, for America/New_York, as the language writes it."""
    locale = to_locale(get_language() or "en")
    return get_timezone_location(ZoneInfo(zone), locale=locale, return_city=True)
