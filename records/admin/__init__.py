"""Records and documents of patients, and the chart with both."""

from records.admin.chart import ChartWithRecords
from records.admin.documents import DocumentFile, DocumentPage, DocumentsPage
from records.admin.record import RevisePage, WritePage

__all__ = ["ChartWithRecords"]

pages = [
    ("chart/<uuid:pk>/write/", WritePage, "write_record"),
    ("records/<uuid:pk>/", RevisePage, "revise_record"),
    ("documents/", DocumentsPage, "documents"),
    ("documents/<uuid:pk>/", DocumentPage, "document"),
    ("documents/<uuid:pk>/file/", DocumentFile, "document_file"),
]
