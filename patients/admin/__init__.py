"""Finding, registering and reading patients, and who sees them.

`FindPage` and `ChartPage` show what patients knows; the apps above extend them with theirs, and the
topmost is the one that has the address.
"""

from patients.admin.access import AccessPage
from patients.admin.chart import ChartPage
from patients.admin.family import EndGuardianPage, FamilyPage, GuardianPage
from patients.admin.find import FindForm, FindPage
from patients.admin.identity import PatientAdmin
from patients.admin.minors import MinorsPage
from patients.admin.questions import AnswerPage, QuestionsPage
from patients.admin.relationships import (
    EndRelationshipPage,
    InvitePatientPage,
    RelationshipsPage,
)
from patients.admin.treating import ConfidePage, EndReferralPage, JoinPage, LeavePage, ReferPage

__all__ = ["ChartPage", "FindForm", "FindPage", "PatientAdmin"]

pages = [
    ("chart/<uuid:pk>/access/", AccessPage, "patient_access"),
    ("chart/<uuid:pk>/access/join/", JoinPage, "patient_join"),
    ("chart/<uuid:pk>/access/leave/<uuid:user_id>/", LeavePage, "patient_leave"),
    ("chart/<uuid:pk>/access/refer/", ReferPage, "patient_refer"),
    ("chart/<uuid:pk>/access/referral/<uuid:user_id>/", EndReferralPage, "patient_referral"),
    ("chart/<uuid:pk>/access/confide/", ConfidePage, "patient_confide"),
    ("chart/<uuid:pk>/family/", FamilyPage, "patient_family"),
    ("chart/<uuid:pk>/family/guardian/", GuardianPage, "patient_guardian"),
    ("chart/<uuid:pk>/family/<uuid:guardian_id>/end/", EndGuardianPage, "patient_guardian_end"),
    ("relationships/", RelationshipsPage, "relationships"),
    ("relationships/invite/", InvitePatientPage, "invite_patient"),
    ("relationships/<uuid:pk>/end/", EndRelationshipPage, "relationship_end"),
    ("questions/", QuestionsPage, "questions"),
    ("questions/<uuid:pk>/", AnswerPage, "question"),
    ("clinic/minors/", MinorsPage, "minors"),
]
