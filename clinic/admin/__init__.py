"""The clinic itself: its details, its people and their roles, its specialists."""

from clinic.admin import specialists  # noqa: F401  registers its ModelAdmin
from clinic.admin.facility import ChooseFacility, FacilityDetails
from clinic.admin.people import InvitePage, PersonPage, RolesPage

pages = [
    ("clinic/", FacilityDetails, "facility"),
    ("clinic/choose/", ChooseFacility, "choose_facility"),
    ("people/", RolesPage, "roles"),
    ("people/invite/", InvitePage, "invite"),
    ("people/<uuid:pk>/", PersonPage, "person"),
]
