"""The portal's pages about a person: whose record is shown, who looked at it, settings."""

from django.urls import path

from patients.portal.looks import WhoLooked
from patients.portal.person import ChoosePerson, PersonPage
from patients.portal.settings import Settings

__all__ = ["PersonPage", "urlpatterns"]

urlpatterns = [
    path("person/<uuid:patient_id>/", ChoosePerson.as_view(), name="person"),
    path("access/", WhoLooked.as_view(), name="access"),
    path("settings/", Settings.as_view(), name="settings"),
]
