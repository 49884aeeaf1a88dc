"""Calendars that specialists keep elsewhere."""

from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from clinic.api import fields
from clinic.api.idempotent import idempotent
from clinic.api.resource import Resource
from clinic.api.serializing import SOME_ID, Nothing, StrictSerializer, question
from clinic.errors import TooLarge
from clinic.security.permissions import Permission
from scheduling.api.appointments import specialist_reference
from scheduling.ics import busy
from scheduling.ics.reading import MOST_BYTES
from scheduling.models import BusyCalendar

FORM_BYTES = 64 * 1024  # what a form may weigh beside its file


class CalendarParser(MultiPartParser):
    """A form with a calendar, refused by its length before it is read."""

    def parse(self, stream, media_type=None, parser_context=None):
        meta = parser_context["request"].META
        if int(meta.get("CONTENT_LENGTH") or 0) > MOST_BYTES + FORM_BYTES:
            raise TooLarge(BusyCalendar.Failure.TOO_LARGE.label)
        return super().parse(stream, media_type, parser_context)


class BusyBody(StrictSerializer):
    """A calendar whose busy times are taken: from an address, which is read again each 15 minutes,
    or from a file. `failure` says why it could not be read; the times read before stay."""

    example = {"specialist": SOME_ID, "name": "Hospital", "url": "https://example.org/mine.ics"}

    id = fields.Id(read_only=True)
    specialist = specialist_reference()
    name = fields.Text(max_length=100)
    url = fields.Text(max_length=2000, required=False, write_only=True)
    file = serializers.FileField(required=False, write_only=True, allow_empty_file=True)
    is_read_again = fields.Flag(read_only=True, source="url")
    fetched_at = fields.Moment(read_only=True)
    failed_at = fields.Moment(read_only=True, allow_null=True)
    failure = fields.Choice(choices=BusyCalendar.Failure.choices, read_only=True, allow_blank=True)
    version = fields.Whole(read_only=True)

    class Meta:
        model = BusyCalendar


class BusyCalendars(Resource):
    """Calendars kept elsewhere of the specialists whose hours the person sets."""

    required = dict.fromkeys(
        ("list", "retrieve", "create", "refresh", "destroy"), Permission.AVAILABILITY_MANAGE
    )
    matched = frozenset()
    asked = {"list": question("BusyQuestion", specialist=fields.Id(required=False))}
    bodies = {"refresh": Nothing}
    serializer_class = BusyBody
    noted = False

    def get_parsers(self):
        parsers = super().get_parsers()
        if getattr(self, "action_map", {}).get("post") == "create":
            parsers.append(CalendarParser())
        return parsers

    def visible(self):
        return busy.calendars().filter(**self.question)

    @idempotent
    def create(self, request):
        """Take the busy times of a calendar. No request goes to a private network."""
        body = self.validated()
        file = body.pop("file", None)
        content = file.read() if file else None
        return self.created(busy.add_calendar(file=content, by=request.user, **body))

    @action(detail=True, methods=["post"])
    @idempotent
    def refresh(self, request, pk):
        """Read an address again now."""
        self.validated()
        return Response(self.shape(busy.refresh(calendar=self.get_object(), by=request.user)))

    def destroy(self, request, pk):
        """Forget a calendar, and free the times that it took."""
        busy.remove(calendar=self.get_object(), by=request.user)
        return Response(status=204)
