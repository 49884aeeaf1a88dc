"""What comes back: answers by phone, and what the services report of messages.

An answer is for the newest message to its number, of those about a visit that is not confirmed yet
before others. “1” confirms the visit; “2” changes nothing and is told to the desk, and so is
whatever else somebody writes. Nothing is sent back. An answer that comes twice counts once.
"""

import re
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from clinic import notifications
from clinic.models import Channel, Facility
from clinic.security import blindindex, tenancy
from clinic.security.permissions import Permission
from clinic.templatetags.written import near_moment
from scheduling import booking
from scheduling.messages.sending import index_of
from scheduling.models import Appointment, Message

Kind, Status = Message.Kind, Message.Status
YES = frozenset({"1", "yes", "sim", "si"})  # as `sí` and `SIM.` read, too
NO = frozenset({"2", "no", "nao"})
ANSWERED_WITHIN = timedelta(days=14)
MOST = 20  # messages to one number that an answer can be for
LONGEST = 500  # characters of an answer that are kept
NUMBER = re.compile(r"\+[0-9]{6,15}")
SURFACE = "reply"  # what the trail says of it
ABOUT_A_VISIT = frozenset({Kind.BOOKED, Kind.MOVED, Kind.REMINDER})


@transaction.atomic
def answer(*, channel: Channel, number: str, text: str, reference: str) -> None:
    """Take an answer that came by a service: from which number (E.164), what, and the service's
    name for it. From a number that nothing was sent to it is nobody's, and nothing is kept."""
    facilities = _facilities()
    if not NUMBER.fullmatch(number) or not facilities:
        return
    with (
        tenancy.system(facilities[0], surface=SURFACE),
        tenancy.across_facilities(facilities, reason="an answer by phone"),
    ):
        sent = _sent_to(number, channel, facilities)
    if not sent or reference in {row.answer_reference for row in sent}:
        return
    waiting = [row for row in sent if row.answered_at is None and _is_awaited(row)]
    row = next((one for one in waiting if _is_pending(one)), None) or next(iter(waiting), sent[0])
    with tenancy.system(row.facility_id, surface=SURFACE):
        _take(row, text, reference, asked=row in waiting)


def _facilities() -> list[Facility]:
    with tenancy.platform():
        return list(Facility.objects.filter(is_active=True).order_by("pk"))


def _sent_to(number: str, channel: Channel, facilities: list[Facility]) -> list[Message]:
    """What went to the number lately, the newest first, under lock: an answer that is delivered
    twice at the same moment is seen once."""
    rows = Message.objects.filter(
        address_index__in=[index_of(number, facility.pk) for facility in facilities],
        channel=channel,
        status__in=[Status.SENT, Status.SENDING],
        claimed_at__gt=timezone.now() - ANSWERED_WITHIN,
    ).select_related("appointment")
    return list(rows.select_for_update(of=("self",)).order_by("-claimed_at", "-pk")[:MOST])


def _take(row: Message, text: str, reference: str, *, asked: bool) -> None:
    said = " ".join(blindindex.words(text))
    if asked and said in YES:
        if _is_pending(row):
            confirmed = Appointment.Status.CONFIRMED
            booking.change_status(appointment=row.appointment, to=confirmed, by=None)
    elif asked and said in NO:
        _tell_the_desk(
            row, _("“No” to a visit"), _("By phone: the visit on %(when)s does not suit."), ""
        )
    else:
        _tell_the_desk(row, _("An answer to a message"), _("By phone: “%(said)s”"), text)
    row.answer_reference = reference
    if asked:
        row.answered_at = timezone.now()
    row.save(update_fields=["answer_reference", "answered_at"])


def _tell_the_desk(row: Message, title, words, text: str) -> None:
    visit = row.appointment
    facility = Facility.objects.get(pk=row.facility_id)
    with translation.override(facility.language):
        when = near_moment(visit.start_datetime.astimezone(facility.zone)) if visit else ""
    notifications.notify(
        notifications.holders_of(Permission.FAMILY_MANAGE),
        notifications.Kind.VISIT,
        title=title,
        text=words,
        values={"when": when, "said": text[:LONGEST]},
        link=reverse("admin:visit", args=[visit.pk]) if visit else reverse("admin:day"),
        patient_id=row.patient_id,
    )


def _is_awaited(row: Message) -> bool:
    visit = row.appointment
    if visit is None or row.kind not in ABOUT_A_VISIT or visit.start_datetime <= timezone.now():
        return False
    return visit.status in {Appointment.Status.PENDING, Appointment.Status.CONFIRMED}


def _is_pending(row: Message) -> bool:
    return row.appointment.status == Appointment.Status.PENDING


@transaction.atomic
def report(
    *, facility_id: UUID, message_id: UUID, reference: str, failure: str = "", number: str = ""
) -> None:
    """Note what the service says of a message: it has it, or could not deliver it. What was lost
    with a worker is sent by that; `number` is the one by which it knows the person."""
    with tenancy.system(facility_id, surface=SURFACE):
        rows = Message.objects.select_for_update().filter(
            pk=message_id, status__in=[Status.SENDING, Status.SENT]
        )
        row = rows.first()
        if row is None:
            return
        if NUMBER.fullmatch(number):
            row.address_index = index_of(number, row.facility_id)
        row.reference = row.reference or reference
        row.sent_at = row.sent_at or timezone.now()
        row.status = Status.FAILED if failure else Status.SENT
        row.failure = failure
        row.save()
