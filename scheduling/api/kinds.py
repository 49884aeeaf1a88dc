"""What the clinic offers, and where: kinds of visits and rooms."""

from rest_framework.response import Response

from clinic.api import fields
from clinic.api.idempotent import idempotent
from clinic.api.resource import Resource
from clinic.api.serializing import StrictModelSerializer
from clinic.security import tenancy
from clinic.security.permissions import Permission
from scheduling import kinds
from scheduling.models import AppointmentType, Booker, Room

MANAGED = {
    **dict.fromkeys(("list", "retrieve"), Permission.CALENDAR_VIEW),
    **dict.fromkeys(("create", "partial_update"), Permission.AVAILABILITY_MANAGE),
}


class AppointmentTypeBody(StrictModelSerializer):
    """A kind of visit: its length and buffers in minutes, who books it and when, and where it is.
    `preparation` is a text for each language."""

    example = {"name": "Check-up", "minutes": 30, "bookable_by": ["staff", "patient"]}

    bookable_by = fields.Names(choices=Booker.choices, required=False)
    preparation = fields.Details(required=False)

    class Meta:
        model = AppointmentType
        fields = ("id", *kinds.DETAILS, "version")
        read_only_fields = ("id", "version")


class AppointmentTypes(Resource):
    """Kinds of visits."""

    required = MANAGED
    serializer_class = AppointmentTypeBody
    noted = False

    def visible(self):
        return AppointmentType.objects.filter(
            facility_id=tenancy.current().facility_id, is_active=True
        )

    @idempotent
    def create(self, request):
        """Offer a kind of visit."""
        return self.created(kinds.offer(by=request.user, **self.validated()))

    def partial_update(self, request, pk):
        """Change a kind of visit; booked visits stand."""
        kind = self.get_object()
        body, version = self.validated(), self.expected_version(kind)
        return Response(
            self.shape(kinds.correct(kind=kind, version=version, by=request.user, **body))
        )


class RoomBody(StrictModelSerializer):
    """A room; two visits never share it at a time."""

    example = {"name": "Room 1"}

    class Meta:
        model = Room
        fields = ("id", *kinds.ROOM_DETAILS, "version")
        read_only_fields = ("id", "version")


class Rooms(Resource):
    """Rooms of the clinic."""

    required = MANAGED
    serializer_class = RoomBody
    noted = False

    def visible(self):
        return Room.objects.filter(facility_id=tenancy.current().facility_id)

    @idempotent
    def create(self, request):
        """Add a room."""
        return self.created(kinds.add_room(by=request.user, **self.validated()))

    def partial_update(self, request, pk):
        """Rename a room, or use it no more; booked visits stand."""
        room = self.get_object()
        body, version = self.validated(), self.expected_version(room)
        return Response(
            self.shape(kinds.correct_room(room=room, version=version, by=request.user, **body))
        )
