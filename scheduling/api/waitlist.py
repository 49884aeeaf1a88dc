"""The waiting list: who waits, and what is offered to whom."""

from dataclasses import replace

from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from clinic.api import fields
from clinic.api.idempotent import idempotent
from clinic.api.resource import Resource
from clinic.api.serializing import SOME_ID, Nothing, StrictSerializer, question
from clinic.security.permissions import Category, Permission
from patients import access
from patients.api.nested import patient_reference
from patients.models import Patient
from scheduling import waiting
from scheduling.api.appointments import AppointmentBody, type_reference
from scheduling.api.shapes import appointment_shapes
from scheduling.models import Appointment, WaitlistEntry, WaitlistOffer


def patients_with_visits():
    rows = Patient.objects.all()
    return access.visible(rows, None, category=Category.APPOINTMENTS, column="pk")


class OfferBody(StrictSerializer):
    """A free time that is kept for one who waits until `expires_at`."""

    id = fields.Id(read_only=True)
    entry = fields.Id(source="entry_id", read_only=True)
    patient = fields.Id(source="patient_id", read_only=True)
    specialist = fields.Id(source="specialist_id", read_only=True)
    appointment_type = fields.Id(source="entry.appointment_type_id", read_only=True)
    start_datetime = fields.Moment(read_only=True)
    end_datetime = fields.Moment(read_only=True)
    status = fields.Choice(choices=WaitlistOffer.Status.choices, read_only=True)
    expires_at = fields.Moment(read_only=True)
    answered_at = fields.Moment(read_only=True, allow_null=True)
    appointment = fields.Id(source="appointment_id", read_only=True, allow_null=True)
    version = fields.Whole(read_only=True)


class Weekdays(serializers.ListField):
    """Days of the week, 1 (Monday) to 7, each once."""

    def __init__(self, **kwargs):
        child = fields.Whole(min_value=1, max_value=7)
        super().__init__(child=child, min_length=1, max_length=7, **kwargs)

    def to_internal_value(self, data):
        if not isinstance(data, list):
            self.fail("not_a_list", input_type=type(data).__name__)
        return sorted(set(super().to_internal_value(data)))


class WaitlistEntryBody(StrictSerializer):
    """One who waits for a kind of visit: with any of the specialists (none: anybody), on some days
    of the week (1 is Monday), within hours of the clinic's clock, from one day to another."""

    example = {"patient": SOME_ID, "appointment_type": SOME_ID, "days": [1, 3],
               "from_time": "14:00"}  # fmt: skip

    id = fields.Id(read_only=True)
    patient = patient_reference(rows=patients_with_visits)
    appointment_type = type_reference()
    specialists = fields.Ids(required=False)
    days = Weekdays(required=False)
    from_time = fields.Clock(required=False, allow_null=True)
    until_time = fields.Clock(required=False, allow_null=True)
    first_day = fields.Day(required=False)
    last_day = fields.Day(required=False)
    status = fields.Choice(choices=WaitlistEntry.Status.choices, read_only=True)
    offers = OfferBody(many=True, read_only=True)
    version = fields.Whole(read_only=True)
    created_at = fields.Moment(read_only=True)


class Waitlist(Resource):
    """Who waits, as far as their calendars are seen."""

    model = WaitlistEntry
    category = Category.APPOINTMENTS
    required = {
        "list": Permission.CALENDAR_VIEW,
        "retrieve": Permission.CALENDAR_VIEW,
        "create": Permission.APPOINTMENT_BOOK,
        "destroy": Permission.APPOINTMENT_BOOK,
    }
    asked = {
        "list": question(
            "WaitlistQuestion",
            patient=fields.Id(required=False),
            appointment_type=fields.Id(required=False),
            status=fields.Choice(choices=WaitlistEntry.Status.choices, required=False),
        )
    }
    matched = frozenset()
    serializer_class = WaitlistEntryBody
    ordering = ("created_at", "id")

    def visible(self):
        rows = waiting.entries(self.request.user).prefetch_related("offers__entry")
        return rows.filter(**self.question) if self.action == "list" else rows

    @idempotent
    def create(self, request):
        """Wait for a kind of visit; a patient waits once for each."""
        return self.created(waiting.join(by=request.user, **self.validated()))

    def destroy(self, request, pk):
        """Wait no longer; what was offered is free again."""
        waiting.withdraw(entry=self.get_object(), by=request.user)
        return Response(status=204)


class WaitlistOffers(Resource):
    """What was offered to those who wait."""

    model = WaitlistOffer
    category = Category.APPOINTMENTS
    required = {
        "list": Permission.CALENDAR_VIEW,
        "retrieve": Permission.CALENDAR_VIEW,
        "accept": Permission.APPOINTMENT_BOOK,
        "decline": Permission.APPOINTMENT_BOOK,
    }
    asked = {
        "list": question(
            "WaitlistOfferQuestion",
            patient=fields.Id(required=False),
            status=fields.Choice(choices=WaitlistOffer.Status.choices, required=False),
        )
    }
    bodies = {"accept": Nothing, "decline": Nothing}
    answers = {"accept": {201: AppointmentBody}}
    matched = frozenset()
    serializer_class = OfferBody
    ordering = ("-created_at", "-id")

    def visible(self):
        rows = waiting.offers(self.request.user)
        return rows.filter(**self.question) if self.action == "list" else rows

    @action(detail=True, methods=["post"])
    @idempotent
    def accept(self, request, pk):
        """Take the time that was offered: the visit is booked, and the patient waits no longer."""
        offer = self.get_object()
        self.validated()
        visit = waiting.accept(offer=offer, by=request.user)
        return Response(appointment_shapes([visit])[0], status=201)

    @action(detail=True, methods=["post"])
    @idempotent
    def decline(self, request, pk):
        """Leave the time to the next; the patient goes on waiting."""
        offer = self.get_object()
        self.validated()
        return Response(self.shape(waiting.decline(offer=offer, by=request.user)))

    def about(self, answer):
        told = super().about(answer)
        if self.action == "accept":
            return replace(told, resource=Appointment._meta.label_lower)
        return told
