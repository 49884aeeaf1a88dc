"""Coming of age: the arithmetic alone, by calendars of three places."""

from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic.security.permissions import CONFIDENTIAL_KINDS, SHARED, Category
from patients import ages

C = Category
ZONES = ["America/New_York", "America/Sao_Paulo", "Pacific/Auckland"]
BORN = date(2010, 6, 15)

days = st.dates(date(1920, 1, 1), date(2040, 12, 31))
zones = st.sampled_from(ZONES)


def clinic(zone: str = "America/New_York", *, majority: int = 18, **private: int):
    """What the law of a place is, as `Facility` keeps it."""
    return SimpleNamespace(zone=ZoneInfo(zone), majority_age=majority, private_from=private)


def midnight(year: int, month: int, day: int, zone: str = "America/New_York") -> datetime:
    return datetime(year, month, day, tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    "born, years, day",
    [
        (date(2010, 6, 15), 18, date(2028, 6, 15)),
        (date(2010, 6, 15), 0, date(2010, 6, 15)),
        (date(2008, 2, 29), 18, date(2026, 3, 1)),
        (date(2008, 2, 29), 20, date(2028, 2, 29)),
        (date(2004, 2, 29), -4, date(2000, 2, 29)),
    ],
)
def test_birthdays(born, years, day):
    assert ages.birthday(born, years) == day


@given(days, st.integers(0, 120))
def test_a_birthday_comes_once_a_year(born, years):
    """Between two birthdays lie 365 or 366 days."""
    apart = ages.birthday(born, years + 1) - ages.birthday(born, years)
    assert apart.days in {365, 366}


@given(days, zones)
def test_a_day_begins_at_midnight_on_the_clinics_clocks(day, zone):
    begun = ages.begins(day, ZoneInfo(zone))
    assert (begun.date(), begun.hour, begun.minute) == (day, 0, 0)
    assert begun.tzinfo == ZoneInfo(zone)


def test_of_age_is_one_from_midnight_on():
    patient = SimpleNamespace(date_of_birth=BORN, facility=clinic())
    moment = midnight(2028, 6, 15)
    assert ages.of_age_at(BORN, clinic()) == moment
    assert ages.of_age_at(BORN, clinic(majority=21)) == midnight(2031, 6, 15)
    assert ages.is_minor(patient, now=moment - timedelta(microseconds=1))
    assert not ages.is_minor(patient, now=moment)
    assert ages.is_minor(patient, clinic(majority=21), now=moment), "the clinic that is given"
    assert not ages.is_minor(patient, now=moment.astimezone(UTC))


def test_the_same_moment_is_another_day_elsewhere():
    moment = midnight(2028, 6, 15, "Pacific/Auckland")
    for zone, minor in [("Pacific/Auckland", False), ("America/Sao_Paulo", True)]:
        patient = SimpleNamespace(date_of_birth=BORN, facility=clinic(zone))
        assert ages.is_minor(patient, now=moment) is minor


def test_now_is_now(monkeypatch):
    for years, minor in [(17, True), (19, False)]:
        today = datetime.now(UTC).date()
        patient = SimpleNamespace(
            date_of_birth=ages.birthday(today, -years), facility=clinic("America/New_York")
        )
        assert ages.is_minor(patient) is minor


def test_what_guardians_see_and_until_when():
    law = clinic(hiv=14, mental_health=12, substance_use=20)
    of_age, fourteen, twelve = (midnight(2010 + years, 6, 15) for years in (18, 14, 12))
    start = midnight(2020, 1, 1)
    everything = {*SHARED, C.ACCESS_LOG, C.SHARING}
    ends = ages.open_to_guardians(BORN, law, start)
    assert set(ends) == everything
    assert ends.pop(C.HIV) == fourteen and ends.pop(C.MENTAL_HEALTH) == twelve
    assert set(ends.values()) == {of_age}, "a kind that stays open ends at majority"
    for now, closed in [
        (twelve - timedelta(seconds=1), set()),
        (twelve, {C.MENTAL_HEALTH}),
        (fourteen, {C.MENTAL_HEALTH, C.HIV}),
        (of_age - timedelta(seconds=1), {C.MENTAL_HEALTH, C.HIV}),
        (of_age, everything),
    ]:
        assert set(ages.open_to_guardians(BORN, law, now)) == everything - closed


def test_what_is_a_minors_own():
    law = clinic(hiv=14, mental_health=12)
    fourteen, twelve = midnight(2024, 6, 15), midnight(2022, 6, 15)
    assert ages.becomes_private(BORN, law) == {C.HIV: fourteen, C.MENTAL_HEALTH: twelve}
    second = timedelta(seconds=1)
    for now, own in [
        (twelve - second, set()),
        (twelve, {C.MENTAL_HEALTH}),
        (fourteen, {C.MENTAL_HEALTH, C.HIV}),
        (midnight(2028, 6, 15) - second, {C.MENTAL_HEALTH, C.HIV}),
        (midnight(2028, 6, 15), set()),
    ]:
        assert ages.kept_private(BORN, law, now) == own


kinds = st.sampled_from([kind.value for kind in CONFIDENTIAL_KINDS])
laws = st.dictionaries(kinds, st.integers(0, 18))


@given(days, zones, days, st.integers(0, 23), laws)
def test_a_kind_is_the_guardians_or_the_minors_own(born, zone, day, hour, private):
    """Of a minor never both; of age nobody holds it by law."""
    law, now = clinic(zone, **private), datetime.combine(day, time(hour), UTC)
    seen, own = ages.open_to_guardians(born, law, now), ages.kept_private(born, law, now)
    assert not set(seen) & own
    if now < ages.of_age_at(born, law):
        assert set(seen) | own == {*SHARED, C.ACCESS_LOG, C.SHARING}
        assert all(end > now for end in seen.values())
    else:
        assert not seen and not own
