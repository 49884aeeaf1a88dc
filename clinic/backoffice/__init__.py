"""What every page of the staff's site stands on.

place        which clinic a request works in, its clocks, and the frame around each view
page         a page of ours, which states the permission it needs
model_admin  the tenant-safe ModelAdmin: reads through the visible door, writes through verbs
"""

from clinic.backoffice.model_admin import TenantAdmin, VersionedForm
from clinic.backoffice.page import FormPage, Page
from clinic.backoffice.place import facilities_of, facility_of, placed

__all__ = [
    "FormPage",
    "Page",
    "TenantAdmin",
    "VersionedForm",
    "facilities_of",
    "facility_of",
    "placed",
]
