"""The facility, and those who can be booked in it."""

from clinic import staffing
from clinic.api import fields
from clinic.api.resource import Resource
from clinic.api.serializing import StrictModelSerializer
from clinic.models import Facility, Specialist
from clinic.security import tenancy
from clinic.security.permissions import Permission


class FacilityBody(StrictModelSerializer):
    """A facility."""

    settings = fields.Details(read_only=True)

    class Meta:
        model = Facility
        fields = (
            "id", "slug", "name", "npi", "tax_id", "facility_type", "timezone", "language", "phone",
            "address_line1", "city", "state", "zip_code", "settings", "is_active",
        )  # fmt: skip
        read_only_fields = fields


class Facilities(Resource):
    """The facilities in which one holds a role; their `slug` is what `X-Facility` names."""

    required = dict.fromkeys(("list", "retrieve"), Permission.FACILITY_VIEW)
    serializer_class = FacilityBody
    noted = False

    def visible(self):
        held = [facility.pk for facility in staffing.facilities_of(self.request.user)]
        return Facility.objects.filter(pk__in=held)


class SpecialistBody(StrictModelSerializer):
    """A person who can be booked."""

    user = fields.Id(source="user_id", read_only=True)
    name = fields.Text(source="display_name", read_only=True)

    class Meta:
        model = Specialist
        fields = (
            "id", "user", "name", "specialty", "professional_license", "license_authority", "bio",
            "room", "is_active", "version",
        )  # fmt: skip
        read_only_fields = fields


class Specialists(Resource):
    """Those who can be booked in the facility."""

    required = dict.fromkeys(("list", "retrieve"), Permission.CALENDAR_VIEW)
    serializer_class = SpecialistBody
    noted = False

    def visible(self):
        rows = Specialist.objects.filter(facility_id=tenancy.current().facility_id)
        return rows.filter(is_active=True).select_related("user")
