"""Today at the clinic: the staff's first page."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clinic.security.permissions import Permission
from compliance import breakglass, review
from patients import questions
from patients.admin import FindForm
from records import documents
from records.admin import watching
from records.models import Document
from scheduling import calendar
from scheduling.admin.day import note_seen
from scheduling.models import Appointment

REQUIRED = Permission.CALENDAR_VIEW
MOST_DOCUMENTS, MOST_ALERTS = 10, 2
Status = Appointment.Status


def today(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the first page shows, as far as the person may see it. The visits shown are noted."""
    day = timezone.localdate()
    visits = list(calendar.day(request.user, day))
    note_seen(visits)
    reading, unread = _documents(request)
    return context | {
        "today": day,
        "find_form": FindForm(),
        "figures": _figures(request, visits, reading),
        "visits": visits,
        "documents": reading,
        "alerts": _alerts(request, visits, unread)[:MOST_ALERTS],
    }


def _documents(request: HttpRequest) -> tuple[list[Document], int]:
    """What is being read now, and how many could not be read."""
    if not request.actor.may(Permission.DOCUMENT_VIEW):
        return [], 0
    rows = documents.visible_to(request.user)
    reading = list(rows.unfinished().select_related("patient").order_by("-id")[:MOST_DOCUMENTS])
    watching.note(reading)
    return reading, rows.filter(processing_status=Document.Processing.ERROR).count()


def _figures(request: HttpRequest, visits: list[Appointment], reading: list[Document]):
    standing = [visit for visit in visits if visit.status != Status.CANCELED]
    done = sum(visit.status == Status.COMPLETED for visit in standing)
    left = sum(visit.start_datetime > timezone.now() for visit in standing)
    day = ("day", _("Show the day"))
    figures = [
        _figure(_("Visits today"), len(standing), _("%(count)d done") % {"count": done}, day),
        _figure(_("Still to come"), left, _("From now on"), day),
    ]
    if request.actor.may(Permission.DOCUMENT_VIEW):
        shown = ("documents", _("Show documents"))
        figures.append(_figure(_("Being read"), len(reading), _("Documents"), shown))
    return figures


def _figure(label: str, value: int, note: str, link: tuple[str, str]) -> dict[str, Any]:
    name, text = link
    return {
        "label": label, "value": value, "note": note, "tone": "",
        "href": reverse(f"admin:{name}"), "link_text": text,
    }  # fmt: skip


def _alerts(request: HttpRequest, visits: list[Appointment], unread: int) -> list[dict[str, Any]]:
    alerts = _emergencies(request) if request.actor.may(Permission.EMERGENCY_REVIEW) else []
    if unread:
        title = ngettext(
            "%(count)d document could not be read", "%(count)d documents could not be read", unread
        )
        alerts.append(
            _alert(title % {"count": unread}, _("Open it to see why, or have it read again."),
                   _("Show documents"), "documents")
        )  # fmt: skip
    if pending := sum(visit.status == Status.PENDING for visit in visits):
        title = ngettext(
            "%(count)d visit of today is not confirmed",
            "%(count)d visits of today are not confirmed",
            pending,
        )
        alerts.append(
            _alert(title % {"count": pending}, _("Call the patient, then confirm the visit."),
                   _("Show the day"), "day")
        )  # fmt: skip
    if request.actor.may(Permission.LOOK_ANSWER):
        alerts += _questions(request)
    if request.actor.may(Permission.TRAIL_VIEW):
        alerts += _from_trail()
    return alerts


def _emergencies(request: HttpRequest) -> list[dict[str, Any]]:
    """Emergency accesses that wait for a review."""
    waiting = breakglass.visible_to(request.user).to_review()
    count, late = waiting.count(), waiting.late().count()
    title = ngettext(
        "%(count)d emergency access waits for a review",
        "%(count)d emergency accesses wait for a review",
        count,
    )
    body = _("Some are late.") if late else _("Each is reviewed within 24 hours.")
    shown = _alert(title % {"count": count}, body, _("Show them"), "emergencies")
    return [shown | ({"tone": "danger"} if late else {})] if count else []


def _questions(request: HttpRequest) -> list[dict[str, Any]]:
    """What patients ask about looks, and nobody has answered."""
    count = questions.waiting(request.user).count()
    title = ngettext(
        "%(count)d patient asks who looked", "%(count)d patients ask who looked", count
    )
    body = _("Answer in plain words: the patient reads it in the portal.")
    shown = _alert(title % {"count": count}, body, _("Show the questions"), "questions")
    return [shown] if count else []


def _from_trail() -> list[dict[str, Any]]:
    day = timezone.localdate()
    count = review.totals(review.entries(review.Search(start=day, end=day)))["review"]
    title = ngettext(
        "%(count)d entry of the trail should be looked at",
        "%(count)d entries of the trail should be looked at",
        count,
    )
    body = _("Emergency access, broken seals and unusual reading stand out there.")
    href = f"{reverse('admin:trail')}?action={review.TO_REVIEW}"
    shown = _alert(title % {"count": count}, body, _("Show the trail"), "trail") | {"link": href}
    return [shown] if count else []


def _alert(title: str, body: str, link_text: str, name: str) -> dict[str, Any]:
    return {
        "title": title, "body": body, "tone": "warn", "link": reverse(f"admin:{name}"),
        "link_text": link_text,
    }  # fmt: skip
