"""The portal's pages about a person: whose record is shown, who sees it, who looked, settings."""

from django.urls import path

from patients.portal.clinicians import (
    Block,
    Clinician,
    EndClinician,
    EndReferral,
    InviteClinician,
    Unblock,
)
from patients.portal.looks import AskAboutLook, WhoLooked
from patients.portal.notices import Notices
from patients.portal.person import ChoosePerson, PersonPage
from patients.portal.relatives import (
    Agreed,
    CloseRelative,
    InviteRelative,
    Relative,
    RemoveRelative,
)
from patients.portal.settings import Settings
from patients.portal.shared import Family, Leave, SharedWithMe
from patients.portal.sharing import ChangeClinician, ChangeRelative, Sharing
from patients.portal.still import NoLonger, Still

__all__ = ["PersonPage", "urlpatterns"]

RELATIVE, CLINICIAN = "sharing/relatives/<uuid:pk>/", "sharing/clinicians/<uuid:pk>/"

urlpatterns = [
    path("person/<uuid:patient_id>/", ChoosePerson.as_view(), name="person"),
    path("still/", Still.as_view(), name="still"),
    path("no-longer/", NoLonger.as_view(), name="no_longer"),
    path("access/", WhoLooked.as_view(), name="access"),
    path("access/ask/", AskAboutLook.as_view(), name="ask_about_look"),
    path("sharing/", Sharing.as_view(), name="sharing"),
    path("sharing/relatives/", InviteRelative.as_view(), name="relative_invite"),
    path(RELATIVE, Relative.as_view(), name="relative"),
    path(f"{RELATIVE}change/", ChangeRelative.as_view(), name="relative_change"),
    path(f"{RELATIVE}close/", CloseRelative.as_view(), name="relative_close"),
    path(f"{RELATIVE}remove/", RemoveRelative.as_view(), name="relative_remove"),
    path("sharing/agreed/<uuid:pk>/", Agreed.as_view(), name="agreed"),
    path("sharing/clinicians/", InviteClinician.as_view(), name="clinician_invite"),
    path("sharing/block/", Block.as_view(), name="clinician_block"),
    path(CLINICIAN, Clinician.as_view(), name="clinician"),
    path(f"{CLINICIAN}change/", ChangeClinician.as_view(), name="clinician_change"),
    path(f"{CLINICIAN}end/", EndClinician.as_view(), name="clinician_end"),
    path(f"{CLINICIAN}unblock/", Unblock.as_view(), name="clinician_unblock"),
    path("sharing/referrals/<uuid:pk>/end/", EndReferral.as_view(), name="referral_end"),
    path("shared/", SharedWithMe.as_view(), name="shared"),
    path("shared/<uuid:pk>/leave/", Leave.as_view(), name="leave"),
    path("family/", Family.as_view(), name="family"),
    path("settings/", Settings.as_view(), name="settings"),
    path("notices/", Notices.as_view(), name="notices"),
]
