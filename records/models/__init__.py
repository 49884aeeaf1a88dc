from records.models.document import Document, DocumentPage
from records.models.history import Encounter, Procedure, Report
from records.models.record import MedicalRecord

__all__ = ["Document", "DocumentPage", "Encounter", "MedicalRecord", "Procedure", "Report"]
