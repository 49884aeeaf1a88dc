from scheduling.models.appointment import Appointment
from scheduling.models.availability import AppointmentType, AvailabilityBlock

__all__ = ["Appointment", "AppointmentType", "AvailabilityBlock"]
