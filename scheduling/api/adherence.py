"""How much of what was due was taken."""

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.response import Response

from clinic.api import fields
from clinic.api.resource import Resource
from clinic.api.serializing import StrictSerializer, answer, question
from clinic.security import trail
from clinic.security.permissions import Category, Permission
from patients.api.nested import patient_reference
from scheduling.medicines import adherence
from scheduling.medicines.adherence import Day, Figures
from scheduling.medicines.journeys import clock_of
from scheduling.models import ReminderLog

USUAL = timedelta(days=29)  # four weeks and two days: a month as one reads it


def ratio() -> fields.Number:
    return fields.Number(max_digits=5, decimal_places=4, allow_null=True)


class DayBody(StrictSerializer):
    """What became of the doses of one date."""

    date = fields.Day()
    taken = fields.Whole()
    skipped = fields.Whole()
    missed = fields.Whole()
    waiting = fields.Whole(help_text=_("Not answered yet; counted in no figure."))


class FiguresBody(StrictSerializer):
    """Of one medicine, or of all (`medication` is null)."""

    medication = fields.Id(allow_null=True)
    taken = fields.Whole()
    skipped = fields.Whole()
    missed = fields.Whole()
    share = ratio()
    days_due = fields.Whole(help_text=_("Days on which a dose was due, and is over."))
    days_all = fields.Whole(help_text=_("Those of them on which each dose was taken."))
    days_share = ratio()
    as_needed = fields.Whole(help_text=_("Taken as needed; counted in no share."))
    days = DayBody(many=True)


AdherenceBody = answer(
    "AdherenceBody",
    **{
        "patient": fields.Id(),
        "from": fields.Day(),
        "to": fields.Day(),
        "overall": FiguresBody(),
        "medications": FiguresBody(many=True),
    },
)


class Adherence(Resource):
    """Figures of a patient's medicines: `share` of the doses that were due and are over, and
    `days_share` of the days on which all were taken."""

    category = Category.MEDICATIONS
    required = {"retrieve": Permission.CHART_VIEW}
    asked = {
        "retrieve": question(
            "AdherenceQuestion",
            **{
                "patient": patient_reference(),
                "from": fields.Day(required=False, help_text=_("30 days, where none is given.")),
                "to": fields.Day(required=False, help_text=_("Today, where it is not given.")),
            },
        )
    }
    answers = {"retrieve": AdherenceBody}

    def retrieve(self, request):
        """The figures from one date to another, both included; at most a year."""
        patient = self.question["patient"]
        last = self.question.get("to") or clock_of(patient.pk).shown(timezone.now()).date()
        first = self.question.get("from") or last - USUAL
        found = adherence.of(patient=patient, first=first, last=last, by=request.user)
        trail.read(ReminderLog._meta.label_lower, [(patient.pk, patient.pk)], how="adherence")
        return Response(
            {
                "patient": patient.pk,
                "from": first,
                "to": last,
                "overall": figures_shape(found.overall),
                "medications": [figures_shape(one) for one in found.by_medicine],
            }
        )


def figures_shape(figures: Figures) -> dict:
    return {
        "medication": figures.medication.pk if figures.medication else None,
        "taken": figures.taken,
        "skipped": figures.skipped,
        "missed": figures.missed,
        "share": rounded(figures.share),
        "days_due": figures.days_due,
        "days_all": figures.days_all,
        "days_share": rounded(figures.days_share),
        "as_needed": figures.as_needed,
        "days": [day_shape(day) for day in figures.days if day.due],
    }


def day_shape(day: Day) -> dict:
    return {
        "date": day.date,
        "taken": day.taken,
        "skipped": day.skipped,
        "missed": day.missed,
        "waiting": day.waiting,
    }


def rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)
