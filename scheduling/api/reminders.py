"""Reminders of medicines, and what became of each dose."""

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from clinic.api import fields
from clinic.api.idempotent import idempotent
from clinic.api.resource import Resource
from clinic.api.serializing import (
    SOME_ID,
    Nothing,
    StrictModelSerializer,
    StrictSerializer,
    question,
)
from clinic.errors import invalid
from clinic.security.permissions import Category, Permission
from patients import health
from patients.models import Medication
from scheduling.medicines import reminders, taking
from scheduling.models import MedicationReminder, ReminderLog

Status = ReminderLog.Status
READ = dict.fromkeys(("list", "retrieve"), Permission.CHART_VIEW)


class ReminderBody(StrictModelSerializer):
    """When a medicine is due. Times and days are those of the clock where the patient is; every so
    many hours counts from `first_dose` by elapsed time."""

    example = {"medication": SOME_ID, "pattern": "times", "times": ["08:00", "20:00"],
               "amount": "1 tablet", "meal": "with", "last_day": "2026-12-24"}  # fmt: skip

    patient = fields.Id(source="patient_id", read_only=True)
    medication = fields.Reference(
        rows=lambda: health.visible_to(None, Medication),
        error_messages={"missing": _("There is no such medicine.")},
    )
    times = serializers.ListField(child=fields.Clock(), required=False, max_length=50)
    days = serializers.ListField(
        child=fields.Whole(min_value=1, max_value=7), required=False, max_length=7,
        help_text=_("1 is Monday, 7 is Sunday."),
    )  # fmt: skip
    every_hours = fields.Whole(min_value=1, max_value=168, required=False, allow_null=True)
    rule = fields.Text(
        max_length=500, required=False, allow_blank=True,
        help_text=_("A recurrence rule (RFC 5545); the first of the times is when it begins."),
    )  # fmt: skip
    first_dose = fields.Moment(required=False, write_only=True)
    first_day = fields.Day(required=False)
    begins_at = fields.Moment(read_only=True)
    ends_at = fields.Moment(read_only=True, allow_null=True)
    set_by = fields.Id(source="set_by_id", read_only=True, allow_null=True)

    class Meta:
        model = MedicationReminder
        fields = (
            "id", "patient", "medication", *reminders.SAID, "first_dose", "begins_at", "ends_at",
            "set_by", "sensitivity", "confidential_kind", "version", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = ("id", "sensitivity", "confidential_kind", "version")


class ReminderChange(ReminderBody):
    """A reminder stays its medicine's."""

    example = {"times": ["07:30", "19:30"]}

    medication = fields.Id(source="medication_id", read_only=True)


class Reminders(Resource):
    """When medicines are due."""

    category = Category.MEDICATIONS
    required = READ | dict.fromkeys(
        ("create", "partial_update", "stop"), Permission.MEDICINE_REMIND
    )
    asked = {
        "list": question(
            "ReminderQuestion",
            patient=fields.Id(required=False),
            medication=fields.Id(required=False),
            in_force=fields.AskedFlag(
                required=False, help_text=_("Only those that remind now, or only the others.")
            ),
        )
    }
    bodies = {"partial_update": ReminderChange, "stop": Nothing}
    matched = frozenset({"partial_update", "stop"})
    serializer_class = ReminderBody

    def visible(self):
        asked = dict(self.question)
        if (in_force := asked.pop("in_force", None)) is not None:
            asked["ends_at__isnull"] = in_force
        return reminders.reminders(self.request.user).filter(**asked)

    @idempotent
    def create(self, request):
        """Remind of a medicine from now on."""
        return self.created(reminders.remind(by=request.user, **self.validated()))

    def partial_update(self, request, pk):
        """Remind otherwise from now on. The reminder ends, and the one that takes its place is
        answered, with an id of its own: what was due stays what was due."""
        reminder = self.get_object()
        said = self.validated()
        version = self.expected_version(reminder)
        changed = reminders.change(reminder=reminder, version=version, by=request.user, **said)
        return Response(self.shape(changed))

    @action(detail=True, methods=["post"])
    @idempotent
    def stop(self, request, pk):
        """Remind no longer; what was due stays, to be answered."""
        reminder = self.get_object()
        version = self.expected_version(reminder)
        ended = reminders.stop(reminder=reminder, version=version, by=request.user)
        return Response(self.shape(ended))


class DoseBody(StrictModelSerializer):
    """What became of one dose. One that is taken as needed was not due at any time."""

    patient = fields.Id(source="patient_id", read_only=True)
    medication = fields.Id(source="reminder.medication_id", read_only=True)
    reminder = fields.Id(source="reminder_id", read_only=True)
    answered_by = fields.Id(source="answered_by_id", read_only=True, allow_null=True)

    class Meta:
        model = ReminderLog
        fields = (
            "id", "patient", "medication", "reminder", "due_at", "status", "answered_at",
            "answered_by", "snoozed_until", "snoozes", "note", "version", "created_at",
            "updated_at",
        )  # fmt: skip
        read_only_fields = fields


class NewDose(StrictSerializer):
    """What is said of a dose before it is due (`due_at` and `status`), or, of a medicine that is
    taken as needed, that it was taken."""

    example = {"reminder": SOME_ID, "note": "Headache since this morning"}

    reminder = fields.Reference(
        rows=lambda: reminders.reminders(None),
        error_messages={"missing": _("There is no such reminder.")},
    )
    due_at = fields.Moment(required=False, help_text=_("When the next dose is due."))
    status = fields.Choice(
        choices=[(Status.TAKEN.value, Status.TAKEN.label), (Status.SKIPPED, Status.SKIPPED.label)],
        required=False,
    )
    note = fields.Text(max_length=taking.LONGEST_NOTE, required=False, allow_blank=True)


class DoseAnswer(StrictSerializer):
    """A word about it."""

    example = {"note": "With breakfast"}

    note = fields.Text(max_length=taking.LONGEST_NOTE, required=False, allow_blank=True)


class PuttingOff(StrictSerializer):
    """For how long a dose is put off."""

    example = {"minutes": 30}

    minutes = fields.Whole(min_value=taking.PUT_OFF[0], max_value=taking.PUT_OFF[1])


class ReminderLogs(Resource):
    """Doses that were due, newest first, and those that were taken as needed."""

    category = Category.MEDICATIONS
    required = READ | dict.fromkeys(
        ("create", "take", "skip", "snooze", "undo"), Permission.MEDICINE_REMIND
    )
    asked = {
        "list": question(
            "DoseQuestion",
            **{
                "patient": fields.Id(required=False),
                "reminder": fields.Id(required=False, help_text=_("Doses of one reminder.")),
                "status": fields.Choice(choices=Status.choices, required=False),
                "from": fields.Moment(required=False, help_text=_("Doses due from then on.")),
                "to": fields.Moment(required=False, help_text=_("Doses due before it.")),
            },
        )
    }
    bodies = {
        "create": NewDose, "take": DoseAnswer, "skip": DoseAnswer, "snooze": PuttingOff,
        "undo": Nothing,
    }  # fmt: skip
    matched = frozenset()
    serializer_class = DoseBody

    def visible(self):
        asked = dict(self.question)
        start, end = asked.pop("from", None), asked.pop("to", None)
        if start and end and end <= start:
            raise invalid("to", _("The end must be after the start."))
        if start:
            asked["due_at__gte"] = start
        if end:
            asked["due_at__lt"] = end
        return reminders.logs(self.request.user).filter(**asked)

    @idempotent
    def create(self, request):
        """Say that a medicine was taken as needed, or answer the next dose before its time."""
        body = self.validated()
        due_at, status = body.pop("due_at", None), body.pop("status", Status.TAKEN)
        if due_at is None:
            if status != Status.TAKEN:
                raise invalid("due_at", _("Say which dose was skipped."))
            return self.created(taking.take_as_needed(by=request.user, **body))
        note = body.pop("note", "")
        early = taking.open_early(due_at=due_at, by=request.user, **body)
        say = taking.take if status == Status.TAKEN else taking.skip
        return self.created(say(dose=early, note=note, by=request.user))

    @action(detail=True, methods=["post"])
    @idempotent
    def take(self, request, pk):
        """Say that it was taken. Said twice, the first stands."""
        return self._answered(taking.take)

    @action(detail=True, methods=["post"])
    @idempotent
    def skip(self, request, pk):
        """Say that it is left out."""
        return self._answered(taking.skip)

    @action(detail=True, methods=["post"])
    @idempotent
    def snooze(self, request, pk):
        """Put it off; it is due again then."""
        return self._answered(taking.snooze)

    @action(detail=True, methods=["post"])
    @idempotent
    def undo(self, request, pk):
        """Take back, within a quarter of an hour, what one said. Of what was taken as needed
        nothing is left: 204."""
        row = taking.undo(dose=self.get_object(), by=request.user)
        return Response(self.shape(row)) if row else Response(status=204)

    def _answered(self, verb) -> Response:
        row = self.get_object()
        return Response(self.shape(verb(dose=row, by=self.request.user, **self.validated())))
