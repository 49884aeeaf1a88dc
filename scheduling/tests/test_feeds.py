"""Calendars at private addresses: what they show, to whom, and for how long."""

import logging
from datetime import UTC, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from icalendar import Calendar

from clinic import staffing
from clinic.errors import Conflict, Invalid, Missing
from clinic.models import LogEntry, RoleAssignment
from clinic.security import tenancy
from clinic.security.permissions import Category, Permission, Role
from clinic.tests.refusals import denied, refused
from config.logs import LineFormatter
from patients import consent, family
from patients.models import FamilyMember
from scheduling import booking
from scheduling.ics import feeds, invite
from scheduling.models import Appointment, AppointmentType, CalendarFeed, GroupSession, Room
from scheduling.tests.hours import at, open_hours, visit


@pytest.fixture
def kind(cast):
    return open_hours(cast)


@pytest.fixture
def client(browse) -> Client:
    """A program without a session."""
    return Client()


def opened(cast, name: str, scope: str, *, portal=True, **more) -> str:
    """The path of a calendar that the person opens."""
    with cast.acting(name, portal=portal):
        _feed, address = feeds.open_feed(scope=scope, by=cast.people[name], **more)
    return address[address.index("/calendars/") :]


def events(answer) -> dict[str, list]:
    """What stands in a calendar, by summary."""
    assert answer.status_code == 200, answer.content
    found: dict[str, list] = {}
    for one in Calendar.from_ical(answer.content).walk("VEVENT"):
        found.setdefault(str(one["SUMMARY"]), []).append(one)
    return found


def test_a_patients_calendar_shows_her_visits_and_where_they_are(client, cast, kind):
    with tenancy.system(cast.harbor):
        room = Room.objects.create(facility=cast.harbor, name="Room 1")
        cast.harbor.address_line1, cast.harbor.city = "1 Main St, floor 2", "Boston"
        cast.harbor.save()
    own = visit(cast, kind, cast.mr_doe, at(10), room=room, reason="qxreason")
    visit(cast, kind, cast.jimmy, at(11))
    visit(cast, kind, cast.mrs_doe, at(11, 30))
    path = opened(cast, "john", "patient", patient=cast.mr_doe)
    answer = client.get(path)
    [(summary, [event])] = events(answer).items()
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert summary == "Visit at Harbor Family Clinic"
    assert event["LOCATION"] == "Room 1, Harbor Family Clinic, 1 Main St, floor 2, Boston"
    assert (event.start, event.end) == (at(10), at(10, 30))
    assert event["DTSTART"].params["TZID"] == "America/New_York"
    assert event["UID"] == f"{own.pk}@chartroom" and event["STATUS"] == "CONFIRMED"
    assert event["URL"].endswith(f"/portal/visits/{own.pk}/")
    assert len(Calendar.from_ical(answer.content).walk("VTIMEZONE")) == 1


def test_a_familys_calendar_tells_the_relatives_apart_by_first_name(client, cast, kind):
    visit(cast, kind, cast.mr_doe, at(10))
    visit(cast, kind, cast.jimmy, at(11))
    visit(cast, kind, cast.mrs_doe, at(11, 30))
    found = events(client.get(opened(cast, "john", "family")))
    assert set(found) == {
        "Visit at Harbor Family Clinic", "Jimmy: visit at Harbor Family Clinic"
    }  # fmt: skip


def test_it_speaks_its_owners_language(client, cast, kind):
    visit(cast, kind, cast.mr_doe, at(10))
    with tenancy.system(cast.harbor):
        cast.john.preferred_language = "pt-br"
        cast.john.save()
    content = client.get(opened(cast, "john", "family"), HTTP_ACCEPT_LANGUAGE="es").content
    assert b"SUMMARY:Visit at" in content or b"SUMMARY:Consulta em" in content
    assert b"SUMMARY:Visita en" not in content


def test_a_specialists_calendar_names_nobody(client, cast, kind):
    own = visit(cast, kind, cast.mr_doe, at(10))
    with tenancy.system(cast.harbor):
        other = Appointment.objects.create(
            facility=cast.harbor, patient=cast.jimmy, specialist=cast.specialists["omar"],
            appointment_type=kind, start_datetime=at(11), end_datetime=at(11, 30),
        )  # fmt: skip
    answer = client.get(opened(cast, "sarah", "specialist", portal=False))
    [(summary, [event])] = events(answer).items()
    assert summary == "Visit" and event["UID"] == f"{own.pk}@chartroom"
    assert event["URL"].endswith(f"/admin/visits/{own.pk}/")
    assert str(other.pk).encode() not in answer.content
    for word in (b"John", b"Doe", b"Check-up", cast.mr_doe.mrn.encode()):
        assert word not in answer.content


@pytest.mark.parametrize("status", Appointment.Status.values)
def test_nothing_of_who_comes_or_why_stands_in_any_calendar(client, cast, status):
    """Whatever became of the visit. A family's tells first names, and nothing else of anybody."""
    with tenancy.system(cast.harbor):
        kind = AppointmentType.objects.create(
            facility=cast.harbor, name="qxkind", minutes=30, preparation={"en": "qxprepare"},
            telehealth_url="https://video.example/qxlink",
        )  # fmt: skip
        for patient in (cast.mr_doe, cast.jimmy):
            patient.first_name, patient.last_name = f"qxfirst{patient.mrn}", "qxlast"
            patient.phone = patient.email = "qxphone@example.org"
            patient.save()
    said = {"reason": "qxreason", "cancel_reason": "qxcancel", "overbooking_reason": "qxover"}
    for hour, patient in ((10, cast.mr_doe), (11, cast.jimmy)):
        own = visit(cast, kind, patient, at(hour), status=status, **said)
        with tenancy.system(cast.harbor):
            assert b"qx" not in invite.of(own, language="en")
    for name, scope, more in (
        ("john", "patient", {"patient": cast.mr_doe}),
        ("john", "patient", {"patient": cast.jimmy}),
        ("sarah", "specialist", {"portal": False}),
    ):
        content = client.get(opened(cast, name, scope, **more)).content
        assert b"BEGIN:VEVENT" in content and b"qx" not in content
        assert cast.jimmy.mrn.encode() not in content.replace(str(own.pk).encode(), b"")
    content = client.get(opened(cast, "john", "family")).content
    assert content.count(b"qx") == content.count(b"qxfirst") == 1


def test_a_group_is_one_entry_and_canceled_when_all_its_places_are(client, cast):
    with tenancy.system(cast.harbor):
        kind = AppointmentType.objects.create(
            facility=cast.harbor, name="Yoga", minutes=30, capacity=5
        )
        times = {"start_datetime": at(10), "end_datetime": at(10, 30)}
        session = GroupSession.objects.create(
            facility=cast.harbor, specialist=cast.specialists["sarah"], appointment_type=kind,
            capacity=5, **times,
        )  # fmt: skip
    first = visit(cast, kind, cast.mr_doe, at(10), session=session, place=1)
    visit(cast, kind, cast.jimmy, at(10), session=session, place=2, status="Canceled")
    path = opened(cast, "sarah", "specialist", portal=False)
    [event] = events(client.get(path))["Visit"]
    assert event["UID"] == f"{session.pk}@chartroom" and event["STATUS"] == "CONFIRMED"
    with tenancy.system(cast.harbor):
        first.status = "Canceled"
        first.save()
    [event] = events(client.get(path))["Canceled: Visit"]
    assert event["STATUS"] == "CANCELLED"


def test_a_change_raises_the_sequence_and_a_canceled_visit_stays_as_canceled(client, cast, kind):
    own = visit(cast, kind, cast.mr_doe, at(10), status="Pending")
    path = opened(cast, "john", "family")
    [[event]] = events(client.get(path)).values()
    assert event["STATUS"] == "TENTATIVE"
    before = event["SEQUENCE"]
    with cast.acting("john", portal=True):
        booking.reschedule(appointment=own, start=at(11), by=cast.john)
    [[event]] = events(client.get(path)).values()
    assert event["SEQUENCE"] > before and event.start == at(11)
    before = event["SEQUENCE"]
    with cast.acting("john", portal=True):
        own.refresh_from_db()
        booking.change_status(appointment=own, to=Appointment.Status.CANCELED, by=cast.john)
    [event] = events(client.get(path))["Canceled: Visit at Harbor Family Clinic"]
    assert event["STATUS"] == "CANCELLED" and event["SEQUENCE"] > before
    with tenancy.system(cast.harbor):
        long_ago = timezone.now() - timedelta(days=29)
        Appointment.objects.filter(pk=own.pk).update(updated_at=long_ago)
    assert len(events(client.get(path))) == 1
    with tenancy.system(cast.harbor):
        long_ago = timezone.now() - timedelta(days=31)
        Appointment.objects.filter(pk=own.pk).update(updated_at=long_ago)
    assert events(client.get(path)) == {}


def test_what_is_long_over_is_left_out(client, cast, kind):
    visit(cast, kind, cast.mr_doe, at(10, days=-59), status="Completed")
    visit(cast, kind, cast.mr_doe, at(10, days=-62), status="Completed")
    visit(cast, kind, cast.mr_doe, at(10, days=729))
    [found] = events(client.get(opened(cast, "john", "family"))).values()
    assert [one.start for one in found] == [at(10, days=-59), at(10, days=729)]


def test_what_did_not_change_is_not_sent_again(client, cast, kind):
    visit(cast, kind, cast.mr_doe, at(10))
    path = opened(cast, "john", "family")
    etag = client.get(path)["ETag"]
    again = client.get(path, HTTP_IF_NONE_MATCH=etag)
    assert (again.status_code, again.content) == (304, b"") and again["ETag"] == etag
    visit(cast, kind, cast.mr_doe, at(11))
    assert client.get(path, HTTP_IF_NONE_MATCH=etag).status_code == 200
    assert client.head(path).content == b"" and client.post(path).status_code == 405


def test_only_a_digest_of_the_secret_is_kept(cast):
    path = opened(cast, "john", "family")
    secret = path.removeprefix("/calendars/").removesuffix(".ics")
    assert len(secret) >= 43
    with tenancy.system(cast.harbor):
        [feed] = CalendarFeed.objects.all()
        noted = LogEntry.entries.filter(resource="scheduling.calendarfeed")
        assert bytes(feed.digest) == staffing.digest_of(secret)
        assert noted.exists()
        for entry in noted:
            assert secret not in str(entry.changes) and feed.digest.hex() not in str(entry.changes)


class TestWhoOpensOne:
    def test_a_patient_has_no_specialists_and_the_staff_no_familys(self, cast):
        for name, portal, scope, more in (
            ("john", True, "specialist", {}),
            ("sarah", False, "family", {}),
            ("sarah", False, "patient", {"patient": cast.mr_doe}),
            ("nina", False, "specialist", {}),
        ):
            with cast.acting(name, portal=portal), refused(Invalid, "scope"):
                feeds.open_feed(scope=scope, by=cast.people[name], **more)
        self.none_is_there(cast)

    def test_the_patient_is_named_for_a_calendar_of_one_alone(self, cast):
        with cast.acting("john", portal=True):
            with refused(Invalid, "patient"):
                feeds.open_feed(scope="patient", by=cast.john)
            with refused(Invalid, "patient"):
                feeds.open_feed(scope="family", patient=cast.jimmy, by=cast.john)
        self.none_is_there(cast)

    def test_nobody_opens_one_of_a_patient_whom_she_does_not_see(self, cast):
        for stranger in (cast.mrs_doe, cast.dona_ana):
            with cast.acting("john", portal=True), refused(Missing, "patient"):
                feeds.open_feed(scope="patient", patient=stranger, by=cast.john)
        self.none_is_there(cast)

    def test_nobody_opens_one_for_another(self, cast):
        with cast.acting("john", portal=True), refused(Invalid, "scope"):
            feeds.open_feed(scope="family", by=cast.jane)
        with cast.acting("aud"), denied(Permission.CALENDAR_VIEW):
            feeds.open_feed(scope="specialist", by=cast.aud)
        self.none_is_there(cast)

    def test_there_are_at_most_twenty(self, cast):
        for _n in range(20):
            opened(cast, "john", "family")
        with cast.acting("john", portal=True), refused(Conflict):
            feeds.open_feed(scope="family", by=cast.john)
            assert feeds.of_person(cast.john).count() == 20

    def none_is_there(self, cast):
        for facility in (cast.harbor, cast.austa):
            with tenancy.system(facility):
                assert CalendarFeed.objects.count() == 0


class TestWhatEndsOne:
    """Each of these makes an address that worked answer as one that never was."""

    def gone(self, client, path: str) -> None:
        never = client.get("/calendars/no-such-secret.ics")
        answer = client.get(path)
        assert (answer.status_code, never.status_code) == (404, 404)
        assert answer.content == never.content
        assert b"Harbor" not in answer.content

    def test_its_owner(self, client, cast, kind):
        visit(cast, kind, cast.mr_doe, at(10))
        path, other = opened(cast, "john", "family"), opened(cast, "john", "family")
        with cast.acting("john", portal=True):
            newest, feed = feeds.of_person(cast.john)
            feeds.close(feed=feed, by=cast.john)
            with refused(Missing):
                feeds.close(feed=feed, by=cast.john)
        self.gone(client, path)
        assert client.get(other).status_code == 200
        with cast.acting("jane", portal=True), refused(Missing):
            feeds.close(feed=newest, by=cast.jane)
        assert client.get(other).status_code == 200

    def test_losing_the_role(self, client, cast, kind):
        visit(cast, kind, cast.mr_doe, at(10))
        paths = [
            opened(cast, "sarah", "specialist", portal=False), opened(cast, "john", "family")
        ]  # fmt: skip
        with tenancy.system(cast.harbor):
            RoleAssignment.objects.filter(user__in=[cast.sarah, cast.john]).update(is_active=False)
        for path in paths:
            self.gone(client, path)

    def test_losing_the_consent(self, client, cast, kind):
        visit(cast, kind, cast.mr_doe, at(10))
        with tenancy.system(cast.harbor):
            spouse = family.stand(
                patient=cast.mr_doe, user=cast.jane,
                relationship=FamilyMember.Relationship.SPOUSE,
                level=FamilyMember.PermissionLevel.LIMITED,
            )  # fmt: skip
        with cast.acting("john", portal=True):
            given = consent.give(member=spouse, categories=[Category.APPOINTMENTS], by=cast.john)
        one = opened(cast, "jane", "patient", patient=cast.mr_doe)
        whole = opened(cast, "jane", "family")
        assert len(events(client.get(one))) == len(events(client.get(whole))) == 1
        with cast.acting("john", portal=True):
            consent.revoke(consent=given, by=cast.john)
        self.gone(client, one)
        assert events(client.get(whole)) == {}

    def test_an_account_that_is_closed_and_a_specialist_who_left(self, client, cast, kind):
        visit(cast, kind, cast.mr_doe, at(10))
        own = opened(cast, "john", "family")
        hers = opened(cast, "sarah", "specialist", portal=False)
        with tenancy.system(cast.harbor):
            cast.john.is_active = False
            cast.john.save()
            specialist = cast.specialists["sarah"]
            specialist.is_active = False
            specialist.save()
        self.gone(client, own)
        self.gone(client, hers)

    def test_a_second_step_that_is_missing(self, client, cast, kind):
        path = opened(cast, "sarah", "specialist", portal=False)
        from allauth.mfa.models import Authenticator

        Authenticator.objects.filter(user=cast.sarah).delete()
        self.gone(client, path)

    @pytest.mark.parametrize("secret", ["", "x", "../admin", "%00", "é", "a" * 3000, "' OR 1=1"])
    def test_what_is_no_secret(self, client, cast, secret):
        assert client.get(f"/calendars/{secret}.ics").status_code in {400, 404}

    def test_a_session_does_not_open_it(self, browse, cast, kind):
        """Whoever is signed in, the address decides; and it opens nothing else."""
        visit(cast, kind, cast.mr_doe, at(10))
        path = opened(cast, "john", "family")
        lucia = browse("lucia")
        assert len(events(lucia.get(path))) == 1
        assert lucia.get("/calendars/no-such.ics").status_code == 404
        assert lucia.get("/portal/").status_code == 403


def test_a_patient_who_blocked_the_specialist_is_not_in_her_calendar(client, cast, kind):
    visit(cast, kind, cast.mr_doe, at(10))
    visit(cast, kind, cast.jimmy, at(11))
    path = opened(cast, "sarah", "specialist", portal=False)
    assert len(events(client.get(path))["Visit"]) == 2
    from patients import relationships

    with cast.acting("john", portal=True):
        relationships.block(patient=cast.mr_doe, clinician=cast.sarah, by=cast.john)
    [event] = events(client.get(path))["Visit"]
    assert event.start == at(11)


def test_a_specialist_of_two_clinics_has_a_calendar_for_each(client, cast, kind):
    visit(cast, kind, cast.mr_doe, at(10))
    path = opened(cast, "sarah", "specialist", portal=False)
    with tenancy.system(cast.austa):
        staffing.assign(user=cast.sarah, role=Role.PHYSICIAN, facility=cast.austa, is_primary=True)
    assert len(events(client.get(path))["Visit"]) == 1
    with cast.acting("sarah", facility="austa"):
        assert list(feeds.of_person(cast.sarah)) == []


def test_each_reading_is_on_the_trail_with_whom_it_told_of(client, cast, kind):
    visit(cast, kind, cast.mr_doe, at(10))
    visit(cast, kind, cast.jimmy, at(11))
    path = opened(cast, "john", "family")
    client.get(path)
    client.get(path, HTTP_IF_NONE_MATCH="*")
    with tenancy.system(cast.harbor):
        noted = LogEntry.entries.filter(
            resource="scheduling.calendarfeed", action=LogEntry.Action.ACCESS
        )
        told = [(one.actor_id, one.patient_id, one.purpose) for one in noted.order_by("id")]
        [feed] = CalendarFeed.objects.all()
    mine = [(cast.john.pk, cast.mr_doe.pk, "own"), (cast.john.pk, cast.jimmy.pk, "family")]
    assert sorted(told) == sorted(mine * 2)
    assert feed.last_read_at is not None


def test_a_secret_stands_in_no_log_and_on_no_trail(browse, cast, kind):
    """Also of an address that is closed for a time only."""
    path = opened(cast, "john", "family")
    with tenancy.system(cast.harbor):
        RoleAssignment.objects.filter(user=cast.john).update(is_active=False)
    assert browse("sarah").get(path).status_code == 404
    secret = path.removeprefix("/calendars/").removesuffix(".ics")
    record = logging.LogRecord("django.request", 30, "", 0, "Not Found: %s", (path,), None)
    line = LineFormatter().format(record)
    assert secret not in line and "/calendars/…" in line
    with tenancy.system(cast.harbor):
        refusals = LogEntry.entries.filter(resource="refusal")
        assert refusals.exists()
        assert secret not in str(list(refusals.values()))


def test_too_many_readings_are_slowed_down(client, cast, monkeypatch):
    monkeypatch.setattr("scheduling.portal.feed.MOST", 2)
    path = opened(cast, "john", "family")
    with_address = {"REMOTE_ADDR": "203.0.113.77"}
    answers = [client.get(path, **with_address).status_code for _n in range(3)]
    assert answers == [200, 200, 429]


def test_the_database_tells_a_stranger_whose_it_is_and_nothing_else(cast):
    opened(cast, "john", "family")
    with tenancy.acting(tenancy.NOBODY), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM scheduling_calendarfeed")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT * FROM app_feed('\\x00'::bytea)")
        assert cursor.fetchone() == (None,) * 4
    with cast.acting("alma"):  # not even the administrator sees another's
        assert CalendarFeed.objects.count() == 0


def test_ten_thousand_visits_are_written_in_bounded_time(client, cast, kind):
    import time

    start = at(0).astimezone(UTC)
    with tenancy.system(cast.harbor):
        Appointment.objects.bulk_create(
            [
                Appointment(
                    facility=cast.harbor, patient=cast.mr_doe,
                    specialist=cast.specialists["sarah"], appointment_type=kind,
                    start_datetime=start + timedelta(minutes=30 * n),
                    end_datetime=start + timedelta(minutes=30 * n + 20),
                )
                for n in range(10_000)
            ],
            batch_size=1000,
        )  # fmt: skip
    path = opened(cast, "sarah", "specialist", portal=False)
    began = time.process_time()
    answer = client.get(path)
    assert answer.content.count(b"BEGIN:VEVENT") == 10_000
    assert time.process_time() - began < 5
