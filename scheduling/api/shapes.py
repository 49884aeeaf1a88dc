"""How visits look in the API's answers."""

from typing import Any

from clinic.security import tenancy
from clinic.security.permissions import Permission
from scheduling.models import Appointment


def appointment_shape(appointment: Appointment) -> dict[str, Any]:
    """A visit as the contract names its fields. Why the patient comes is clinical content:
    who reads none gets it empty."""
    clinical = tenancy.current().may(Permission.CHART_VIEW)
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
        "booked_by": appointment.booked_by_id,
        "version": appointment.version,
        "created_at": appointment.created_at,
        "updated_at": appointment.updated_at,
    }
