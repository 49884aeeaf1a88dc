"""Free times and bookings: how long they take, and how that grows with the visits there are.

Free times are those of 20 specialists for 30 days, half of which are booked, read and reckoned by
one process; the visits that are added lie in the past. The day view is the desk's page of a full
day of all of them: its questions to the database, and how long it takes in all. Bookings are those
of 16 rivals, each a process of its own, on times that nobody else wants: `booking.book` beside a
bare insert by the ORM into a table of the same columns under the same constraints, by turns.
"""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from itertools import count
from multiprocessing import get_context
from statistics import median

import django
import psycopg
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from benchmarks import seeding
from benchmarks.models import TABLES, BareBooking
from clinic import staffing
from clinic.models import Facility, Specialist, User
from clinic.models.base import uuid7
from clinic.security import tenancy
from clinic.security.permissions import STAFF_ROLES, Role
from clinic.security.tenancy import APPLY_SQL, Actor, Origin, settings_of
from clinic.tests.browsing import SIGN_IN
from patients import registration
from patients.models import Patient
from scheduling import booking, calendar
from scheduling.models import Appointment, AppointmentType, AvailabilityBlock

SPECIALISTS, PATIENTS, DAYS = 20, 400, 30
A_DAY, HALF_HOUR = 16, timedelta(minutes=30)  # times of a specialist a day, from 08:00 on
FREE_MOST, GROWTH_MOST, DAY_MOST = 50, 1.5, 10
SIZES = (5_000, 50_000, 500_000)
RIVALS, EACH, TURNS = 16, 40, 5
BOOKED_LEAST = 0.4


@dataclass(frozen=True)
class Figure:
    """One line of the table; `most` (or `least`) is what was promised."""

    name: str
    value: float
    unit: str = ""
    most: float | None = None
    least: float | None = None

    @property
    def is_beyond(self) -> bool:
        return (self.most is not None and self.value > self.most) or (
            self.least is not None and self.value < self.least
        )


def measure() -> Iterator[Figure]:
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        owner.execute(TABLES)
    clinic = Clinic.founded()
    yield from _free_times(clinic)
    yield from _day_view(clinic)
    yield from _bookings(clinic)


@dataclass(frozen=True)
class Clinic:
    """A clinic of 20 specialists who receive 08:00 to 16:00 on every day."""

    facility: Facility
    kind: AppointmentType
    desk: User
    specialists: list[Specialist]
    patients: list[Patient]

    @classmethod
    def founded(cls) -> "Clinic":
        facility, desk, first, kind = seeding.founded()
        with tenancy.system(facility), transaction.atomic():
            AvailabilityBlock.objects.all().delete()
            specialists = [first] + [
                Specialist.objects.create(
                    facility=facility, specialty="General",
                    user=User.objects.create_user(f"s{n}@{facility.slug}.test", "x" * 20),
                )
                for n in range(1, SPECIALISTS)
            ]  # fmt: skip
            for one in specialists:
                for day in range(1, 8):
                    AvailabilityBlock.objects.create(
                        facility=facility, specialist=one, day_of_week=day, start_time=clock(8),
                        end_time=clock(16),
                    )  # fmt: skip
            patients = [
                registration.register(by=None, **seeding.identity(n)) for n in range(PATIENTS)
            ]
            staffing.assign(user=desk, role=Role.FRONT_DESK, facility=facility)
        return cls(facility, kind, desk, specialists, patients)


def _free_times(clinic: Clinic) -> Iterator[Figure]:
    opening = datetime.combine(timezone.now().date() + timedelta(days=1), clock(8), UTC)
    booked = _fill(clinic, opening, days=DAYS, every=2)
    took, before = {}, 0
    for size in SIZES:
        days = -(-(size - booked) // (SPECIALISTS * A_DAY))
        more = opening - timedelta(days=days + 1)
        _fill(clinic, more, days=days - before, every=1)
        before = days
        took[size] = _time_of_free_times(clinic, opening)
        most = FREE_MOST if size == 50_000 else None
        yield Figure(f"free times, {size:,} visits", took[size], "ms", most)
    growth = took[SIZES[-1]] / took[SIZES[0]]
    yield Figure("free times, growth from first to last", growth, most=GROWTH_MOST)


def _fill(clinic: Clinic, opening: datetime, *, days: int, every: int) -> int:
    """Book `days` days of all specialists, each time or every second one; answers how many.

    The owner copies one visit, with triggers asleep: what they would write is written beside."""
    if days <= 0:
        return 0
    actor = Actor(facility_id=clinic.facility.pk, reach="facility", clinical="facility")
    with tenancy.system(clinic.facility), transaction.atomic():
        pattern = Appointment.objects.first() or Appointment.objects.create(
            facility=clinic.facility, patient=clinic.patients[0], specialist=clinic.specialists[0],
            appointment_type=clinic.kind, start_datetime=opening - timedelta(days=5000),
            end_datetime=opening - timedelta(days=5000) + HALF_HOUR,
        )  # fmt: skip
    own = {"id", "patient_id", "specialist_id", "start_datetime", "end_datetime"}
    columns = [f.column for f in Appointment._meta.concrete_fields if f.column not in own]
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as owner:
        owner.execute(APPLY_SQL, settings_of(actor))
        owner.execute("ALTER TABLE scheduling_appointment NO FORCE ROW LEVEL SECURITY")
        owner.execute("ALTER TABLE scheduling_appointment DISABLE TRIGGER USER")
        made = owner.execute(
            f"""CREATE TEMP TABLE made ON COMMIT DROP AS
            SELECT gen_random_uuid() AS id, s.id AS specialist_id, s.user_id,
              (%(patients)s::uuid[])[1 + (s.n + place * 20) %% {PATIENTS}] AS patient_id,
              %(opening)s::timestamptz + make_interval(days => day, mins => 30 * place) AS begins
            FROM unnest(%(specialists)s::uuid[], %(users)s::uuid[]) WITH ORDINALITY
              AS s (id, user_id, n), generate_series(0, %(days)s - 1) AS day,
              generate_series(0, {A_DAY - 1}, %(every)s) AS place""",
            {
                "patients": [one.pk for one in clinic.patients],
                "specialists": [one.pk for one in clinic.specialists],
                "users": [one.user_id for one in clinic.specialists],
                "opening": opening, "days": days, "every": every,
            },
        ).rowcount  # fmt: skip
        copied = ", ".join(f"a.{column}" for column in columns)
        owner.execute(
            f"""INSERT INTO scheduling_appointment (id, patient_id, specialist_id, start_datetime,
              end_datetime, {", ".join(columns)})
            SELECT m.id, m.patient_id, m.specialist_id, m.begins, m.begins + interval '30 minutes',
              {copied} FROM made m, scheduling_appointment a WHERE a.id = %s""",
            [pattern.pk],
        )
        owner.execute(
            """INSERT INTO scheduling_takentime
              (id, kind, resource_id, taker_id, starts, ends, is_firm)
            SELECT gen_random_uuid(), 'specialist', user_id, id, begins,
              begins + interval '30 minutes', true FROM made"""
        )
        owner.execute("SET CONSTRAINTS ALL IMMEDIATE")
        owner.execute("ALTER TABLE scheduling_appointment ENABLE TRIGGER USER")
        owner.execute("ALTER TABLE scheduling_appointment FORCE ROW LEVEL SECURITY")
        owner.commit()
        owner.execute("ANALYZE scheduling_appointment, scheduling_takentime")
    return made


def _time_of_free_times(clinic: Clinic, opening: datetime) -> float:
    """Milliseconds, the median of 25, after five that are not counted."""
    timed = []
    actor = staffing.enter(user=clinic.desk, roles=STAFF_ROLES, origin=Origin(surface="bench"))
    for number in range(30):
        with tenancy.acting(actor), transaction.atomic():
            begun = time.perf_counter()
            found = calendar.free_by_specialist(
                specialists=calendar.specialists(), appointment_type=clinic.kind, start=opening,
                end=opening + timedelta(days=DAYS),
            )  # fmt: skip
            if number >= 5:
                timed.append((time.perf_counter() - begun) * 1000)
    assert sum(map(len, found.values())) == SPECIALISTS * DAYS * A_DAY // 2
    return median(timed)


def _day_view(clinic: Clinic) -> Iterator[Figure]:
    """The page of a day on which 20 specialists saw 16 patients each: one of `_fill`'s last."""
    browser, day = Client(HTTP_HOST="localhost"), timezone.now().date() - timedelta(days=2)
    with transaction.atomic():
        browser.force_login(clinic.desk, backend=SIGN_IN)
    address, timed, asked = f"{reverse('admin:day')}?day={day}", [], []

    def noting(execute, sql, *rest):
        if "SAVEPOINT" not in sql:  # they ask nothing
            asked.append(sql)
        return execute(sql, *rest)

    for _number in range(12):
        asked.clear()
        begun = time.perf_counter()
        with connection.execute_wrapper(noting):
            page = browser.get(address)
        timed.append((time.perf_counter() - begun) * 1000)
        assert page.status_code == 200, page.status_code
    visits = page.content.decode().count("data-name=")
    assert visits == SPECIALISTS * A_DAY, visits
    yield Figure(f"day view of {visits} visits, queries", len(asked), most=DAY_MOST)
    yield Figure(f"day view of {visits} visits", median(timed[2:]), "ms")


def _bookings(clinic: Clinic) -> Iterator[Figure]:
    """Bookings a second of all rivals, ours and bare by turns."""
    opening = datetime.combine(timezone.now().date() + timedelta(days=60), clock(8), UTC)
    rivals = get_context("spawn")
    timed: dict[bool, list[float]] = {False: [], True: []}
    with ProcessPoolExecutor(RIVALS, mp_context=rivals, initializer=django.setup) as pool:
        turns = count()
        for turn in range(2 * TURNS + 2):
            bare = bool(turn % 2)
            start = time.time() + 1
            tasks = [
                pool.submit(_rival, clinic, opening, number, next(turns), start, bare)
                for number in range(RIVALS)
            ]
            begun, ended = zip(*(task.result() for task in tasks), strict=True)
            if turn >= 2:  # the first of each warms up
                timed[bare].append(RIVALS * EACH / (max(ended) - min(begun)))
    ours, bare = median(timed[False]), median(timed[True])
    yield Figure("bookings a second, 16 rivals", ours)
    yield Figure("bare inserts a second, 16 rivals", bare)
    yield Figure("bookings beside bare inserts", ours / bare, least=BOOKED_LEAST)


def _rival(clinic, opening, number: int, round_: int, start: float, bare: bool):
    """Book `EACH` times that no other wants; answers when it began and ended."""
    specialist = clinic.specialists[number]
    actor = staffing.enter(user=clinic.desk, roles=STAFF_ROLES, origin=Origin(surface="bench"))
    days, patients = EACH // A_DAY + 1, clinic.patients
    times = [
        opening + timedelta(days=days * round_ + n // A_DAY) + n % A_DAY * HALF_HOUR
        for n in range(EACH)
    ]
    connection.ensure_connection()
    time.sleep(max(0.0, start - time.time()))
    begun = time.time()
    for n, at in enumerate(times):
        patient = patients[(number + n * RIVALS) % PATIENTS]
        with tenancy.acting(actor), transaction.atomic():
            if bare:
                BareBooking.objects.create(
                    id=uuid7(), facility_id=clinic.facility.pk, patient_id=patient.pk,
                    specialist_id=specialist.pk, appointment_type_id=clinic.kind.pk,
                    start_datetime=at, end_datetime=at + HALF_HOUR, reason="Review",
                    booked_by_id=clinic.desk.pk, news="booked",
                )  # fmt: skip
            else:
                booking.book(
                    patient=patient.pk, specialist=specialist.pk, start=at,
                    appointment_type=clinic.kind.pk, reason="Review", by=clinic.desk,
                )  # fmt: skip
    return begun, time.time()
