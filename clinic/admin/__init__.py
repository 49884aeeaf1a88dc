"""The clinic itself: its details, its people and their roles, its specialists."""

from clinic.admin import specialists  # noqa: F401  registers its ModelAdmin
from clinic.admin.facility import ChooseFacility, FacilityAccess, FacilityDetails
from clinic.admin.invitations import InvitationPage, InvitePage
from clinic.admin.notices import NoticesPage
from clinic.admin.people import PersonPage, RolesPage

pages = [
    ("clinic/", FacilityDetails, "facility"),
    ("clinic/access/", FacilityAccess, "facility_access"),
    ("clinic/choose/", ChooseFacility, "choose_facility"),
    ("people/", RolesPage, "roles"),
    ("people/invite/", InvitePage, "invite"),
    ("people/invite/<uuid:pk>/", InvitationPage, "invitation"),
    ("people/<uuid:pk>/", PersonPage, "person"),
    ("notices/", NoticesPage, "notices"),
]
