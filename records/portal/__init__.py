"""The portal's pages that need the record: home, a visit with its notes, record, documents."""

from django.urls import path

from records.portal.documents import DocumentFile, DocumentRetry, Documents, ShownDocument
from records.portal.home import Home
from records.portal.record import Record
from records.portal.visit import VisitWithNotes

urlpatterns = [
    path("", Home.as_view(), name="home"),
    path("visits/<uuid:pk>/", VisitWithNotes.as_view(), name="visit"),
    path("record/", Record.as_view(), name="record"),
    path("documents/", Documents.as_view(), name="documents"),
    path("documents/<uuid:pk>/", ShownDocument.as_view(), name="document"),
    path("documents/<uuid:pk>/file/", DocumentFile.as_view(), name="document_file"),
    path("documents/<uuid:pk>/retry/", DocumentRetry.as_view(), name="document_retry"),
]
