"""How visits look in the API's answers."""

from collections.abc import Sequence
from typing import Any

from clinic.security.permissions import Category
from patients import access
from scheduling.models import Appointment


def appointment_shapes(appointments: Sequence[Appointment]) -> list[dict[str, Any]]:
    """Visits as the contract names their fields. Why a patient comes is clinical content: who reads
    none of hers gets it empty."""
    read = access.read_clinically({a.patient_id for a in appointments}, Category.APPOINTMENTS)
    return [_shape(a, clinical=a.patient_id in read) for a in appointments]


def _shape(appointment: Appointment, *, clinical: bool) -> dict[str, Any]:
    return {
        "id": appointment.pk,
        "specialist": appointment.specialist_id,
        "patient": appointment.patient_id,
        "start_datetime": appointment.start_datetime,
        "end_datetime": appointment.end_datetime,
        "status": appointment.status,
        "appointment_type": appointment.appointment_type_id,
        "reason": appointment.reason if clinical else "",
        "cancel_reason": appointment.cancel_reason if clinical else "",
        "room": appointment.room_id,
        "canceled_late": appointment.canceled_late,
        "is_overbooked": appointment.is_overbooked,
        "overbooking_reason": appointment.overbooking_reason if clinical else "",
        "session": appointment.session_id,
        "place": appointment.place,
        "series": appointment.series,
        "arrived_at": appointment.arrived_at,
        "booked_by": appointment.booked_by_id,
        "version": appointment.version,
        "created_at": appointment.created_at,
        "updated_at": appointment.updated_at,
    }
