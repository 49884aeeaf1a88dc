"""The clinic in which the history plays; it prints what the clients choose from.

A command of its own, since it is the product's code and works in the product's settings.
"""

import json
import sys
from datetime import UTC, date, datetime, time, timedelta

import django

DAYS, PLACES = 12, 47  # days, and half hours of each
VISIT, STEP = 10, 5  # minutes: a visit can overlap half of another
REMINDED = [15, 21, 39, 63, 87]  # hours before a visit
SOON = 30  # minutes within which reminders of visits at the times of `soon` come due


def main(port: int, specialists: int, patients: int) -> None:
    from django.db import transaction
    from django.utils import timezone

    from clinic import facilities, staffing
    from clinic.models import Specialist, User
    from clinic.models.reach import Channel
    from clinic.security import tenancy
    from clinic.security.permissions import Role
    from patients import registration
    from patients.models import Patient
    from scheduling.models import AppointmentType, AvailabilityBlock

    midnight = time(0)
    facility = facilities.found(
        slug="history", name="History", timezone="UTC", second_factor_roles=[],
        reminder_hours=REMINDED, quiet_from=midnight, quiet_until=midnight,
    )  # fmt: skip
    with tenancy.system(facility), transaction.atomic():
        desk = User.objects.create_user("history@history.test", "x" * 30)
        staffing.assign(user=desk, role=Role.FRONT_DESK, facility=facility, is_primary=True)
        kind = AppointmentType.objects.create(facility=facility, name="Visit", minutes=VISIT)
        people = {}  # by id, at which minute after each fifth one the visits of a specialist begin
        for number in range(specialists):
            user = User.objects.create_user(f"s{number}@history.test", "x" * 30)
            staffing.assign(user=user, role=Role.PHYSICIAN, facility=facility, is_primary=True)
            one = Specialist.objects.create(facility=facility, user=user, specialty="General")
            people[str(one.pk)] = number % STEP
            for day in range(1, 8):
                AvailabilityBlock.objects.create(
                    facility=facility, specialist=one, day_of_week=day, slot_minutes=STEP,
                    start_time=time(0, number % STEP), end_time=time(23, 59, 59),
                )  # fmt: skip
        ids = []
        for number in range(patients):
            patient = registration.register(
                by=None, first_name=f"P{number}", last_name="History",
                date_of_birth=date(1980, 1, 1), phone=f"+1603555{number:04d}",
                email=f"p{number}@history.test",
            )  # fmt: skip
            ids.append(str(patient.pk))
        Patient.objects.filter(pk__in=ids).update(channels=[Channel.SMS, Channel.EMAIL])
        token = staffing.issue_token(user=desk).text
    now = timezone.now().astimezone(UTC)
    tomorrow = datetime.combine(now.date() + timedelta(days=1), midnight, UTC)
    starts = [
        tomorrow + timedelta(days=day, minutes=30 * place)
        for day in range(DAYS)
        for place in range(PLACES)
    ]
    fifth = now.replace(minute=now.minute // STEP * STEP, second=0, microsecond=0)
    soon = [
        fifth + timedelta(hours=hours, minutes=minutes)
        for minutes in range(STEP, SOON, STEP)
        for hours in REMINDED
    ]
    world = {
        "port": port, "token": token, "patients": ids, "specialists": people, "kind": str(kind.pk),
        "starts": [start.isoformat() for start in starts],
        "soon": [start.isoformat() for start in soon],
        "reminded": REMINDED,
    }  # fmt: skip
    print(json.dumps(world))


if __name__ == "__main__":
    django.setup()
    main(*(int(word) for word in sys.argv[1:4]))
