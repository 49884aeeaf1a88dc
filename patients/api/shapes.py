"""How patients look in the API's answers."""

from typing import Any

from clinic.security.fields import open_all
from patients import cover
from patients.models import Patient

SHOWN = (
    "id", "mrn", "first_name", "last_name", "date_of_birth", "gender", "ssn", "cpf", "phone",
    "email", "address", "emergency_contact", "insurance_info", "preferred_language", "deceased_on",
    "is_active", "version", "created_at", "updated_at",
)  # fmt: skip


def patient_shape(patient: Patient) -> dict[str, Any]:
    """A patient as the contract names her fields; without those of the cover that are not for the
    reader."""
    values, hidden = open_all(patient), cover.hidden(patient)
    return {name: values[name] for name in SHOWN if name not in hidden}
