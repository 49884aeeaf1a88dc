"""Handing messages over, each once, however often a worker dies over it.

A message is claimed first: its words and its address are settled, it is `sending`, and that is
committed. Then it is handed over, then it is `sent`. A worker that dies in between leaves it
`sending`; after `MESSAGE_LOST_AFTER` another takes it up and asks the service whether it has it
before handing it over again. Of text messages the service's own list tells that; of WhatsApp what
it posts to us; a letter goes again under the name that it had, by which mail programs know it. What
is written in the portal is written in the transaction that says so.
"""

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from clinic import notifications
from clinic.channels import Unreached, Unsure, Unwanted, email, is_set_up, sms, whatsapp
from clinic.models import Channel
from clinic.security import blindindex, tenancy
from clinic.security.permissions import Category
from scheduling.ics import invite
from scheduling.messages import people, planning, words
from scheduling.messages.people import Person
from scheduling.messages.words import BY_PHONE, Said
from scheduling.models import Appointment, Message, ReminderLog, WaitlistOffer

log = logging.getLogger(__name__)
Kind, Status, Failure = Message.Kind, Message.Status, Message.Failure
MOST_AT_ONCE = 500
A_RUN = 20.0  # seconds after which a run leaves the rest to the next
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=15)
CLOCKS_DIFFER = timedelta(minutes=2)  # the service's and ours
STATES_COME_LATE = 5  # times as long is waited for what WhatsApp posts


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message as it goes out."""

    message: Message
    person: Person
    said: Said


def send() -> int:
    """Hand over what is due in the facility acted in, and take up what a dead worker left; answers
    how many messages it saw to. What it does not get to within its time the next run does."""
    ends, seen = time.monotonic() + A_RUN, 0
    for ids, verb in ((lost(), take_up), (due(), deliver)):
        for pk in ids:
            if time.monotonic() > ends:
                return seen
            verb(pk)
            seen += 1
    return seen


@transaction.atomic
def due() -> list[UUID]:
    rows = _here().filter(status=Status.WAITING, due_at__lte=timezone.now())
    return list(rows.order_by("due_at").values_list("pk", flat=True)[:MOST_AT_ONCE])


@transaction.atomic
def lost() -> list[UUID]:
    """What was claimed so long ago that whoever did is dead."""
    limit, now = settings.MESSAGE_LOST_AFTER, timezone.now()
    late = Q(claimed_at__lte=now - limit) & ~Q(channel=Channel.WHATSAPP)
    late |= Q(claimed_at__lte=now - STATES_COME_LATE * limit)
    rows = _here().filter(late, status=Status.SENDING, due_at__lte=now)
    return list(rows.order_by("due_at").values_list("pk", flat=True)[:MOST_AT_ONCE])


def deliver(message_id: UUID) -> None:
    """Send one message that is due, if it is still news."""
    if parcel := _claim(message_id):
        _hand_over(parcel)


def take_up(message_id: UUID) -> None:
    """Go on with a message whose worker died: find out whether the service has it, and hand it over
    again only where it has not."""
    row = _claim_again(message_id)
    if row is None:
        return
    try:
        reference = _asked(row)
    except (Unreached, Unsure, Unwanted) as silent:
        log.warning("Message %s: the service could not be asked (%s).", row.pk, silent)
        if row.expires_at <= timezone.now():
            _fail(row, Failure.UNREACHABLE)
        return
    if reference:
        _settle(row, reference)
    elif parcel := _prepared(row.pk):
        _hand_over(parcel)


@transaction.atomic
def _claim(message_id: UUID) -> Parcel | None:
    now = timezone.now()
    row = _locked(message_id).filter(status=Status.WAITING, due_at__lte=now).first()
    return _prepare(row, now) if row else None


@transaction.atomic
def _claim_again(message_id: UUID) -> Message | None:
    """The message, as long as nobody else has taken it up meanwhile."""
    now = timezone.now()
    rows = _locked(message_id).filter(status=Status.SENDING)
    row = rows.filter(claimed_at__lte=now - settings.MESSAGE_LOST_AFTER).first()
    if row is not None:
        row.claimed_at, row.attempts = now, row.attempts + 1
        row.save(update_fields=["claimed_at", "attempts"])
    return row


@transaction.atomic
def _prepared(message_id: UUID) -> Parcel | None:
    row = _locked(message_id).filter(status=Status.SENDING).first()
    return _prepare(row, timezone.now()) if row else None


def _prepare(row: Message, now: datetime) -> Parcel | None:
    """Settle what goes out and where to; None where nothing does, or where it is out by that."""
    person = _reader(row)
    if person is None or not is_news(row, now):
        return _end(row, Status.DROPPED)
    if not _is_allowed(row, person, now):
        return None
    row.language, row.address = person.language, person.address(Channel(row.channel))
    said = words.of(row, person)
    row.text = said.text
    if row.channel == Channel.PORTAL:
        return _write_in_portal(row, person, said)
    if not is_set_up(Channel(row.channel)):
        return _end(row, Status.FAILED, Failure.NOT_SET_UP)
    if not row.address:
        return _end(row, Status.FAILED, Failure.NO_ADDRESS)
    if row.channel in BY_PHONE:
        row.address_index = index_of(row.address, row.facility_id)
    row.status, row.claimed_at, row.attempts = Status.SENDING, now, row.attempts + 1
    row.save()
    return Parcel(row, person, said)


def is_news(row: Message, now: datetime) -> bool:
    """Whether what it says holds, and is not over."""
    if row.expires_at <= now:
        return False
    if visit := row.appointment:
        if row.kind == Kind.CANCELED:
            return visit.status == Appointment.Status.CANCELED
        stands = visit.status in planning.AWAITED and visit.arrived_at is None
        return stands and visit.start_datetime == row.expires_at
    if row.offer:
        return row.offer.status == WaitlistOffer.Status.OPEN
    dose = row.dose
    open_ones = {ReminderLog.Status.DUE, ReminderLog.Status.SNOOZED}
    at = dose.snoozed_until or dose.due_at
    return dose.status in open_ones and row.expires_at == at + planning.DOSE_IS_NEWS_FOR


def index_of(number: str, facility_id: UUID) -> bytes:
    """What a number that answers is found by, in one facility."""
    return blindindex.token("reply", number, facility_id=facility_id)


def _reader(row: Message) -> Person | None:
    """Whoever it is for, as long as she is told of such things and allows that way."""
    needed = planning.needed_for(row.dose) if row.dose else (Category.APPOINTMENTS,)
    person = people.one(row.patient, row.user, *needed)
    return person if person and row.channel in person.wishes.channels else None


def _is_allowed(row: Message, person: Person, now: datetime) -> bool:
    """Whether she is to be disturbed now; it waits for the end of her quiet hours, else."""
    if row.channel == Channel.PORTAL:
        return True
    quiet = person.quiet(own_only=row.kind == Kind.MEDICINE)
    later = quiet.over(now)
    if later == now:
        return True
    if later < row.expires_at and row.kind != Kind.MEDICINE:
        row.due_at, row.status = later, Status.WAITING
        row.save(update_fields=["due_at", "status"])
    else:
        _end(row, Status.DROPPED)
    return False


def _write_in_portal(row: Message, person: Person, said: Said) -> None:
    notifications.notify(
        [person.user],
        notifications.Kind.VISIT,
        title="%(title)s",
        text="%(text)s",
        values={"title": words.title_for_portal(row, person), "text": said.text},
        link=said.path,
        patient_id=row.patient_id,
    )
    row.status, row.sent_at, row.attempts = Status.SENT, timezone.now(), row.attempts + 1
    row.save()


def _hand_over(parcel: Parcel) -> None:
    """Out of the house, and note what became of it. Nothing is locked meanwhile."""
    row = parcel.message
    try:
        _settle(row, _handed(parcel))
    except Unwanted as unwanted:
        log.warning("Message %s was refused (%s).", row.pk, unwanted)
        _fail(row, Failure(unwanted.reason))
    except Unreached as unreached:
        log.warning("Message %s did not go out (%s).", row.pk, unreached)
        _try_later(row)
    except Unsure as unsure:  # it stays `sending`: the service is asked before it goes again
        log.warning("Message %s may have gone out (%s).", row.pk, unsure)


def _handed(parcel: Parcel) -> str:
    """What the service calls it."""
    row, said = parcel.message, parcel.said
    if row.channel == Channel.SMS:
        return sms.send(to=row.address, text=row.text, callback=_callback(row))
    if row.channel == Channel.WHATSAPP:
        template = whatsapp.Template(said.template, row.language, said.values)
        return whatsapp.send(template, to=row.address, name=f"{row.facility_id}:{row.pk}")
    letter = words.letter(row, parcel.person, said, attachment=_invitation(row))
    try:
        email.send(letter, to=row.address, language=row.language)
    except OSError as error:  # what smtplib raises is one, too
        if reason := email.refusal_of(error):
            raise Unwanted(reason) from error
        raise Unreached(type(error).__name__) from error
    return ""


def _invitation(row: Message) -> email.Attachment | None:
    """The visit as a file that a calendar takes; another time or the end of it replaces what she
    had."""
    if row.appointment is None:
        return None
    with transaction.atomic():
        content = invite.of(row.appointment, language=row.language)
    return email.Attachment("visit.ics", content, invite.media_type(row.appointment))


def _asked(row: Message) -> str:
    """What the service calls the message, if it has it; empty where it has not."""
    if row.channel != Channel.SMS or not row.text:
        return ""
    since = row.created_at - CLOCKS_DIFFER
    same = [
        known.reference
        for known in sms.latest(to=row.address)
        if known.text.endswith(row.text) and known.made_at >= since
    ]
    with transaction.atomic():
        taken = Message.objects.filter(reference__in=same).exclude(pk=row.pk)
        of_others = set(taken.values_list("reference", flat=True))
    return next((reference for reference in same if reference not in of_others), "")


@transaction.atomic
def _settle(row: Message, reference: str) -> None:
    """It is out. What the service posted to us meanwhile stands."""
    mine = Message.objects.filter(pk=row.pk, status=Status.SENDING)
    mine.update(
        status=Status.SENT, sent_at=timezone.now(), reference=reference, failure="",
        updated_at=timezone.now(),
    )  # fmt: skip


@transaction.atomic
def _fail(row: Message, failure: Failure) -> None:
    mine = Message.objects.filter(pk=row.pk, status=Status.SENDING)
    mine.update(status=Status.FAILED, failure=failure, updated_at=timezone.now())


@transaction.atomic
def _try_later(row: Message) -> None:
    """Wait, each time longer; what would come too late has failed."""
    pause = min(FIRST_PAUSE * 2 ** min(row.attempts - 1, 10), LONGEST_PAUSE)
    again = timezone.now() + pause
    mine = Message.objects.filter(pk=row.pk, status=Status.SENDING)
    if again >= row.expires_at:
        mine.update(status=Status.FAILED, failure=Failure.UNREACHABLE, updated_at=timezone.now())
    else:
        mine.update(status=Status.WAITING, due_at=again, updated_at=timezone.now())


def _end(row: Message, status: Status, failure: str = "") -> None:
    row.status, row.failure = status, failure
    row.save(update_fields=["status", "failure"])


def _callback(row: Message) -> str:
    """Where the service tells what became of a text message."""
    return email.address(f"/webhooks/sms/?message={row.facility_id}:{row.pk}")


def _here():
    return Message.objects.filter(facility_id=tenancy.current().facility_id)


def _locked(message_id: UUID):
    """The message under lock, with all that it is about; none where another worker has it."""
    return (
        Message.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related(
            "patient__facility", "patient__user", "user", "appointment", "offer", "dose__reminder"
        )
        .filter(pk=message_id, facility_id=tenancy.current().facility_id)
    )
