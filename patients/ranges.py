"""Whether a measurement lies in its usual range, and what is said of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from clinic.templatetags.written import plain_number
from patients.models import Reading
from patients.units import ucum_unit

Kind = Reading.Kind
GROWN_UP = 18  # years: the ranges below hold from this age on

# Usual ranges at rest, by kind and unit as it came. Blood pressure: office values below the
# threshold of hypertension, ESC/ESH 2018; heart rate: AHA; oxygen: BTS 2017; temperature and
# breathing: Royal College of Physicians, NEWS2 2017 (score 0); body mass index: WHO 2000.
USUAL = {
    (Kind.BLOOD_PRESSURE, "mm[Hg]"): (90, 139),
    (Kind.HEART_RATE, "/min"): (60, 100),
    (Kind.OXYGEN, "%"): (94, 100),
    (Kind.TEMPERATURE, "Cel"): (Decimal("36.1"), Decimal("38.0")),
    (Kind.RESPIRATION, "/min"): (12, 20),
    (Kind.BMI, "kg/m2"): (Decimal("18.5"), Decimal("24.9")),
}
WHOLE = {Kind.BLOOD_PRESSURE, Kind.HEART_RATE, Kind.OXYGEN, Kind.RESPIRATION}
USUAL_DIASTOLIC, DIASTOLIC_CODE = (60, 89), "8462-4"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A value against its range: `in_range` is None where no range is known."""

    in_range: bool | None = None
    word: str = ""
    tone: str = ""


# Words are made when asked for, in the language of the moment.
INTERPRETED = {
    "N": lambda: Verdict(True, _("Usual"), "ok"),
    "H": lambda: Verdict(False, _("High"), "warn"),
    "HH": lambda: Verdict(False, _("Very high"), "danger"),
    "L": lambda: Verdict(False, _("Low"), "warn"),
    "LL": lambda: Verdict(False, _("Very low"), "danger"),
    "A": lambda: Verdict(False, _("Outside range"), "warn"),
}


def judged(value: Decimal | None, low, high, flags: Iterable[str] = ()) -> Verdict:
    """Whether a value lies in its range, borders included; without a range what the laboratory
    said, in the codes of HL7's ObservationInterpretation."""
    if value is None or (low is None and high is None):
        return next((INTERPRETED[flag]() for flag in flags if flag in INTERPRETED), Verdict())
    if low is not None and value < low:
        return Verdict(False, _("Low"), "warn")
    if high is not None and value > high:
        return Verdict(False, _("High"), "warn")
    return Verdict(True, _("Usual"), "ok")


def judged_at_rest(reading: Reading, born: date | None) -> Verdict:
    """A vital sign against the range that came with it, else the usual one of grown-ups."""
    low, high = reading.reference_low, reading.reference_high
    if low is None and high is None and _grown_up(reading, born):
        low, high = USUAL.get((reading.reading_type, ucum_unit(reading.unit)), (None, None))
    verdict = judged(rounded(reading.value, reading.reading_type), low, high)
    if verdict.in_range and reading.reading_type == Kind.BLOOD_PRESSURE:
        lower = diastolic(reading)
        return (
            verdict
            if lower is None
            else judged(rounded(lower, reading.reading_type), *USUAL_DIASTOLIC)
        )
    return verdict


def diastolic(reading: Reading) -> Decimal | None:
    """The lower number of a blood pressure."""
    values = [part.get("value") for part in reading.components if _is_diastolic(part)]
    return Decimal(str(values[0])) if values and values[0] else None


def in_words(low: Decimal | None, high: Decimal | None) -> str:
    """The range as it stands in a table."""
    if low is not None and high is not None:
        return f"{plain_number(low)}–{plain_number(high)}"
    if high is not None:
        return _("up to %(value)s") % {"value": plain_number(high)}
    return _("from %(value)s") % {"value": plain_number(low)} if low is not None else ""


def rounded(value: Decimal | None, kind: str = "") -> Decimal | None:
    """What a meter shows, not what a file computes: whole numbers of pressure, pulse and the like;
    of others at most one decimal from ten on, two below."""
    if value is None:
        return None
    if kind in WHOLE:
        return round(value, 0)
    return round(value, 1 if abs(value) >= 10 else 2)


def _grown_up(reading: Reading, born: date | None) -> bool:
    return born is not None and (reading.taken_at.date() - born).days >= GROWN_UP * 365.25


def _is_diastolic(part: dict) -> bool:
    named = f"{part.get('display', '')} {part.get('name', '')}"
    return part.get("code") == DIASTOLIC_CODE or "diastolic" in named.lower()
