"""How patients look in the API's answers."""

from typing import Any

from clinic.security.fields import open_all
from patients.models import Patient

SHOWN = (
    "id", "mrn", "first_name", "last_name", "date_of_birth", "gender", "ssn", "cpf", "phone",
    "email", "address", "emergency_contact", "insurance_info", "preferred_language", "deceased_on",
    "is_active", "version", "created_at", "updated_at",
)  # fmt: skip


def patient_shape(patient: Patient) -> dict[str, Any]:
    """A patient as the contract names her fields."""
    values = open_all(patient)
    return {name: values[name] for name in SHOWN}
