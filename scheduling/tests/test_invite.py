"""The calendar file that goes with a message."""

from icalendar import Calendar

from clinic.security import tenancy
from scheduling.ics import feeds, invite
from scheduling.models import Appointment
from scheduling.tests.hours import at, open_hours, visit
from scheduling.tests.programs import icaljs


def read(content: bytes):
    calendar = Calendar.from_ical(content)
    [event] = calendar.walk("VEVENT")
    return calendar, event


def test_a_booked_visit_is_published_and_tells_nothing_of_the_patient(cast):
    own = visit(cast, open_hours(cast), cast.mr_doe, at(10), reason="qxreason")
    with tenancy.system(cast.harbor):
        content = invite.of(own, language="en")
        calendar, event = read(content)
        assert invite.media_type(own) == "text/calendar; charset=utf-8; method=PUBLISH"
    assert calendar["METHOD"] == "PUBLISH" and event["STATUS"] == "CONFIRMED"
    assert event["SUMMARY"] == "Visit at Harbor Family Clinic"
    assert event["ORGANIZER"].params["CN"] == "Harbor Family Clinic"
    assert (event.start, event.end) == (at(10), at(10, 30))
    assert b"ATTENDEE" not in content and content.endswith(b"END:VCALENDAR\r\n")
    for word in (b"John", b"Doe", b"qxreason", b"Check-up", b"Sarah"):
        assert word not in content


def test_a_change_has_the_same_uid_and_a_higher_sequence_and_a_cancellation_cancels(cast):
    own = visit(cast, open_hours(cast), cast.mr_doe, at(10))
    sequences = []
    with tenancy.system(cast.harbor):
        for change in ({}, {"start_datetime": at(11), "end_datetime": at(11, 30)},
                       {"status": Appointment.Status.CANCELED}):  # fmt: skip
            for name, value in change.items():
                setattr(own, name, value)
            own.save()
            calendar, event = read(invite.of(own, language="en"))
            assert event["UID"] == f"{own.pk}@chartroom"
            sequences.append(event["SEQUENCE"])
        assert (calendar["METHOD"], event["STATUS"]) == ("CANCEL", "CANCELLED")
        assert invite.media_type(own).endswith("method=CANCEL")
    assert sequences == sorted(set(sequences))


def test_icaljs_reads_feed_and_file_with_the_databases_instants(client, cast):
    kind = open_hours(cast)
    with tenancy.system(cast.harbor):
        cast.harbor.name = 'Harbor; "Bay, & Sons" \\ Clínica São José with a name that is folded'
        cast.harbor.address_line1 = "1 Main St,\nfloor 2; door 3"
        cast.harbor.save()
    visits = [
        visit(cast, kind, cast.mr_doe, at(9, days=days), status=status)
        for days, status in ((1, "Pending"), (120, "Confirmed"), (240, "Canceled"))
    ]
    with cast.acting("john", portal=True):
        _feed, address = feeds.open_feed(scope="family", by=cast.john)
    feed = client.get(address[address.index("/calendars/") :]).content
    with tenancy.system(cast.harbor):
        file = invite.of(visits[0], language="en")
    found = icaljs({"feed": feed, "file": file})
    told = {one["uid"]: one for one in found["feed"]["events"]}
    assert found["feed"]["zones"] == found["file"]["zones"] == 1
    for one, status in zip(visits, ("TENTATIVE", "CONFIRMED", "CANCELLED"), strict=True):
        event = told[f"{one.pk}@chartroom"]
        assert event["start"] == one.start_datetime.timestamp()
        assert event["end"] == one.end_datetime.timestamp()
        assert (event["status"], event["sequence"]) == (status, one.version)
        assert cast.harbor.name in event["summary"]
        assert event["location"].endswith("1 Main St,\nfloor 2; door 3")
    assert found["file"]["method"].upper() == "PUBLISH"
    assert found["file"]["events"][0]["start"] == visits[0].start_datetime.timestamp()
