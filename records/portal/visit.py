"""A visit with what was written of it."""

from typing import Any

from clinic.security import trail
from clinic.security.permissions import Category
from records import charting
from records.models import MedicalRecord
from scheduling.models import Appointment
from scheduling.portal import VisitPage

MOST_NOTES = 10


class VisitWithNotes(VisitPage):
    """One visit, and the notes of it where the record is shared."""

    shows = (Category.APPOINTMENTS, Category.RECORDS)

    def more(self, visit: Appointment) -> dict[str, Any]:
        if Category.RECORDS not in self.portal.may:
            return {"records": []}
        rows = charting.visible_to(self.request.user).filter(appointment=visit)
        notes = list(rows.order_by("-visit_date")[:MOST_NOTES])
        seen = [(note.pk, note.patient_id) for note in notes]
        trail.read(MedicalRecord._meta.label_lower, seen, how="detail")
        return {"records": notes}
