"""When the clinic or a specialist does not receive: holidays and leave."""

from rest_framework.response import Response

from clinic.api import fields
from clinic.api.idempotent import idempotent
from clinic.api.resource import Resource
from clinic.api.serializing import SOME_ID, StrictModelSerializer, question
from clinic.security.permissions import Permission
from scheduling import closures
from scheduling.api.appointments import specialist_reference
from scheduling.models import Holiday, Leave

MANAGED = {
    **dict.fromkeys(("list", "retrieve"), Permission.CALENDAR_VIEW),
    **dict.fromkeys(("create", "destroy"), Permission.AVAILABILITY_MANAGE),
}


class HolidayBody(StrictModelSerializer):
    """A date on which the whole clinic is closed, but for hours set for that very date."""

    example = {"date": "2026-12-25", "name": "Christmas"}

    class Meta:
        model = Holiday
        fields = ("id", "date", "name", "version")
        read_only_fields = ("id", "version")


class Holidays(Resource):
    """Holidays of the clinic."""

    required = MANAGED
    matched = frozenset()
    serializer_class = HolidayBody
    ordering = ("date", "id")
    noted = False

    def visible(self):
        return closures.holidays()

    @idempotent
    def create(self, request):
        """Close the clinic on a date; visits that are booked stay."""
        body = self.validated()
        return self.created(
            closures.keep_holiday(on=body["date"], name=body["name"], by=request.user)
        )

    def destroy(self, request, pk):
        """Receive on that date again."""
        closures.drop_holiday(holiday=self.get_object(), by=request.user)
        return Response(status=204)


class LeaveBody(StrictModelSerializer):
    """Days on which a specialist is away, the last one included."""

    example = {"specialist": SOME_ID, "first_day": "2026-12-21", "last_day": "2027-01-03"}

    specialist = specialist_reference()

    class Meta:
        model = Leave
        fields = ("id", "specialist", "first_day", "last_day", "version")
        read_only_fields = ("id", "version")


class Leaves(Resource):
    """Leave of specialists."""

    required = MANAGED
    matched = frozenset()
    asked = {"list": question("LeaveQuestion", specialist=fields.Id(required=False))}
    serializer_class = LeaveBody
    ordering = ("first_day", "id")
    noted = False

    def visible(self):
        return closures.leaves().filter(**self.question)

    @idempotent
    def create(self, request):
        """Let a specialist be away; visits that are booked stay."""
        return self.created(closures.take_leave(by=request.user, **self.validated()))

    def destroy(self, request, pk):
        """Take a leave back."""
        closures.end_leave(leave=self.get_object(), by=request.user)
        return Response(status=204)
