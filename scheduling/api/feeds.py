"""Calendars at private addresses: one's own, for calendar programs."""

from rest_framework.response import Response

from clinic.api import fields
from clinic.api.resource import Resource
from clinic.api.serializing import StrictSerializer, ready
from clinic.security.permissions import Category, Permission
from patients import access
from patients.api.nested import patient_reference
from patients.models import Patient
from scheduling.ics import feeds
from scheduling.models import CalendarFeed


def patients_with_visits():
    wanted = Category.APPOINTMENTS
    return access.visible(Patient.objects.all(), None, category=wanted, column="pk")


class FeedBody(StrictSerializer):
    """A calendar: a specialist's own visits, those of one patient, or of the whole family."""

    example = {"scope": "family"}

    id = fields.Id(read_only=True)
    scope = fields.Choice(choices=CalendarFeed.Scope.choices)
    patient = patient_reference(rows=patients_with_visits, required=False, allow_null=True)
    created_at = fields.Moment(read_only=True)
    last_read_at = fields.Moment(read_only=True, allow_null=True)

    class Meta:
        model = CalendarFeed


class NewFeedBody(FeedBody):
    """The address is told here, once; whoever has it reads the calendar."""

    address = fields.Text(read_only=True)


class CalendarFeeds(Resource):
    """The addresses in force that the person opened."""

    category = Category.APPOINTMENTS
    required = dict.fromkeys(("list", "retrieve", "create", "destroy"), Permission.CALENDAR_VIEW)
    matched = frozenset()
    answers = {"create": NewFeedBody}
    serializer_class = FeedBody
    noted = False

    def visible(self):
        return feeds.of_person(self.request.user)

    def create(self, request):
        """Open a calendar at a new address. An `Idempotency-Key` is not looked at, because the
        answer would have to be kept, and with it the address."""
        body = self.validated()
        feed, address = feeds.open_feed(
            scope=body["scope"], patient=body.get("patient"), by=request.user
        )
        answer = ready(FeedBody).to_representation(feed) | {"address": address}
        where = f"{request.path}{feed.pk}/"
        return Response(answer, status=201, headers={"Location": where})

    def destroy(self, request, pk):
        """End an address at once."""
        feeds.close(feed=self.get_object(), by=request.user)
        return Response(status=204)
