"""Group sessions: who takes which place, and where places are left."""

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.security import tenancy
from scheduling.availability import Slot
from scheduling.models import Appointment, AppointmentType, GroupSession, Hold
from scheduling.refusals import GroupFull

if TYPE_CHECKING:
    from scheduling.placing import Place


def seat(named: dict[str, UUID], place: "Place") -> dict[str, Any]:
    """A free place of the session at that time, which is begun where there is none yet. Raises
    `GroupFull`. Whoever comes second waits for the first to be through."""
    with tenancy.whole_facility(), tenancy.by_verb():
        session, _begun = GroupSession.objects.select_for_update().get_or_create(
            **_at(named, place),
            defaults=place.fields() | {"capacity": place.capacity},
        )
        taken = set(_standing(session.pk).values_list("place", flat=True))
        _require_place(session, len(taken))
    free = next(n for n in range(1, session.capacity + 1) if n not in taken)
    return {"session": session, "place": free, "room_id": session.room_id}


def place_kept(named: dict[str, UUID], place: "Place") -> dict[str, Any]:
    """What a hold keeps of a session that has begun to fill: a place in it. Of one that nobody has
    begun, nothing but its time. Raises `GroupFull`."""
    with tenancy.whole_facility(), tenancy.by_verb():
        sessions = GroupSession.objects.select_for_update().filter(**_at(named, place))
        session = sessions.first()
        if session is None:
            return {}
        _require_place(session, _standing(session.pk).count())
    return {"session_id": session.pk, "room_id": session.room_id}


def leave(session_id: UUID) -> None:
    """End a session that nobody has a place in any more: its time is free again."""
    with tenancy.whole_facility(), tenancy.by_verb():
        session = GroupSession.objects.select_for_update().filter(pk=session_id).first()
        if session and not _standing(session_id).exists():
            Appointment.objects.filter(session=session_id).update(session=None, place=None)
            session.delete()


def with_places(
    kind: AppointmentType, specialists: Collection[UUID], start: datetime, end: datetime
) -> dict[UUID, list[Slot]]:
    """The sessions of a kind that have begun to fill and have places left, by specialist. Everybody
    here may know how many are left; who has the others is not told."""
    still = Q(places__isnull=False) & ~Q(places__status=Appointment.Status.CANCELED)
    with tenancy.whole_facility(), tenancy.by_verb():
        rows = GroupSession.objects.filter(
            appointment_type=kind, specialist_id__in=specialists,
            start_datetime__gte=start, start_datetime__lt=end,
        )  # fmt: skip
        sessions = list(rows.annotate(taken=Count("places", filter=still)))
        kept = {session.pk: 0 for session in sessions}
        for pk in _kept(session__in=sessions).values_list("session_id", flat=True):
            kept[pk] += 1
    found: dict[UUID, list[Slot]] = {}
    for session in sessions:
        left = session.capacity - session.taken - kept[session.pk]
        if left > 0:
            times = (session.start_datetime, session.end_datetime, session.room_id)
            found.setdefault(session.specialist_id, []).append(Slot(*times, left=left))
    return found


def _at(named: dict[str, UUID], place: "Place") -> dict[str, Any]:
    """What names a session."""
    return {
        "facility_id": tenancy.current().facility_id,
        "specialist_id": named["specialist_id"],
        "appointment_type_id": named["appointment_type_id"],
        "start_datetime": place.start,
    }


def _require_place(session: GroupSession, taken: int) -> None:
    if taken + _kept(session=session).count() >= session.capacity:
        raise GroupFull(_("No place is left in this group. Choose another time."))


def _standing(session_id: UUID) -> QuerySet[Appointment]:
    return Appointment.objects.filter(session=session_id).standing()


def _kept(**of) -> QuerySet[Hold]:
    """Places that are kept for somebody now."""
    return Hold.objects.filter(expires_at__gt=timezone.now(), **of)
