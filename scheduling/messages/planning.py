"""What is to be sent to whom, and when: from the calendar as it stands to rows of `Message`.

All of it follows from the database alone. What a visit has to tell stands on its row (`news`), and
so does when its next reminder is planned (`remind_at`): a day before its time, so that one that
would come in quiet hours can come before them. Both are taken away in the transaction that writes
the messages, so a run that was missed loses nothing, and one that comes twice finds nothing.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from clinic.models import Channel
from clinic.security import tenancy
from clinic.security.permissions import Category, Sensitivity
from patients.models import Patient
from scheduling.messages import people
from scheduling.messages.people import Person
from scheduling.models import Appointment, Message, ReminderLog, WaitlistOffer

log = logging.getLogger(__name__)
Kind, Status, News = Message.Kind, Message.Status, Appointment.News
GONE = (Status.SENDING, Status.SENT)
AWAITED = (Appointment.Status.PENDING, Appointment.Status.CONFIRMED)
AHEAD = timedelta(hours=24)  # longer than quiet hours last
BEFORE_QUIET = timedelta(minutes=15)
DOSE_IS_NEWS_FOR = timedelta(hours=2)
MOST_AT_ONCE = 500  # visits of one run


def plan() -> int:
    """Write the messages that visits of the facility acted in have to send by now; answers how many
    visits it saw to. Each is a transaction of its own, and one that fails holds no other up."""
    now = timezone.now()
    here = Appointment.objects.filter(facility_id=tenancy.current().facility_id)
    with transaction.atomic():
        told = list(here.exclude(news="").values_list("pk", flat=True)[:MOST_AT_ONCE])
    seen = _each(told, plan_news)
    with transaction.atomic():
        due = here.filter(remind_at__lte=now, news="").order_by("remind_at")
        reminded = list(due.values_list("pk", flat=True)[:MOST_AT_ONCE])
    return seen + _each(reminded, plan_reminders)


def _each(ids: list[UUID], verb: Callable[[UUID], bool]) -> int:
    done = 0
    for pk in ids:
        try:
            done += verb(pk)
        except Exception:  # whatever it is: the others have a right to theirs
            log.exception("No message could be planned for visit %s.", pk)
    return done


@transaction.atomic
def plan_news(visit_id: UUID) -> bool:
    """Tell what became of a visit: of several of one series with the same news, once, of the first.
    What waits to be sent of it is no longer true, and dropped."""
    visit = _locked(visit_id).exclude(news="").first()
    if visit is None:
        return False
    group = [visit]
    if visit.series:
        rows = _rows().filter(series=visit.series, patient=visit.patient_id, news=visit.news)
        group = list(rows.order_by("start_datetime"))
    now, first = timezone.now(), group[0]
    kind = _kind_of_news(first)
    Message.objects.filter(appointment__in=group, status=Status.WAITING).update(
        status=Status.DROPPED
    )
    if first.start_datetime > now:
        write(
            kind, f"visit:{first.pk}:{kind}:{first.version}",
            people.told(first.patient, Category.APPOINTMENTS),
            wanted=now, expires=first.start_datetime, appointment=first,
        )  # fmt: skip
    hours = first.patient.facility.reminder_hours
    for one in group:
        at = next_reminder(one.start_datetime, hours, now) if one.status in AWAITED else None
        Appointment.objects.filter(pk=one.pk).update(news="", remind_at=at)
    return True


def _kind_of_news(visit: Appointment) -> Kind:
    """What is told of a visit. One that was moved before anybody was told of it was booked: of a
    move nobody would know from where."""
    told = Message.objects.filter(appointment=visit, kind=Kind.BOOKED)
    untold = told.filter(status=Status.WAITING).exists()
    if visit.news == News.MOVED and untold and not told.filter(status__in=GONE).exists():
        return Kind.BOOKED
    return Kind(visit.news)


@transaction.atomic
def plan_reminders(visit_id: UUID) -> bool:
    """Write the reminders of a visit whose time is less than a day away, and note when to look at
    the next."""
    now = timezone.now()
    visit = _locked(visit_id).filter(news="", remind_at__lte=now).first()
    if visit is None:
        return False
    hours, at = visit.patient.facility.reminder_hours, None
    if visit.status in AWAITED:
        told = people.told(visit.patient, Category.APPOINTMENTS)
        for before in reminders_to_plan(visit.start_datetime, hours, visit.remind_at, now):
            write(
                Kind.REMINDER,
                f"visit:{visit.pk}:reminder:{before}:{stamp(visit.start_datetime)}",
                told, wanted=max(visit.start_datetime - timedelta(hours=before), now),
                expires=visit.start_datetime, appointment=visit,
            )  # fmt: skip
        at = next_reminder(visit.start_datetime, hours, now + AHEAD)
    Appointment.objects.filter(pk=visit.pk).update(remind_at=at)
    return True


def next_reminder(start: datetime, hours: Iterable[int], since: datetime) -> datetime | None:
    """When the next reminder of a visit is planned, of those whose time is after `since`; None
    where there is none. Hours are elapsed time: a reminder two hours before is that over a clock
    change, too."""
    start = start.astimezone(UTC)  # arithmetic within a zone would be its clock's
    times = [start - timedelta(hours=before) for before in hours]
    return min((at - AHEAD for at in times if at > since), default=None)


def reminders_to_plan(
    start: datetime, hours: Iterable[int], since: datetime, now: datetime
) -> list[int]:
    """The hours before `start` of those reminders that were to be planned from `since` to `now`.
    Of several whose time is over by now only the last is news."""
    start = start.astimezone(UTC)
    due = sorted(
        (before for before in hours if since <= start - timedelta(hours=before) - AHEAD <= now),
        reverse=True,
    )
    over = [before for before in due if start - timedelta(hours=before) <= now]
    return [before for before in due if before not in over[:-1]]


@transaction.atomic
def offered(offer: WaitlistOffer) -> int:
    """Tell who waits that a time is free, within the transaction that offers it; answers how many
    messages there are. An offer that ends before her quiet hours do comes to the portal only."""
    patient = Patient.objects.select_related("facility", "user").get(pk=offer.patient_id)
    return write(
        Kind.OFFERED, f"offer:{offer.pk}", people.told(patient, Category.APPOINTMENTS),
        wanted=timezone.now(), expires=offer.expires_at, offer=offer,
    )  # fmt: skip


@transaction.atomic
def plan_dose(dose: ReminderLog) -> int:
    """Tell that a medicine is due, at its time or when it was put off to; to whom the medicine is
    open, and who has an account. Answers how many messages there are."""
    at = dose.snoozed_until or dose.due_at
    if at is None or not dose.reminder.sends_messages:
        return 0
    patient = Patient.objects.select_related("facility", "user").get(pk=dose.patient_id)
    told = [person for person in people.told(patient, *needed_for(dose)) if person.user]
    return write(
        Kind.MEDICINE, f"dose:{dose.pk}:{stamp(at)}", told,
        wanted=at, expires=at + DOSE_IS_NEWS_FOR, dose=dose,
    )  # fmt: skip


def needed_for(dose: ReminderLog) -> tuple[Category, ...]:
    """What has to be open to whoever is told of a dose: medicines, and the kind that it is kept
    as. What is restricted needs a grant, and whoever is told has one."""
    if dose.sensitivity == Sensitivity.CONFIDENTIAL and dose.confidential_kind:
        return (Category.MEDICATIONS, Category(dose.confidential_kind))
    return (Category.MEDICATIONS,)


def write(
    kind: Kind, key: str, told: list[Person], *, wanted: datetime, expires: datetime, **about
) -> int:
    """A row for each person and way. One that was there already stays as it is, unless it was
    dropped unsent: a visit that moves back to where it was is reminded of again."""
    (subject,) = about.values()
    rows = [
        Message(
            facility_id=subject.facility_id, patient_id=subject.patient_id, kind=kind,
            channel=channel, key=f"{key}:{channel}:{person.key}", user=person.user,
            due_at=due or wanted, expires_at=expires,
            status=Status.WAITING if due else Status.DROPPED, **about,
        )
        for person in told
        for channel in person.ways()
        for due in [due_at(person, channel, kind, wanted, expires)]
    ]  # fmt: skip
    if not rows and not any(person.ways() for person in told):
        rows = [_to_nobody(kind, key, wanted, expires, about)]
    again = Q(key__in=[row.key for row in rows], status=Status.DROPPED, failure="")
    dropped = {row.key: row for row in Message.objects.filter(again)}
    Message.objects.bulk_create(
        [row for row in rows if row.key not in dropped], ignore_conflicts=True
    )
    for row in rows:
        if old := dropped.get(row.key):
            Message.objects.filter(pk=old.pk).update(status=row.status, due_at=row.due_at)
    return len(rows)


def due_at(
    person: Person, channel: str, kind: Kind, wanted: datetime, expires: datetime
) -> datetime | None:
    """When a message goes out: when it is wanted, or when her quiet hours are over. A reminder that
    would be no news by then comes before they begin. None where neither can be.

    What is written in the portal makes no sound, so it waits for nothing. A dose has its time: it
    heeds the quiet hours that she set herself, and not the clinic's.
    """
    if channel == Channel.PORTAL:
        return wanted
    quiet = person.quiet(own_only=kind == Kind.MEDICINE)
    later = quiet.over(wanted)
    if later == wanted:
        return wanted
    if kind == Kind.MEDICINE:
        return None
    if later < expires:
        return later
    earlier = quiet.before(wanted) - BEFORE_QUIET
    is_reminder = kind == Kind.REMINDER
    return earlier if is_reminder and earlier > timezone.now() else None


def stamp(moment: datetime) -> int:
    """An instant in a key, the same by whichever clock it is written."""
    return int(moment.timestamp())


def _to_nobody(kind: Kind, key: str, wanted: datetime, expires: datetime, about: dict) -> Message:
    """What the clinic sees where there is no way to anybody."""
    (subject,) = about.values()
    return Message(
        facility_id=subject.facility_id, patient_id=subject.patient_id, kind=kind,
        channel=Channel.EMAIL, key=f"{key}:nobody", due_at=wanted, expires_at=expires,
        status=Status.DROPPED, failure=Message.Failure.NO_ADDRESS, **about,
    )  # fmt: skip


def _rows():
    rows = Appointment.objects.filter(facility_id=tenancy.current().facility_id)
    return rows.select_related("patient__facility", "patient__user").select_for_update(
        of=("self",), skip_locked=True
    )


def _locked(visit_id: UUID):
    """The visit under lock; none where another run has it."""
    return _rows().filter(pk=visit_id)
