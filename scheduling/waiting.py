"""The waiting list: who waits, what is offered to whom, and what becomes of it.

A free time goes to the first who fits, with a time to answer; then to the next. Each offer keeps
its time (`Hold`), so that nobody is offered what she cannot take.
"""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.errors import Conflict, Missing, invalid
from clinic.models import Specialist, User
from clinic.security import tenancy
from clinic.security.permissions import Category, Permission
from patients import access, proxy
from patients.models import Patient
from scheduling import booking, calendar, freed, holds, messages
from scheduling.availability import LONGEST_RANGE, Slot
from scheduling.messages.quiet import Quiet
from scheduling.models import (
    Appointment,
    AppointmentType,
    WaitlistEntry,
    WaitlistOffer,
    WaitlistSpecialist,
)
from scheduling.placing import require_bookable
from scheduling.refusals import GroupFull, NotOffered, SlotTaken

Status, Answer = WaitlistEntry.Status, WaitlistOffer.Status
TO_ANSWER = timedelta(hours=2)
SHORTEST = timedelta(minutes=15)  # to answer where the visit is near
LONGEST = timedelta(days=365)


class WaitsAlready(Conflict):
    """The patient waits for this kind of visit already."""


class OfferEnded(Conflict):
    """The time to answer is over, or it was answered."""


def entries(user: User) -> QuerySet[WaitlistEntry]:
    """Who waits, as far as the person sees their calendars."""
    rows = access.visible(WaitlistEntry.objects.all(), user, category=Category.APPOINTMENTS)
    return rows.select_related("appointment_type", "patient").prefetch_related("specialists")


def offers(user: User) -> QuerySet[WaitlistOffer]:
    """What was offered to whom, as far as the person sees their calendars."""
    rows = access.visible(WaitlistOffer.objects.all(), user, category=Category.APPOINTMENTS)
    return rows.select_related("entry__appointment_type", "specialist__user", "patient")


@transaction.atomic
def join(
    *,
    patient: Patient,
    appointment_type: AppointmentType,
    specialists: Iterable[Specialist | UUID] = (),
    days: Iterable[int] = range(1, 8),
    from_time: time | None = None,
    until_time: time | None = None,
    first_day: date | None = None,
    last_day: date | None = None,
    by: User,
) -> WaitlistEntry:
    """Let a patient wait for a kind of visit, with any of the specialists (none named: anybody), by
    object or id, within wall-clock times of the clinic. Raises `Invalid` naming the field, `Denied`
    (a relative who does not act for her) and `WaitsAlready`."""
    tenancy.current().require(Permission.APPOINTMENT_BOOK)
    access.require_reach(patient, Category.APPOINTMENTS, by)
    proxy.require(patient.pk, by=by)
    require_bookable(appointment_type.bookable_by, is_self=patient.user_id == by.pk)
    wanted = {getattr(one, "pk", one) for one in specialists}
    known = list(calendar.specialists().filter(pk__in=wanted))
    if len(known) != len(wanted):
        raise invalid("specialists", _("There is no such specialist."))
    today = timezone.now().astimezone(calendar.zone()).date()
    first_day = first_day or today
    last_day = last_day or first_day + timedelta(days=60)
    wished = set(days)
    _check(wished, from_time, until_time, today, first_day, last_day)
    entry = WaitlistEntry(
        facility_id=patient.facility_id, patient=patient, appointment_type=appointment_type,
        days=sorted(wished), from_time=from_time, until_time=until_time, first_day=first_day,
        last_day=last_day, asked_by=by,
    )  # fmt: skip
    try:
        with transaction.atomic():
            entry.save(force_insert=True)
    except IntegrityError as error:
        raise WaitsAlready(_("The patient waits for this kind of visit already.")) from error
    WaitlistSpecialist.objects.bulk_create(
        WaitlistSpecialist(facility_id=entry.facility_id, entry=entry, specialist=one)
        for one in known
    )
    freed.tell()  # what she waits for can be free already
    return entry


@transaction.atomic
def withdraw(*, entry: WaitlistEntry, by: User) -> WaitlistEntry:
    """Wait no longer; what was offered is free again."""
    row = entries(by).select_for_update(of=("self",)).filter(pk=entry.pk).first()
    tenancy.current().require(Permission.APPOINTMENT_BOOK)
    if row is None:
        raise Missing(_("Nobody waits here."))
    proxy.require(row.patient_id, by=by)
    if row.status != Status.WAITING:
        raise OfferEnded(_("The patient does not wait any more."))
    for offer in row.offers.filter(status=Answer.OPEN).select_for_update():
        _close(offer, Answer.DECLINED)
    row.status = Status.WITHDRAWN
    row.save()
    freed.tell()
    return row


@transaction.atomic
def accept(*, offer: WaitlistOffer, by: User) -> Appointment:
    """Take the time that was offered: it is booked, confirmed, and the patient waits no longer.
    Raises `OfferEnded`, and what `booking.book` raises."""
    row = _answerable(offer, by)
    visit = booking.book(
        patient=row.patient_id, specialist=row.specialist_id,
        appointment_type=row.entry.appointment_type_id, start=row.start_datetime, hold=row.hold_id,
        by=by,
    )  # fmt: skip
    if visit.status == Appointment.Status.PENDING:  # she has just said that she comes
        confirmed = Appointment.Status.CONFIRMED
        visit = booking.change_status(appointment=visit, to=confirmed, by=by)
    row.status, row.answered_at, row.appointment = Answer.ACCEPTED, timezone.now(), visit
    row.hold = None
    row.save()
    row.entry.status = Status.BOOKED
    row.entry.save()
    return visit


@transaction.atomic
def decline(*, offer: WaitlistOffer, by: User) -> WaitlistOffer:
    """Leave the time to the next; the patient goes on waiting."""
    row = _answerable(offer, by)
    _close(row, Answer.DECLINED)
    freed.tell()
    return row


def ahead_of(entry: WaitlistEntry) -> int:
    """How many wait for the same kind of visit and came before. Who they are is not told."""
    with tenancy.whole_facility():
        waiting = WaitlistEntry.objects.filter(
            facility_id=entry.facility_id, appointment_type=entry.appointment_type_id,
            created_at__lt=entry.created_at,
        )  # fmt: skip
        return waiting.waiting().count()


@transaction.atomic
def lapse() -> int:
    """End the offers of the facility that nobody answered in time, and the waits whose last day is
    over. A task of the system; answers how many ended."""
    ended = 0
    late = WaitlistOffer.objects.filter(
        facility_id=tenancy.current().facility_id, status=Answer.OPEN,
        expires_at__lte=timezone.now(),
    )  # fmt: skip
    for offer in late.select_for_update(skip_locked=True):
        _close(offer, Answer.LAPSED)
        ended += 1
    today = timezone.now().astimezone(calendar.zone()).date()
    over = WaitlistEntry.objects.filter(
        facility_id=tenancy.current().facility_id, status=Status.WAITING, last_day__lt=today
    )
    for entry in over.select_for_update(skip_locked=True):
        entry.status = Status.ENDED
        entry.save()
        ended += 1
    return ended


def go_round() -> None:
    """End what was not answered, then offer what is free; but nothing in the clinic's quiet hours,
    when nobody is told of it before the time to answer is over. A task of the system."""
    lapse()
    holds.sweep()
    with transaction.atomic():
        clinic = calendar.facility()
    if not Quiet(clinic.quiet_from, clinic.quiet_until, clinic.zone).holds(timezone.now()):
        advance()


def advance() -> list[WaitlistOffer]:
    """Offer what is free to those who wait, in the order in which they came. A task of the system,
    run when a time becomes free and every some minutes besides; each offer stands by itself, so
    that it may be ended at any point and run again."""
    waiting = WaitlistEntry.objects.filter(facility_id=tenancy.current().facility_id).waiting()
    busy = WaitlistOffer.objects.filter(status=Answer.OPEN).values("entry_id")
    with transaction.atomic():
        entries = list(waiting.exclude(pk__in=busy))
    found, free = [], FreeTimes()
    for entry in entries:
        with transaction.atomic():
            if offered := offer_to(entry, free):
                found.append(offered)
    return found


class FreeTimes:
    """What is free while a round lasts, of each kind read once for all who wait for it, and less by
    each time that was offered. What else was taken meanwhile is refused when it is to be kept."""

    def __init__(self):
        self.now = timezone.now()
        self.known: dict[tuple, dict[UUID, list[Slot]]] = {}

    def of(self, kind: AppointmentType, first_day: date) -> dict[UUID, list[Slot]]:
        """By specialist, from the day on. Whoever is offered a time may still book it herself when
        she answers, so it is not so near that she could not."""
        soonest = self.now + timedelta(hours=kind.notice_hours) + SHORTEST
        start = max(soonest, datetime.combine(first_day, time(), calendar.zone()))
        end = min(self.now + timedelta(days=kind.horizon_days), start + LONGEST_RANGE)
        if end <= start or not kind.is_active:
            return {}
        if (kind.pk, start) not in self.known:
            self.known[kind.pk, start] = calendar.free_by_specialist(
                specialists=calendar.specialists(), appointment_type=kind, start=start, end=end
            )
        return self.known[kind.pk, start]

    def leave_out(self, specialist: UUID, taken: Slot) -> None:
        """A time was kept: nobody else is offered it, nor what overlaps it."""
        for found in self.known.values():
            found[specialist] = [
                slot for slot in found.get(specialist, ()) if not slot.overlaps(taken)
            ]


def offer_to(entry: WaitlistEntry, free: FreeTimes) -> WaitlistOffer | None:
    """Offer the first free time that fits to one who waits, or None where there is none."""
    locked = WaitlistEntry.objects.select_for_update(skip_locked=True)
    row = locked.filter(pk=entry.pk, status=Status.WAITING).first()
    if row is None or row.offers.filter(status=Answer.OPEN).exists():
        return None
    told = set(row.offers.values_list("specialist_id", "start_datetime"))
    for pk, slot in _fitting(row, free):
        if (pk, slot.start) in told:
            continue
        try:
            hold = holds.keep(
                patient=row.patient_id, specialist=pk, appointment_type=row.appointment_type_id,
                start=slot.start,
                minutes=_minutes_to_answer(slot.start, row.appointment_type), by=None,
            )  # fmt: skip
        except (SlotTaken, NotOffered, GroupFull):
            continue
        made = WaitlistOffer.objects.create(
            facility_id=row.facility_id, patient_id=row.patient_id, entry=row, specialist_id=pk,
            start_datetime=hold.start_datetime, end_datetime=hold.end_datetime, hold=hold,
            expires_at=hold.expires_at,
        )  # fmt: skip
        messages.offered(made)
        if slot.left == 1:
            free.leave_out(pk, slot)
        return made
    return None


def _fitting(entry: WaitlistEntry, free: FreeTimes) -> list[tuple[UUID, Slot]]:
    """The free times that one who waits could take, the first leading."""
    zone, found = calendar.zone(), free.of(entry.appointment_type, entry.first_day)
    wished = set(entry.wished.values_list("specialist_id", flat=True)) or found.keys()
    own = Appointment.objects.filter(patient=entry.patient_id).upcoming()
    busy = list(own.values_list("start_datetime", "end_datetime"))
    fitting = [
        (slot.start, str(pk), pk, slot)
        for pk in wished & found.keys()
        for slot in found[pk]
        if _fits(entry, slot, zone)
        and not any(slot.start < ends and begins < slot.end for begins, ends in busy)
    ]
    return [(pk, slot) for _start, _name, pk, slot in sorted(fitting, key=lambda one: one[:2])]


def _fits(entry: WaitlistEntry, slot: Slot, zone) -> bool:
    """Whether a time lies on the days and within the hours for which one waits."""
    begins, ends = slot.start.astimezone(zone), slot.end.astimezone(zone)
    if begins.isoweekday() not in entry.days:
        return False
    if not entry.first_day <= begins.date() <= entry.last_day:
        return False
    if entry.from_time and begins.time() < entry.from_time:
        return False
    return not entry.until_time or (
        ends.date() == begins.date() and ends.time() <= entry.until_time
    )


def _minutes_to_answer(start: datetime, kind: AppointmentType) -> int:
    """Two hours, or half of what is left where the last moment to book the visit is near."""
    left = (start - timedelta(hours=kind.notice_hours) - timezone.now()) / 2
    return int(max(SHORTEST, min(TO_ANSWER, left)).total_seconds() // 60)


def _answerable(offer: WaitlistOffer, by: User) -> WaitlistOffer:
    tenancy.current().require(Permission.APPOINTMENT_BOOK)
    row = offers(by).select_for_update(of=("self",)).filter(pk=offer.pk).first()
    if row is None:
        raise Missing(_("There is no such offer."))
    proxy.require(row.patient_id, by=by)
    if row.status != Answer.OPEN or row.expires_at <= timezone.now():
        raise OfferEnded(_("This time is no longer kept for you."))
    return row


def _close(offer: WaitlistOffer, status: Answer) -> None:
    """End an offer; its time is free again."""
    offer.status, offer.answered_at = status, timezone.now()
    held, offer.hold = offer.hold, None
    offer.save()
    if held:
        held.delete()


def _check(
    days: set[int], from_time, until_time, today: date, first_day: date, last_day: date
) -> None:
    wrong: dict[str, Any] = {}
    if not days or days - set(range(1, 8)):
        wrong["days"] = _("Days are 1 (Monday) to 7 (Sunday).")
    if from_time and until_time and until_time <= from_time:
        wrong["until_time"] = _("The end must be after the start.")
    if first_day < today:
        wrong["first_day"] = _("Choose a day to come.")
    if last_day < first_day:
        wrong["last_day"] = _("The last day cannot be before the first.")
    elif last_day - today > LONGEST:
        wrong["last_day"] = _("One waits for at most a year.")
    for name, message in wrong.items():
        raise invalid(name, message)
