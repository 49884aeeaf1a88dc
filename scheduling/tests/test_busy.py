"""Busy times of calendars kept elsewhere: taken from an address or a file, and kept out of what can
be booked."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from clinic.errors import Conflict, Invalid, Missing
from clinic.models import LogEntry
from clinic.security import tenancy
from clinic.security.permissions import Permission
from clinic.tests.refusals import denied, refused
from scheduling import booking, calendar, tasks
from scheduling.ics import busy, fetching
from scheduling.ics.fetching import Fetched
from scheduling.models import Appointment, BusyCalendar, BusyTime, TakenTime
from scheduling.refusals import SlotTaken
from scheduling.tests.hours import at, open_hours, visit

ADDRESS = "https://calendar.example/private-key/sarah.ics"
Failure = BusyCalendar.Failure


@pytest.fixture
def kind(cast):
    return open_hours(cast)


def ics(*times: tuple[datetime, datetime]) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0"]
    for number, (start, end) in enumerate(times):
        lines += [
            "BEGIN:VEVENT", f"UID:{number}", "SUMMARY:Dentist qxsecret",
            f"DTSTART:{start.astimezone(UTC):%Y%m%dT%H%M%SZ}",
            f"DTEND:{end.astimezone(UTC):%Y%m%dT%H%M%SZ}", "END:VEVENT",
        ]  # fmt: skip
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


MORNING = [(at(9, 30), at(10, 30))]


class Web:
    """What stands at addresses; `asked` is who was asked for, with the version known."""

    def __init__(self):
        self.answer: Fetched | Exception = Fetched(ics(*MORNING), '"1"')
        self.asked: list[tuple[str, str]] = []

    def fetch(self, url: str, *, validator: str = "") -> Fetched:
        self.asked.append((url, validator))
        if isinstance(self.answer, Exception):
            raise self.answer
        if validator and validator == self.answer.validator:
            return Fetched(None, validator)
        return self.answer


@pytest.fixture
def web(monkeypatch) -> Web:
    web = Web()
    monkeypatch.setattr(fetching, "fetch", web.fetch)
    return web


def add(cast, of="sarah", by="sarah", **what) -> BusyCalendar:
    what = {"name": "Hospital", "url": ADDRESS} | what
    with cast.acting(by):
        return busy.add_calendar(specialist=cast.specialists[of], by=cast.people[by], **what)


def times(cast) -> list[tuple[datetime, datetime]]:
    with tenancy.system(cast.harbor):
        return list(BusyTime.objects.values_list("start_datetime", "end_datetime"))


def free(cast, kind) -> list[str]:
    with cast.acting("fred"):
        found = calendar.free_slots(
            specialist=cast.specialists["sarah"], appointment_type=kind, start=at(0), end=at(23)
        )
    zone = cast.harbor.zone
    return [f"{slot.start.astimezone(zone):%H:%M}" for slot in found]


def test_busy_times_of_a_file_are_no_longer_free(cast, kind, web):
    assert "09:30" in free(cast, kind)
    row = add(cast, url="", file=ics(*MORNING))
    assert (row.url, row.failure) == ("", "") and web.asked == []
    assert times(cast) == MORNING
    assert free(cast, kind) == ["09:00", "10:30", "11:00", "11:30"]


def test_new_visits_are_refused_and_one_that_stands_stays(cast, kind, web):
    standing = visit(cast, kind, cast.mr_doe, at(10))
    add(cast)
    assert times(cast) == MORNING
    booked = {"specialist": cast.specialists["sarah"], "appointment_type": kind}
    with cast.acting("fred"), pytest.raises(SlotTaken):
        booking.book(patient=cast.jimmy, start=at(9, 30), by=cast.fred, **booked)
    with cast.acting("fred"):
        booking.book(patient=cast.jimmy, start=at(10, 30), by=cast.fred, **booked)
        booking.change_status(appointment=standing, to=Appointment.Status.CANCELED, by=cast.fred)
    with tenancy.system(cast.harbor):
        assert Appointment.objects.standing().count() == 1


def test_an_address_is_read_at_once_and_again_with_its_version(cast, kind, web):
    row = add(cast)
    assert web.asked == [(ADDRESS, "")] and row.etag == '"1"'
    again = refreshed(cast, row)
    assert web.asked[1:] == [(ADDRESS, '"1"')] and again.version == row.version
    kept = [one.pk for one in all_times(cast)]
    later = (at(11), at(11, 30))
    web.answer = Fetched(ics(*MORNING, later), '"2"')
    refreshed(cast, row)
    assert times(cast) == [*MORNING, later]
    assert [one.pk for one in all_times(cast)][:1] == kept  # what stays is the same row
    web.answer = Fetched(ics(later), '"3"')
    refreshed(cast, row)
    assert times(cast) == [later] and taken(cast) == 1


def test_once_a_day_all_is_read_whatever_the_server_says(cast, kind, web):
    row = add(cast)
    with tenancy.system(cast.harbor):
        yesterday = timezone.now() - timedelta(days=1)
        BusyCalendar.objects.filter(pk=row.pk).update(fetched_at=yesterday)
    refreshed(cast, row)
    assert web.asked == [(ADDRESS, ""), (ADDRESS, "")]


@pytest.mark.parametrize(
    ("answer", "failure", "words"),
    [
        (fetching.PrivateAddress(), Failure.PRIVATE, "private network"),
        (fetching.Unreachable(), Failure.UNREACHABLE, "could not be reached"),
        (Fetched(b"<html>", ""), Failure.MALFORMED, "not a calendar"),
        (Fetched(b"x" * (6 * 1024 * 1024), ""), Failure.TOO_LARGE, "too large"),
        (Fetched(ics(*MORNING).replace(b"END:VEVENT", b"RRULE:FREQ=DAILY;SKIP=OMIT\nEND:VEVENT")),
         Failure.UNSUPPORTED, "SKIP"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_and_the_former_times_stay(
    cast, kind, web, answer, failure, words
):
    row = add(cast)
    web.answer = answer
    with cast.acting("sarah"), told(words):
        busy.add_calendar(
            specialist=cast.specialists["sarah"], name="Other", url=ADDRESS, by=cast.sarah
        )
    after = refreshed(cast, row)
    assert (after.failure, after.failed_at is not None) == (failure, True)
    assert times(cast) == MORNING and taken(cast) == 1
    with tenancy.system(cast.harbor):
        assert [one.name for one in BusyCalendar.objects.all()] == ["Hospital"]
    web.answer = Fetched(ics(*MORNING), '"1"')
    after = refreshed(cast, row)
    assert (after.failure, after.failed_at) == ("", None)
    assert web.asked[-1] == (ADDRESS, "")  # after a failure all is read


def test_a_private_address_is_refused_for_real(cast, kind):
    """Nothing is put in the place of the fetching here: nobody is asked."""
    for url in ("http://127.0.0.1/c.ics", "http://localhost/c.ics", "http://[::1]/", "x",
                "http://169.254.169.254/latest/meta-data/", "http://10.0.0.7/c.ics"):  # fmt: skip
        with cast.acting("sarah"), told("private network"):
            busy.add_calendar(
                specialist=cast.specialists["sarah"], name="Inside", url=url, by=cast.sarah
            )
    with tenancy.system(cast.harbor):
        assert BusyCalendar.objects.count() == 0


@pytest.mark.parametrize(
    ("what", "field"),
    [
        ({"url": "", "file": None}, "url"), ({"file": b"x"}, "url"), ({"name": " "}, "name"),
        ({"url": "", "file": b"BEGIN"}, "file"),
    ],
)  # fmt: skip
def test_what_was_entered_wrongly_is_named(cast, web, what, field):
    with refused(Invalid, field):
        add(cast, **what)
    assert web.asked == [] and times(cast) == []


def test_a_name_is_taken_once_and_ten_are_enough(cast, web):
    add(cast)
    with refused(Conflict, "name"):
        add(cast)
    add(cast, of="omar", by="omar")  # of another specialist
    for number in range(9):
        named(cast, number)
    with refused(Conflict):
        named(cast, 10)


class TestWho:
    def test_a_specialist_keeps_her_own_and_the_desk_anybodys(self, cast, web):
        add(cast)
        add(cast, of="omar", by="fred")
        with cast.acting("omar"):
            assert [one.specialist.user for one in busy.calendars()] == [cast.omar]
        with cast.acting("fred"):
            assert busy.calendars().count() == 2
        with cast.acting("nina"):
            assert busy.calendars().count() == 0

    def test_nobody_else_adds_reads_or_removes_one(self, cast, web):
        row = add(cast)
        asked = len(web.asked)
        for name in ("omar", "nina", "phil"):
            with cast.acting(name):
                for verb in (busy.refresh, busy.remove):
                    with denied(Permission.AVAILABILITY_MANAGE):
                        verb(calendar=row, by=cast.people[name])
                with denied(Permission.AVAILABILITY_MANAGE):
                    busy.add_calendar(
                        specialist=cast.specialists["sarah"], name="Mine", url=ADDRESS,
                        by=cast.people[name],
                    )  # fmt: skip
        for name in ("lucia", "rita"):
            with cast.acting(name), refused(Missing):
                busy.remove(calendar=row, by=cast.people[name])
            with cast.acting(name), refused(Missing):
                busy.add_calendar(
                    specialist=cast.specialists["sarah"], name="Mine", url=ADDRESS,
                    by=cast.people[name],
                )  # fmt: skip
        assert len(web.asked) == asked and times(cast) == MORNING

    def test_patients_see_nothing_of_them(self, cast, web):
        add(cast)
        with cast.acting("john", portal=True):
            assert not BusyCalendar.objects.exists() and not BusyTime.objects.exists()


def test_removing_one_frees_its_times(cast, kind, web):
    row, other = add(cast), named(cast, 1)
    with cast.acting("sarah"):
        busy.remove(calendar=row, by=cast.sarah)
        assert list(busy.calendars()) == [other]
        busy.remove(calendar=other, by=cast.sarah)
    assert times(cast) == [] and taken(cast) == 0 and "09:30" in free(cast, kind)


def test_a_file_is_not_read_again(cast, web):
    row = add(cast, url="", file=ics(*MORNING))
    with cast.acting("sarah"), refused(Conflict):
        busy.refresh(calendar=row, by=cast.sarah)


def test_what_somebody_does_then_is_kept_nowhere(cast, web):
    add(cast)
    with tenancy.system(cast.harbor):
        rows = [*BusyCalendar.objects.values(), *BusyTime.objects.values()]
        entries = LogEntry.entries.filter(resource="scheduling.busycalendar")
        assert entries.exists()
        changes = [entry.changes for entry in entries]
        with connection.cursor() as cursor:
            cursor.execute("SELECT url FROM scheduling_busycalendar")
            [(stored,)] = cursor.fetchall()
    assert "qxsecret" not in f"{rows}{changes}"
    assert "private-key" not in f"{stored}{changes}"  # the address is a key, too


def test_the_worker_reads_them_all(cast, web, monkeypatch):
    row = add(cast)
    add(cast, of="omar", by="omar", url="", file=ics())
    sent: list[tuple[str, dict]] = []
    monkeypatch.setattr(
        tasks.current_app, "send_task", lambda name, kwargs: sent.append((name, kwargs))
    )
    tasks.read_calendars_here(facility_id=str(cast.harbor.pk))
    assert sent == [
        ("scheduling.read_calendar",
         {"calendar_id": str(row.pk), "facility_id": str(cast.harbor.pk)})
    ]  # fmt: skip
    web.answer = Fetched(ics((at(11), at(12))), '"2"')
    for name, kwargs in sent * 2:
        assert name == tasks.read_calendar.name
        tasks.read_calendar(**kwargs)
    assert times(cast) == [(at(11), at(12))]


def test_ten_thousand_times_are_stored_within_seconds(cast, web):
    start = at(0).astimezone(UTC)
    many = [
        (start + timedelta(minutes=90 * n), start + timedelta(minutes=90 * n + 60))
        for n in range(10_000)
    ]
    began = time.monotonic()
    row = add(cast, url="", file=ics(*many))
    assert taken(cast) == 10_000
    assert time.monotonic() - began < 60
    with cast.acting("sarah"):
        busy.remove(calendar=row, by=cast.sarah)
    assert taken(cast) == 0


@contextmanager
def told(words: str) -> Iterator[None]:
    """The address is refused, in these words among others, and nothing else is."""
    with pytest.raises(Invalid) as caught:
        yield
    assert set(caught.value.fields) == {"url"}
    assert words in str(caught.value.message)


def refreshed(cast, row: BusyCalendar) -> BusyCalendar:
    with cast.acting("sarah"):
        return busy.refresh(calendar=row, by=cast.sarah)


def all_times(cast) -> list[BusyTime]:
    with tenancy.system(cast.harbor):
        return list(BusyTime.objects.all())


def taken(cast) -> int:
    with tenancy.system(cast.harbor):
        return TakenTime.objects.filter(resource_id=cast.sarah.pk, is_firm=False).count()


def named(cast, number: int) -> BusyCalendar:
    return add(cast, name=f"Number {number}")
