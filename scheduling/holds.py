"""Keeping a time for a patient for some minutes, while a form is filled in or an offer is thought
over."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.errors import Missing
from clinic.security import tenancy
from clinic.security.permissions import Permission
from scheduling import freed, groups
from scheduling.models import Hold
from scheduling.placing import Place, named_by, place_for
from scheduling.refusals import SlotTaken, of_rivals

KEPT_FOR, REMEMBERED_FOR = timedelta(minutes=10), timedelta(days=1)


@transaction.atomic
def keep(
    *,
    patient,
    specialist,
    appointment_type,
    start: datetime,
    room=None,
    minutes: int | None = None,
    by,
) -> Hold:
    """Keep a time for a patient, for ten minutes or as many as are said. What the person held for
    the same patient before is given up.

    Raises what `booking.book` raises. Nobody books what is kept for another until it ends.
    """
    actor = tenancy.current()
    actor.require(Permission.APPOINTMENT_BOOK)
    named = named_by(patient, specialist, appointment_type)
    place = place_for(named, start=start, room=room, by=by)
    if by is not None:
        of_person(by).filter(patient_id=named["patient_id"]).delete()

    def attempt() -> Hold:
        kept = groups.place_kept(named, place) if place.capacity > 1 else {}
        return Hold.objects.create(
            facility_id=actor.facility_id,
            expires_at=timezone.now() + (timedelta(minutes=minutes) if minutes else KEPT_FOR),
            held_by_id=by.pk if by else None,
            **place.fields() | kept,
            **named,
        )

    return of_rivals(attempt)


@transaction.atomic
def release(*, hold: Hold, by) -> None:
    """Give a time up that one kept."""
    row = of_person(by).filter(pk=hold.pk).first()
    if row is None:
        raise Missing(_("There is no such held time."))
    row.delete()
    freed.tell()


@transaction.atomic
def sweep() -> int:
    """Forget the holds of the facility that ended a day ago: until then a page can say when. A task
    of the system; answers how many."""
    ended = timezone.now() - REMEMBERED_FOR
    here = Hold.objects.filter(facility_id=tenancy.current().facility_id)
    return here.filter(expires_at__lt=ended).delete()[0]


def of_person(by):
    """What the person keeps in the facility acted in."""
    return Hold.objects.filter(facility_id=tenancy.current().facility_id, held_by_id=by.pk)


def use(hold: Hold | UUID, *, patient_id: UUID, place: Place, by) -> None:
    """Give up what is held, for the visit that takes its place in the same transaction. Raises
    `SlotTaken` where it has ended, or was held for something else."""
    rows = Hold.objects.filter(facility_id=tenancy.current().facility_id, patient_id=patient_id)
    row = rows.in_force().select_for_update().filter(pk=getattr(hold, "pk", hold)).first()
    if row is None or (row.start_datetime, row.end_datetime) != (place.start, place.end):
        raise SlotTaken(_("The time is no longer held for you. Choose it again."))
    row.delete()
