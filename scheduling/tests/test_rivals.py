"""Rivals on committed data: however many want the same at the same moment, one gets it.

Each rival is a thread with its own connection and its own transaction, through the real verbs.
"""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from django.utils import timezone

from clinic.models import LogEntry
from clinic.models.base import uuid7
from clinic.security import tenancy
from clinic.tests.people import make_cast
from clinic.tests.programs import Program
from patients import registration
from patients.models import Patient
from records import documents
from records.models import Document
from scheduling import booking, hours, kinds
from scheduling.models import Appointment

THREADS = 8
RIVALS = 200
NEW_YORK = ZoneInfo("America/New_York")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clinic(transactional_db, settings, tmp_path):
    """The cast, committed; Sarah receives all day, and Fred sits at the desk."""
    settings.DOCUMENT_STORAGE_URL = tmp_path.as_uri()
    with transaction.atomic():
        cast = make_cast()
        with cast.acting("alma") as alma:
            cast.kind = kinds.offer(name="Visit", minutes=30, by=cast.alma)
            week = {day: [(time(0), time(23, 30))] for day in range(1, 8)}
            hours.set_week(specialist=cast.specialists["sarah"], week=week, by=cast.alma)
        cast.roles = {"alma": alma}
        for name in ("fred", "sarah"):
            with cast.acting(name) as actor:
                cast.roles[name] = actor
    return cast


def tomorrow(hour: int) -> datetime:
    today = timezone.now().astimezone(NEW_YORK).date()
    return datetime.combine(today + timedelta(days=1), time(hour), NEW_YORK)


def all_at_once(attempt: Callable[[int], object], count: int) -> Counter:
    """What `count` attempts came to, by the name of the result's class; `THREADS` at a time, the
    first of which begin at the same moment."""
    start = Barrier(THREADS)

    def one(number: int) -> str:
        try:
            if number < THREADS:
                start.wait(timeout=30)
            return str(attempt(number))
        except Exception as error:  # whatever it is, the test names it
            return type(error).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return Counter(pool.map(one, range(count)))


def as_actor(actor, verb: Callable, **arguments) -> str:
    with tenancy.acting(actor), transaction.atomic():
        verb(**arguments)
    return "won"


def many_patients(cast, count: int) -> list[Patient]:
    with tenancy.system(cast.harbor), transaction.atomic():
        return [
            registration.register(
                by=None, first_name=f"Rival{n}", last_name="Rivers", date_of_birth=date(1980, 1, 1),
                mrn=f"R{uuid7().hex[-12:]}",
            )
            for n in range(count)
        ]  # fmt: skip


def test_of_two_hundred_who_want_one_time_one_gets_it(clinic):
    patients = many_patients(clinic, RIVALS)
    outcome = all_at_once(
        lambda n: as_actor(
            clinic.roles["fred"], booking.book, patient=patients[n], start=tomorrow(10),
            specialist=clinic.specialists["sarah"], appointment_type=clinic.kind, by=clinic.fred,
        ),
        RIVALS,
    )  # fmt: skip
    assert outcome == {"won": 1, "SlotTaken": RIVALS - 1}
    with tenancy.system(clinic.harbor), transaction.atomic():
        visit = Appointment.objects.get()
        written = LogEntry.entries.filter(resource="scheduling.appointment")
        assert [(e.object_pk, e.action) for e in written] == [
            (str(visit.pk), LogEntry.Action.CREATE)
        ]


def test_of_two_who_wait_for_each_other_one_goes_on(clinic):
    """Each has booked a time that the other wants next: the database would wait for ever."""
    patients, hours = many_patients(clinic, 4), (tomorrow(10), tomorrow(12))
    both_hold = Barrier(2)

    def book(patient: Patient, start: datetime) -> None:
        booking.book(
            patient=patient, start=start, specialist=clinic.specialists["sarah"],
            appointment_type=clinic.kind, by=clinic.fred,
        )  # fmt: skip

    def attempt(number: int) -> str:
        with tenancy.acting(clinic.roles["fred"]), transaction.atomic():
            book(patients[number], hours[number])
            both_hold.wait(timeout=30)
            book(patients[number + 2], hours[1 - number])
        return "won"

    def one(number: int) -> str:
        try:
            return attempt(number)
        except booking.SlotTaken:
            return "SlotTaken"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(one, range(2))) == ["SlotTaken", "won"]
    with tenancy.system(clinic.harbor), transaction.atomic():
        assert Appointment.objects.count() == 2


def test_the_api_tells_the_losers_that_it_is_taken(clinic):
    """The same through the API; and one who overlaps by a minute is a rival too."""
    with transaction.atomic():
        token = clinic.token("fred")
    patients = many_patients(clinic, 3 * THREADS)

    def attempt(number: int) -> int:
        start = tomorrow(10) + timedelta(minutes=number % 30)
        answer = Program(token).post(
            "appointments/",
            {
                "patient": str(patients[number].pk),
                "specialist": str(clinic.specialists["sarah"].pk),
                "appointment_type": str(clinic.kind.pk),
                "start_datetime": start.isoformat(),
            },
        )
        return answer.status_code

    outcome = all_at_once(attempt, 3 * THREADS)
    assert outcome == {"201": 1, "409": 3 * THREADS - 1}
    with tenancy.system(clinic.harbor), transaction.atomic():
        assert Appointment.objects.count() == 1


def test_one_patient_is_not_at_two_places(clinic):
    """Half ask for Sarah, half for another specialist, all for the same patient and time."""
    with tenancy.acting(clinic.roles["alma"]), transaction.atomic():
        other = clinic.specialists["omar"]
        hours.set_week(
            specialist=other, week={d: [(time(0), time(23, 30))] for d in range(1, 8)},
            by=clinic.alma,
        )  # fmt: skip
    either = (clinic.specialists["sarah"], other)
    outcome = all_at_once(
        lambda n: as_actor(
            clinic.roles["fred"], booking.book, patient=clinic.mr_doe, start=tomorrow(11),
            specialist=either[n % 2], appointment_type=clinic.kind, by=clinic.fred,
        ),
        2 * THREADS,
    )  # fmt: skip
    assert outcome == {"won": 1, "SlotTaken": 2 * THREADS - 1}


def test_a_visit_is_changed_once(clinic):
    """Cancel and complete at the same moment: one holds, the other is told."""
    with tenancy.acting(clinic.roles["fred"]), transaction.atomic():
        visit = booking.book(
            patient=clinic.mr_doe, specialist=clinic.specialists["sarah"], start=tomorrow(12),
            appointment_type=clinic.kind, by=clinic.fred,
        )  # fmt: skip
    ends = (Appointment.Status.CANCELED, Appointment.Status.COMPLETED)
    outcome = all_at_once(
        lambda n: as_actor(
            clinic.roles["fred"], booking.change_status, appointment=visit, to=ends[n % 2],
            by=clinic.fred,
        ),
        THREADS,
    )  # fmt: skip
    assert outcome == {"won": 1, "WrongStatus": THREADS - 1}


def test_a_number_belongs_to_one_patient(clinic):
    """The same SSN by many, written in different ways; and everybody gets a record number."""
    ways = ("219-09-9999", "219099999", "219 09 9999")
    outcome = all_at_once(
        lambda n: as_actor(
            clinic.roles["fred"], registration.register, by=clinic.fred, first_name=f"Twin{n}",
            last_name="Rivers", date_of_birth=date(1980, 1, 1), ssn=ways[n % 3],
        ),
        2 * THREADS,
    )  # fmt: skip
    assert outcome == {"won": 1, "NumberTaken": 2 * THREADS - 1}
    outcome = all_at_once(
        lambda n: as_actor(
            clinic.roles["fred"], registration.register, by=clinic.fred, first_name=f"Free{n}",
            last_name="Rivers", date_of_birth=date(1980, 1, 1),
        ),
        2 * THREADS,
    )  # fmt: skip
    assert outcome == {"won": 2 * THREADS}
    with tenancy.system(clinic.harbor), transaction.atomic():
        numbers = list(Patient.objects.values_list("mrn", flat=True))
        assert len(numbers) == len(set(numbers)) == 3 + 1 + 2 * THREADS


def test_the_same_file_is_there_once(clinic):
    outcome = all_at_once(
        lambda n: as_actor(
            clinic.roles["sarah"], documents.upload, patient=clinic.mr_doe, by=clinic.sarah,
            data=b"One and the same letter.", filename=f"letter-{n}.txt",
        ),
        THREADS,
    )  # fmt: skip
    assert outcome == {"won": 1, "AlreadyThere": THREADS - 1}
    with tenancy.system(clinic.harbor), transaction.atomic():
        document = Document.objects.get()
        assert documents.opened(document) == b"One and the same letter."
