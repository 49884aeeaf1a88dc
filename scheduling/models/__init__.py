from scheduling.models.appointment import Appointment
from scheduling.models.availability import (
    AvailabilityBlock,
    BlockKind,
    Holiday,
    Leave,
    Room,
)
from scheduling.models.feed import BusyCalendar, BusyTime, CalendarFeed
from scheduling.models.group import GroupSession
from scheduling.models.hold import Hold
from scheduling.models.kind import AppointmentType, Booker
from scheduling.models.medicine import MedicationReminder, PatientZone, ReminderLog
from scheduling.models.message import Message
from scheduling.models.taken import TakenTime
from scheduling.models.waitlist import WaitlistEntry, WaitlistOffer, WaitlistSpecialist

__all__ = [
    "Appointment", "AppointmentType", "AvailabilityBlock", "BlockKind", "Booker", "BusyCalendar",
    "BusyTime", "CalendarFeed", "GroupSession", "Hold", "Holiday", "Leave", "MedicationReminder",
    "Message", "PatientZone", "ReminderLog", "Room", "TakenTime", "WaitlistEntry", "WaitlistOffer",
    "WaitlistSpecialist",
]  # fmt: skip
