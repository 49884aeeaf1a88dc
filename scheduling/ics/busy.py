"""Calendars that specialists keep elsewhere: their busy times are taken here, and nothing else.

Neither what somebody does then nor where is read or kept. A visit that stands already stays; new
ones are not booked over a busy time, in any clinic of the specialist.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.errors import Conflict, Missing, invalid
from clinic.models import Specialist, User
from clinic.security import tenancy
from scheduling import hours
from scheduling.calendar import specialists, zone
from scheduling.ics import fetching, reading
from scheduling.ics.lines import Malformed, Unsupported
from scheduling.models import BusyCalendar, BusyTime

Failure = BusyCalendar.Failure
BACK, AHEAD = timedelta(days=1), timedelta(days=2 * 365)
MOST_CALENDARS = 10  # of one specialist
MOST_AT_ONCE = 2_000  # rows in one statement
SAID_EACH = timedelta(hours=1)  # when a calendar was last read is told so roughly
FAILURES = {
    fetching.PrivateAddress: Failure.PRIVATE,
    fetching.Unreachable: Failure.UNREACHABLE,
    reading.TooMuch: Failure.TOO_LARGE,
    Malformed: Failure.MALFORMED,
    Unsupported: Failure.UNSUPPORTED,
}


class Failed(Exception):
    """A calendar could not be read; `message` says why, and names a rule that is in the way."""

    def __init__(self, failure: Failure, error: Exception):
        self.failure, self.message = failure, failure.label
        if failure == Failure.UNSUPPORTED:
            words = _("A repeating event has a rule that is not supported: %(part)s")
            self.message = words % {"part": error}
        super().__init__(failure)


@dataclass(frozen=True, slots=True)
class Found:
    """What a calendar said: the busy times, and the server's word for this version."""

    times: list[reading.Busy]
    validator: str = ""


def calendars() -> QuerySet[BusyCalendar]:
    """The calendars of the facility's specialists, as far as the actor sets their hours."""
    actor = tenancy.current()
    rows = BusyCalendar.objects.filter(facility_id=actor.facility_id)
    mine = [one.pk for one in specialists() if hours.may_set(one)]
    return rows.filter(specialist_id__in=mine).select_related("specialist__user")


def add_calendar(
    *, specialist: Specialist, name: str, url: str = "", file: bytes | None = None, by: User
) -> BusyCalendar:
    """Take the busy times of a calendar from an address, which is read again each 15 minutes, or
    once from a file (RFC 5545).

    Raises `Invalid`, naming the field, for what cannot be read; nothing is stored then, and no
    request goes to a private network. `Conflict` for a name that is taken, or too many.
    """
    hours.require_setting(specialist)
    name, url = name.strip(), url.strip()
    if not name:
        raise invalid("name", _("Give the calendar a name."))
    if bool(url) == (file is not None):
        raise invalid("url", _("Give an address or a file, and only one of them."))
    _require_room(specialist, name)
    try:
        here = zone()
        found = _read_file(file, here) if file is not None else _read_address(url, here)
    except Failed as failed:
        raise invalid("url" if url else "file", failed.message) from failed
    with transaction.atomic():
        Specialist.objects.select_for_update(no_key=True).get(pk=specialist.pk)
        _require_room(specialist, name)  # another may have come meanwhile
        row = BusyCalendar.objects.create(
            facility_id=specialist.facility_id,
            specialist=specialist,
            name=name,
            url=url,
            etag=found.validator,
            fetched_at=timezone.now(),
        )
        _keep(row, found.times)
    return row


def refresh(*, calendar: BusyCalendar | UUID, by: User | None) -> BusyCalendar:
    """Read an address again now. What fails is said on the calendar (`failure`), and the times that
    were read before stay. Raises `Missing`, and `Conflict` for a file."""
    with transaction.atomic():  # no connection waits for the address to answer
        row, here = _known(calendar), zone()
    if not row.url:
        raise Conflict(_("This calendar came from a file. Add the new file, and remove this one."))
    try:
        found = _read_address(row.url, here, _known_version(row))
    except Failed as failed:
        return _store_failure(row.pk, failed.failure)
    return _store(row.pk, found)


def _known_version(row: BusyCalendar) -> str:
    """The version that was read before; none once a day, and after a failure, so that all is read:
    what repeats for ever comes nearer, though the calendar stays the same."""
    is_from_today = row.fetched_at and row.fetched_at.date() == timezone.now().date()
    return row.etag if is_from_today and not row.failure else ""


@transaction.atomic
def remove(*, calendar: BusyCalendar, by: User) -> None:
    """Forget a calendar, and free the times that it took."""
    row = _known(calendar)
    BusyTime.objects.filter(calendar=row).delete()
    row.delete()


def due() -> list[UUID]:
    """The calendars of the facility acted in that are read from an address."""
    rows = BusyCalendar.objects.filter(facility_id=tenancy.current().facility_id)
    return [row.pk for row in rows.filter(specialist__is_active=True) if row.url]


def _known(calendar: BusyCalendar | UUID) -> BusyCalendar:
    rows = BusyCalendar.objects.filter(facility_id=tenancy.current().facility_id)
    rows = rows.select_related("specialist__user").filter(pk=getattr(calendar, "pk", calendar))
    row = rows.first()
    if row is None:
        raise Missing(_("There is no such calendar."))
    hours.require_setting(row.specialist)
    return row


def _require_room(specialist: Specialist, name: str) -> None:
    names = set(BusyCalendar.objects.filter(specialist=specialist).values_list("name", flat=True))
    if name in names:
        message = _("There is a calendar of that name already.")
        raise Conflict(message, fields={"name": [message]})
    if len(names) >= MOST_CALENDARS:
        raise Conflict(_("A specialist has at most 10 calendars kept elsewhere. Remove one first."))


def _read_address(url: str, here: tzinfo, version: str = "") -> Found | None:
    """What an address says; None where nothing changed since the version named."""
    with _failures_told():
        fetched = fetching.fetch(url, validator=version)
        if fetched.data is None:
            return None
        return Found(_times(fetched.data, here), fetched.validator)


def _read_file(data: bytes, here: tzinfo) -> Found:
    with _failures_told():
        return Found(_times(data, here))


@contextmanager
def _failures_told() -> Iterator[None]:
    try:
        yield
    except tuple(FAILURES) as error:
        raise Failed(FAILURES[type(error)], error) from error


def _times(data: bytes, here: tzinfo) -> list[reading.Busy]:
    """From yesterday on for two years; by whole days, so that a time that goes on stays the same
    row from one reading to the next."""
    today = datetime.combine(timezone.now().date(), time(), UTC)
    return reading.busy_times(data, zone=here, first=today - BACK, last=today + AHEAD)


@transaction.atomic
def _store(pk: UUID, found: Found | None) -> BusyCalendar:
    row, now = _locked(pk), timezone.now()
    is_news = bool(row.failure) or row.fetched_at < now - SAID_EACH
    if found is not None:
        is_news |= _keep(row, found.times) or row.etag != found.validator
        row.etag = found.validator
    if is_news:
        row.fetched_at, row.failed_at, row.failure = now, None, ""
        row.save(update_fields=["etag", "fetched_at", "failed_at", "failure"])
    return row


@transaction.atomic
def _store_failure(pk: UUID, failure: Failure) -> BusyCalendar:
    row = _locked(pk)
    if row.failure != failure:
        row.failed_at, row.failure = timezone.now(), failure
        row.save(update_fields=["failed_at", "failure"])
    return row


def _locked(pk: UUID) -> BusyCalendar:
    row = BusyCalendar.objects.select_for_update().filter(pk=pk).first()
    if row is None:
        raise Missing(_("There is no such calendar."))
    return row


def _keep(row: BusyCalendar, times: list[reading.Busy]) -> bool:
    """Make exactly these the busy times of a calendar, and answer whether others were. Those that
    are there already stay."""
    wanted = set(times)
    gone = []
    for pk, start, end in BusyTime.objects.filter(calendar=row).values_list(
        "pk", "start_datetime", "end_datetime"
    ):
        if (start, end) in wanted:
            wanted.discard((start, end))
        else:
            gone.append(pk)
    BusyTime.objects.filter(calendar=row, pk__in=gone).delete()
    BusyTime.objects.bulk_create(
        (
            BusyTime(
                facility_id=row.facility_id, calendar=row, specialist_id=row.specialist_id,
                start_datetime=start, end_datetime=end,
            )
            for start, end in sorted(wanted)
        ),
        batch_size=MOST_AT_ONCE,
    )  # fmt: skip
    return bool(gone or wanted)
