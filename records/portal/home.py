"""What matters now: the next visit, what is to be done, what is new."""

from dataclasses import dataclass
from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from clinic import notifications, staffing
from clinic.security import trail
from clinic.security.permissions import Category, Permission
from clinic.templatetags.written import (
    clock,
    long_moment,
    near_moment,
    recent_moment,
    short_date,
)
from patients.models import Patient
from patients.portal import PersonPage
from records import charting, documents
from records.models import Document
from scheduling import calendar, waiting
from scheduling.models import Appointment

NEW = timedelta(days=30)
MOST_ROWS = 5  # of a kind
NOON, EVENING = 12, 18


@dataclass(frozen=True)
class Row:
    """A line of a list: see templates/cr/list_row.html."""

    icon: str
    title: str
    href: str
    sub: str = ""
    badge: str = ""
    tone: str = ""


class Home(PersonPage):
    """The first page, for the person shown."""

    permission = Permission.PATIENT_VIEW
    shows = (Category.APPOINTMENTS, Category.RECORDS, Category.DOCUMENTS)

    def get(self, request: HttpRequest) -> HttpResponse:
        trail.read(Patient._meta.label_lower, [(self.patient.pk, self.patient.pk)])
        now = timezone.localtime()
        return self.page(
            "portal/home.html",
            {
                "today": now.date(),
                "part_of_day": part_of_day(now.hour),
                "next_appointment": self.next_visit(),
                "todo": [*self.to_answer(), *self.to_protect(), *self.to_add_again()],
                "news": [
                    *self.notices(),
                    *self.visits_that_fell_out(),
                    *self.new_notes(),
                    *self.new_documents(),
                ],
            },
        )

    def shares(self, category: Category) -> bool:
        return category in self.portal.may

    def next_visit(self) -> Appointment | None:
        if not self.shares(Category.APPOINTMENTS):
            return None
        return calendar.visits(self.request.user).filter(patient=self.patient).upcoming().first()

    def to_answer(self) -> list[Row]:
        """Times that are kept for the person, and visits that wait for her word."""
        if not self.shares(Category.APPOINTMENTS) or not self.portal.shown.acts:
            return []
        offers = waiting.offers(self.request.user).filter(patient=self.patient).open()
        asked = calendar.visits(self.request.user).filter(patient=self.patient).upcoming()
        return [
            Row(
                icon="clock",
                title=_("A time is free for you"),
                sub=near_moment(timezone.localtime(offer.start_datetime)),
                href=reverse("portal:waiting_offer", args=[offer.pk]),
                badge=_("Until %(time)s") % {"time": clock(timezone.localtime(offer.expires_at))},
                tone="warn",
            )
            for offer in offers[:MOST_ROWS]
        ] + [
            Row(
                icon="calendar-check",
                title=_("Will you come?"),
                sub=near_moment(timezone.localtime(visit.start_datetime)),
                href=reverse("portal:visit", args=[visit.pk]),
            )
            for visit in asked.filter(status=Appointment.Status.PENDING)[:MOST_ROWS]
        ]

    def to_protect(self) -> list[Row]:
        if not self.portal.shown.is_self or staffing.has_second_factor(self.request.user):
            return []
        return [
            Row(
                icon="shield-check",
                title=_("Protect your account"),
                sub=_("Add a second step at sign-in. It takes 2 minutes."),
                href=reverse("mfa_index"),
            )
        ]

    def to_add_again(self) -> list[Row]:
        """Documents that this person added and that could not be read."""
        broken = self.documents().filter(
            processing_status=Document.Processing.ERROR, uploaded_by=self.request.user
        )
        return [
            Row(
                icon="file-text",
                title=_("Add a document again"),
                sub=document.original_filename,
                href=reverse("portal:document", args=[document.pk]),
                badge=_("Not read"),
                tone="warn",
            )
            for document in broken[:MOST_ROWS]
        ]

    def notices(self) -> list[Row]:
        """Those that the account has not read, whoever's record is shown."""
        return [
            Row(
                icon="bell",
                title=notice.title,
                sub=recent_moment(timezone.localtime(notice.created_at)),
                href=f"{reverse('portal:notices')}#notice-{notice.pk}",
                badge=_("New"),
                tone="info",
            )
            for notice in notifications.of(self.request.user).unread()[:MOST_ROWS]
        ]

    def visits_that_fell_out(self) -> list[Row]:
        if not self.shares(Category.APPOINTMENTS):
            return []
        rows = calendar.visits(self.request.user).filter(
            patient=self.patient,
            status=Appointment.Status.CANCELED,
            start_datetime__gt=timezone.now(),
            updated_at__gt=timezone.now() - NEW,
        )
        return [
            Row(
                icon="calendar-days",
                title=_("A visit was canceled"),
                sub=long_moment(timezone.localtime(visit.start_datetime)),
                href=reverse("portal:visit", args=[visit.pk]),
            )
            for visit in rows.order_by("-updated_at")[:MOST_ROWS]
        ]

    def new_notes(self) -> list[Row]:
        """Notes of visits. What stands in them is for the page itself, not for a list of news."""
        if not self.shares(Category.RECORDS):
            return []
        rows = charting.visible_to(self.request.user).filter(
            patient=self.patient, updated_at__gt=timezone.now() - NEW
        )
        return [
            Row(
                icon="clipboard-list",
                title=_("Note of your visit on %(date)s")
                % {"date": short_date(timezone.localtime(record.visit_date))},
                sub=_("Written by %(name)s") % {"name": record.author.get_full_name()},
                href=f"{reverse('portal:record')}#record-{record.pk}",
                badge=_("New"),
                tone="info",
            )
            for record in rows.order_by("-visit_date")[:MOST_ROWS]
        ]

    def new_documents(self) -> list[Row]:
        rows = self.documents().filter(created_at__gt=timezone.now() - NEW)
        rows = rows.exclude(uploaded_by=self.request.user).order_by("-created_at")
        return [
            Row(
                icon="file-text",
                title=document.get_document_type_display(),
                sub=_("%(name)s, added on %(date)s")
                % {
                    "name": document.original_filename,
                    "date": short_date(timezone.localtime(document.created_at)),
                },
                href=reverse("portal:document", args=[document.pk]),
                badge=_("New"),
                tone="info",
            )
            for document in rows[:MOST_ROWS]
        ]

    def documents(self):
        rows = documents.visible_to(self.request.user).filter(patient=self.patient)
        return rows if self.shares(Category.DOCUMENTS) else rows.none()


def part_of_day(hour: int) -> str:
    if hour < NOON:
        return "morning"
    return "afternoon" if hour < EVENING else "evening"
