"""Measurements in words: newest values, ranges, courses."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from clinic.security import tenancy
from clinic.templatetags.written import term
from patients import ranges, readings
from patients.models import Reading
from patients.units import readable_unit

GROWN_UP, CHILD = date(1980, 1, 1), date(2020, 1, 1)


def reading(kind="heart_rate", value="72", unit="/min", **more) -> Reading:
    value = Decimal(value) if value is not None else None
    return Reading(reading_type=kind, value=value, unit=unit, taken_at=timezone.now(), **more)


def pressure(upper, lower) -> Reading:
    part = {"code": "8462-4", "value": lower, "unit": "mm[Hg]"}
    return reading("blood_pressure", upper, "mm[Hg]", components=[part])


@pytest.mark.parametrize(
    ("shown", "born", "word"),
    [
        (reading(), GROWN_UP, "Usual"),
        (reading(value="60"), GROWN_UP, "Usual"),
        (reading(value="59"), GROWN_UP, "Low"),
        (reading(value="130"), GROWN_UP, "High"),
        (reading(value="130"), CHILD, ""),
        (reading(value="130"), None, ""),
        (reading(value="130", reference_high=Decimal(140)), CHILD, "Usual"),
        (reading(unit="bpm", value="130"), GROWN_UP, "High"),
        (reading(unit="per hour"), GROWN_UP, ""),
        (reading("temperature", "101", "[degF]"), GROWN_UP, ""),
        (pressure("131", "82"), GROWN_UP, "Usual"),
        (pressure("131", "95"), GROWN_UP, "High"),
        (pressure("145", "82"), GROWN_UP, "High"),
        (pressure("131", None), GROWN_UP, "Usual"),
    ],
)
def test_a_vital_sign_against_its_range(shown, born, word):
    assert ranges.judged_at_rest(shown, born).word == word


def test_without_a_range_the_laboratorys_word_counts():
    assert ranges.judged(Decimal(5), None, None, ["preliminary", "HH"]).word == "Very high"
    assert ranges.judged(Decimal(5), None, None, []).in_range is None
    assert ranges.judged(Decimal(5), None, Decimal(4), ["N"]).word == "High"


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (pressure("113.9", "79.3"), "114/79"),
        (reading(value="71.6"), "72"),
        (reading("weight", "74.2345", "kg"), "74.2"),
        (reading("laboratory", "1.2345", "mg/dL"), "1.23"),
        (reading("survey", None, "", text="Never smoker"), "Never smoker"),
    ],
)
def test_a_value_as_a_meter_shows_it(shown, text):
    assert readings.written(shown) == text


def test_units_and_terms_without_the_marks_of_a_computer():
    written = {u: readable_unit(u) for u in ("mm[Hg]", "{score}", "ug/L", "10*3/uL", "mg/dL")}
    assert written == {
        "mm[Hg]": "mmHg", "{score}": "", "ug/L": "micrograms/L", "10*3/uL": "10³/mm³",
        "mg/dL": "mg/dL",
    }  # fmt: skip
    assert term("Sprain of ankle (disorder)") == "Sprain of ankle"
    assert term("Leukocytes [#/volume] in Blood") == "Leukocytes in Blood"
    assert term("Aspirin (325 mg)") == "Aspirin (325 mg)"


def test_the_newest_lead_and_what_cannot_be_is_left_out(cast):
    now, whose = timezone.now(), {"facility": cast.harbor, "patient": cast.mr_doe}
    with tenancy.system(cast.harbor):
        for days, weight, flags in [(3, 80, []), (2, 79, []), (1, 790, ["implausible"])]:
            Reading.objects.create(
                **whose, reading_type="weight", value=weight, unit="kg", flags=flags,
                taken_at=now - timedelta(days=days),
            )  # fmt: skip
        Reading.objects.create(
            **whose, reading_type="height", value=180, unit="cm", taken_at=now, is_active=False
        )
    with cast.acting("sarah"):
        found = readings.series(cast.mr_doe, by=cast.sarah)
        (weight,) = readings.vitals(found, born=cast.mr_doe.date_of_birth)
        (course,) = readings.courses(found)
    assert (weight.value, weight.badge) == ("79", "Down 1\N{NO-BREAK SPACE}kg")
    assert course.takeaway.startswith("Steady from") and len(course.chart.rows) == 2


def test_readings_are_hidden_from_the_desk(cast):
    with tenancy.system(cast.harbor):
        Reading.objects.create(
            facility=cast.harbor, patient=cast.mr_doe, reading_type="weight", value=80, unit="kg",
            taken_at=timezone.now(),
        )  # fmt: skip
    with cast.acting("fred"):
        assert readings.series(cast.mr_doe, by=cast.fred) == {}
