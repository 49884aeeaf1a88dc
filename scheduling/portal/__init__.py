"""The portal's pages about visits: which there are, booking one, canceling one."""

from django.urls import path

from scheduling.portal.finding import BookVisit
from scheduling.portal.visits import CancelVisit, VisitPage, Visits

__all__ = ["VisitPage", "urlpatterns"]

urlpatterns = [
    path("visits/", Visits.as_view(), name="visits"),
    path("visits/book/", BookVisit.as_view(), name="book"),
    path("visits/<uuid:pk>/cancel/", CancelVisit.as_view(), name="visit_cancel"),
]
