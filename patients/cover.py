"""The cover of a chart: who the patient is. All of it is for the clinic that treats her, for the
patient, and for who decides for her; a relative to whom something else was opened, and whoever came
in by an emergency alone, know who she is and whom to call, and nothing more."""

from clinic.security import tenancy
from patients import access
from patients.models import Patient

PRIVATE = frozenset({"ssn", "cpf", "phone", "email", "address", "insurance_info"})


def hidden(patient: Patient) -> frozenset[str]:
    """The columns of the patient that are not for the acting person to see."""
    actor = tenancy.current()
    if actor.is_portal:
        closed = patient.user_id != actor.user_id and patient.pk not in actor.stewarded
    else:
        closed = access.is_under_glass(patient)
    return PRIVATE if closed else frozenset()


def phone(patient: Patient) -> str:
    """Where the patient is called, for who may know it."""
    return "" if "phone" in hidden(patient) else patient.phone
