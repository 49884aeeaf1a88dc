"""Times that are kept for a patient for some minutes."""

from rest_framework.response import Response

from clinic.api import fields
from clinic.api.idempotent import idempotent
from clinic.api.resource import Resource
from clinic.api.serializing import SOME_ID, StrictSerializer
from clinic.security.permissions import Category, Permission
from scheduling import holds
from scheduling.models import Hold


class HoldBody(StrictSerializer):
    """A time that is kept for a patient until `expires_at`; book it with `hold`."""

    example = {"patient": SOME_ID, "specialist": SOME_ID, "appointment_type": SOME_ID,
               "start_datetime": "2026-11-24T10:00:00-05:00"}  # fmt: skip

    id = fields.Id(read_only=True)
    patient = fields.Id(source="patient_id")
    specialist = fields.Id(source="specialist_id")
    appointment_type = fields.Id(source="appointment_type_id")
    room = fields.Id(source="room_id", required=False, allow_null=True)
    start_datetime = fields.Moment()
    end_datetime = fields.Moment(read_only=True)
    expires_at = fields.Moment(read_only=True)


class Holds(Resource):
    """What the person keeps now."""

    model = Hold
    category = Category.APPOINTMENTS
    required = dict.fromkeys(("list", "retrieve", "create", "destroy"), Permission.APPOINTMENT_BOOK)
    matched = frozenset()
    serializer_class = HoldBody

    def visible(self):
        return holds.of_person(self.request.user).in_force()

    @idempotent
    def create(self, request):
        """Keep a time for ten minutes, while a form is filled in."""
        body = self.validated()
        return self.created(
            holds.keep(
                patient=body["patient_id"],
                specialist=body["specialist_id"],
                appointment_type=body["appointment_type_id"],
                start=body["start_datetime"],
                room=body.get("room_id"),
                by=request.user,
            )
        )

    def destroy(self, request, pk):
        """Give a time up that was kept."""
        holds.release(hold=self.get_object(), by=request.user)
        return Response(status=204)
