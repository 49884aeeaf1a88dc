"""FHIR dates and times, as precise as they were written."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo

# FHIR R4's date, dateTime and instant (hl7.org/fhir/R4/datatypes.html), more lenient in two places
# that occur in practice: seconds and the zone may be missing. 9999 is how systems write "never".
WRITTEN = re.compile(
    r"(?!9999)[1-9]\d{3}"
    r"(?P<month>-\d\d(?P<day>-\d\d(?P<time>T\d\d:\d\d(:\d\d(\.\d+)?)?(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?"
)
FRACTION = re.compile(r"\.(\d+)")


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A day, or a day and time; the time has a zone where its source gave one."""

    value: date

    @classmethod
    def read(cls, written: str) -> "Moment | None":
        """What `written` says; None where it says no day that exists, or only a year or month."""
        found = WRITTEN.fullmatch(written)
        if not found or not found["day"]:
            return None
        try:
            return cls(value=_instant(written) if found["time"] else date.fromisoformat(written))
        except ValueError:
            return None

    @property
    def is_day(self) -> bool:
        return not isinstance(self.value, datetime)

    @property
    def has_zone(self) -> bool:
        return isinstance(self.value, datetime) and self.value.tzinfo is not None

    def at(self, zone: tzinfo) -> datetime:
        """The instant; a day is its midnight in `zone`, a time without a zone is of `zone`."""
        if not isinstance(self.value, datetime):
            return datetime.combine(self.value, time(), zone)
        return self.value if self.value.tzinfo else self.value.replace(tzinfo=zone)

    def day(self, zone: tzinfo) -> date:
        """The day in `zone`."""
        return self.at(zone).astimezone(zone).date()


def _instant(written: str) -> datetime:
    """Python knows microseconds, FHIR any number of digits."""
    return datetime.fromisoformat(
        FRACTION.sub(lambda found: "." + found[1][:6].ljust(6, "0"), written)
    )
