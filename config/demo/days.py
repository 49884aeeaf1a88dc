"""What a clinic's days leave behind: rooms, a holiday, who waits, and what became of medicines."""

from datetime import datetime, time, timedelta

from django.utils import timezone

from clinic.models import Facility, Specialist
from patients.models import Medication, Patient
from scheduling.models import (
    Appointment,
    AppointmentType,
    AvailabilityBlock,
    Holiday,
    MedicationReminder,
    ReminderLog,
    Room,
    WaitlistEntry,
)

DAYS = 24  # of doses that are over
AHEAD = {"en": "Staff training", "pt-br": "Treinamento da equipe"}
Status = ReminderLog.Status


def give_rooms(facility: Facility, specialists: list[Specialist]) -> None:
    """Each specialist receives in the room that the clinic's list says."""
    for specialist in specialists:
        if not specialist.room:
            continue
        room, _new = Room.objects.get_or_create(
            facility=facility, name=specialist.room[:1].upper() + specialist.room[1:]
        )
        AvailabilityBlock.objects.filter(specialist=specialist).update(room=room)
        Appointment.objects.filter(specialist=specialist).update(room=room)


def close_once(facility: Facility) -> None:
    """The clinic is closed on one day to come."""
    day = timezone.now().astimezone(facility.zone).date() + timedelta(days=18)
    Holiday.objects.create(facility=facility, date=day, name=AHEAD[facility.language])


def let_wait(facility: Facility, kind: AppointmentType, *patients: Patient) -> None:
    """Patients wait for a visit in the evening, when nobody receives."""
    today = timezone.now().astimezone(facility.zone).date()
    for patient in patients:
        WaitlistEntry.objects.create(
            facility=facility, patient=patient, appointment_type=kind, days=[1, 2, 3, 4, 5],
            from_time=time(18), first_day=today, last_day=today + timedelta(days=45),
        )  # fmt: skip


def take_medicines(facility: Facility, patient: Patient) -> None:
    """Some weeks of a patient's medicines: most taken, one skipped, some missed."""
    now = timezone.now()
    today = now.astimezone(facility.zone).date()
    first = today - timedelta(days=DAYS)
    medicines = Medication.objects.filter(patient=patient, is_active=True).order_by("created_at")
    for place, (medicine, hour) in enumerate(zip(medicines, (21, 8), strict=False)):
        reminder = MedicationReminder.objects.create(
            facility=facility, patient=patient, medication=medicine, times=[time(hour)],
            first_day=first, begins_at=datetime.combine(first, time(), facility.zone),
            **medicine.kept,
        )  # fmt: skip
        for number in range(DAYS + 1):
            due = datetime.combine(first + timedelta(days=number), time(hour), facility.zone)
            if due > now:
                break
            status = _became(number + 3 * place, now - due)
            answered = None if status == Status.DUE else due + timedelta(minutes=12)
            ReminderLog.objects.create(
                facility=facility, patient=patient, reminder=reminder, due_at=due, status=status,
                answered_at=answered, **medicine.kept,
            )  # fmt: skip


def _became(number: int, ago: timedelta) -> Status:
    if ago < timedelta(hours=2):
        return Status.DUE
    return {4: Status.MISSED, 11: Status.SKIPPED, 17: Status.MISSED}.get(number, Status.TAKEN)
