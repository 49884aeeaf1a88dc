"""Messages about visits: what went out, what is to, and what did not arrive."""

from rest_framework.decorators import action
from rest_framework.response import Response

from clinic.api import fields
from clinic.api.resource import Resource
from clinic.api.serializing import Nothing, StrictSerializer, question
from clinic.models import Channel
from clinic.security.permissions import Category, Permission
from scheduling.messages import overseeing
from scheduling.models import Message


class AppointmentMessageBody(StrictSerializer):
    """A message about a visit or an offered time, by one way to one person. What it says and where
    it went are not told."""

    id = fields.Id(read_only=True)
    patient = fields.Id(source="patient_id", read_only=True)
    appointment = fields.Id(source="appointment_id", read_only=True, allow_null=True)
    offer = fields.Id(source="offer_id", read_only=True, allow_null=True)
    kind = fields.Choice(choices=Message.Kind.choices, read_only=True)
    channel = fields.Choice(choices=Channel.choices, read_only=True)
    status = fields.Choice(choices=Message.Status.choices, read_only=True)
    failure = fields.Choice(choices=Message.Failure.choices, allow_blank=True, read_only=True)
    due_at = fields.Moment(read_only=True)
    expires_at = fields.Moment(read_only=True)
    sent_at = fields.Moment(read_only=True, allow_null=True)
    answered_at = fields.Moment(read_only=True, allow_null=True)


class AppointmentMessages(Resource):
    """The messages about visits of the patients whose calendars the person sees."""

    model = Message
    category = Category.APPOINTMENTS
    required = {
        "list": Permission.CALENDAR_VIEW,
        "retrieve": Permission.CALENDAR_VIEW,
        "again": Permission.APPOINTMENT_BOOK,
        "done": Permission.APPOINTMENT_BOOK,
    }
    asked = {
        "list": question(
            "AppointmentMessageQuestion",
            patient=fields.Id(required=False),
            status=fields.Choice(choices=Message.Status.choices, required=False),
        )
    }
    bodies = {"again": Nothing, "done": Nothing}
    matched = frozenset()
    serializer_class = AppointmentMessageBody
    ordering = ("-due_at", "-id")

    def visible(self):
        rows = overseeing.messages(self.request.user)
        return rows.filter(**self.question) if self.action == "list" else rows

    @action(detail=True, methods=["post"])
    def again(self, request, pk):
        """Send one that failed once more."""
        message = self.get_object()
        self.validated()
        return Response(self.shape(overseeing.try_again(message=message, by=request.user)))

    @action(detail=True, methods=["post"])
    def done(self, request, pk):
        """Say that somebody called instead: one that failed is needed no longer."""
        message = self.get_object()
        self.validated()
        return Response(self.shape(overseeing.done_by_phone(message=message, by=request.user)))
