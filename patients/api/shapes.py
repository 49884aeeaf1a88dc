"""How patients look in the API's answers."""

from typing import Any

from clinic.security.fields import open_all
from patients.models import Patient


def patient_shape(patient: Patient) -> dict[str, Any]:
    """A patient as the contract names her fields."""
    open_all(patient)
    return {
        "id": patient.pk,
        "mrn": patient.mrn,
        "first_name": patient.first_name,
        "last_name": patient.last_name,
        "date_of_birth": patient.date_of_birth,
        "gender": patient.gender,
        "ssn": patient.ssn,
        "cpf": patient.cpf,
        "phone": patient.phone,
        "email": patient.email,
        "address": patient.address,
        "emergency_contact": patient.emergency_contact,
        "insurance_info": patient.insurance_info,
        "preferred_language": patient.preferred_language,
        "deceased_on": patient.deceased_on,
        "is_active": patient.is_active,
        "version": patient.version,
        "created_at": patient.created_at,
        "updated_at": patient.updated_at,
    }
