"""Calendars at private addresses: what is booked, for the calendar program of who opened one.

The address is the key: of its secret only the digest is kept, and it is shown once. Whoever reads
it acts as its owner in that moment, with her roles, her reach and nothing else, so what was taken
from her is gone from her calendar with the next reading. See `entries` for what is told.
"""

import secrets
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from clinic import staffing
from clinic.channels import email
from clinic.errors import Conflict, Missing, invalid
from clinic.models import Facility, Specialist, User
from clinic.security import tenancy, trail
from clinic.security.permissions import PORTAL_ROLES, STAFF_ROLES, Category, Permission
from clinic.security.tenancy import Actor, Origin, Purpose
from patients import access
from patients.models import Patient
from scheduling import calendar
from scheduling.ics import entries, writing
from scheduling.ics.writing import Entry
from scheduling.models import Appointment, CalendarFeed

Scope = CalendarFeed.Scope
BACK, AHEAD = timedelta(days=60), timedelta(days=2 * 366)
CANCELED_FOR = timedelta(days=30)  # that canceled visits are shown as canceled
NOTED_EACH = timedelta(hours=1)  # when a feed was last read is told so roughly
MOST_FEEDS = 20  # of one person in one clinic
BYTES = 32


def of_person(by: User) -> QuerySet[CalendarFeed]:
    """The addresses in force that the person opened in the facility acted in."""
    rows = CalendarFeed.objects.open().filter(facility_id=tenancy.current().facility_id, user=by)
    return rows.select_related("patient").order_by("-id")


@transaction.atomic
def open_feed(*, scope: str, patient: Patient | None = None, by: User) -> tuple[CalendarFeed, str]:
    """Open a calendar of one's own; answers it with its address, which nobody can tell again.

    Raises `Invalid` where the person has no such calendar, `Missing` for a patient whose visits she
    does not see, and `Conflict` where she has too many.
    """
    actor = tenancy.current()
    actor.require(Permission.CALENDAR_VIEW)
    _require_own(Scope(scope), patient, by)
    User.objects.select_for_update(no_key=True).only("pk").get(pk=by.pk)
    if of_person(by).count() >= MOST_FEEDS:
        raise Conflict(_("You have 20 calendar addresses. End one first."))
    secret = secrets.token_urlsafe(BYTES)
    feed = CalendarFeed.objects.create(
        facility_id=actor.facility_id,
        user=by,
        scope=scope,
        patient=patient,
        digest=staffing.digest_of(secret),
    )
    return feed, email.address(f"/calendars/{secret}.ics")


def _require_own(scope: Scope, patient: Patient | None, by: User) -> None:
    actor = tenancy.current()
    if by.pk != actor.user_id or (scope == Scope.SPECIALIST) == actor.is_portal:
        raise invalid("scope", _("You have no such calendar."))
    if (scope == Scope.PATIENT) != (patient is not None):
        raise invalid("patient", _("Name a patient for the calendar of one, and only then."))
    if scope == Scope.SPECIALIST and not _specialists(by).exists():
        raise invalid("scope", _("You have no such calendar."))
    if patient is not None:
        access.require_reach(patient, Category.APPOINTMENTS, by)


def _specialists(by: User) -> QuerySet[Specialist]:
    return calendar.specialists().filter(user=by)


@transaction.atomic
def close(*, feed: CalendarFeed, by: User) -> None:
    """End an address of one's own: from now on it answers as if it had never been. Raises
    `Missing` for any other."""
    row = of_person(by).select_related(None).select_for_update().filter(pk=feed.pk).first()
    if row is None:
        raise Missing(_("There is no such calendar address."))
    row.revoked_at = timezone.now()
    row.save(update_fields=["revoked_at"])


@transaction.atomic
def read(*, secret: str, origin: Origin) -> bytes | None:
    """What stands at an address now; None where there is nothing, for whatever reason. The reading
    is on the trail as its owner's, with each patient whose visits are told."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT feed, person, facility, shows FROM app_feed(%s)", [staffing.digest_of(secret)]
        )
        feed_id, user_id, facility_id, scope = cursor.fetchone()
    if feed_id is None:
        return None
    owner, actor = _owner(user_id, facility_id, Scope(scope), origin)
    with tenancy.acting(actor):
        feed = of_person(owner).filter(pk=feed_id).first()
        if feed is None or not _stands(feed, owner):
            return None
        facility = calendar.facility()
        with translation.override(owner.preferred_language or facility.language):
            return _content(feed, owner, facility)


def _owner(user_id: UUID, facility_id: UUID, scope: Scope, origin: Origin) -> tuple[User, Actor]:
    """The owner of an address, and who she is now in its facility: nobody, where she holds no role
    of the kind that the calendar is for."""
    owner = User.objects.get(pk=user_id)
    with tenancy.acting(Actor(user_id=user_id, origin=origin)):  # sees where she holds a role
        slug = Facility.objects.filter(pk=facility_id).values_list("slug", flat=True).first()
        if slug is None:
            return owner, Actor(origin=origin)
        roles = STAFF_ROLES if scope == Scope.SPECIALIST else PORTAL_ROLES
        return owner, staffing.enter(user=owner, roles=roles, origin=origin, facility=slug)


def _stands(feed: CalendarFeed, owner: User) -> bool:
    """Whether the owner may still have what the address was opened for."""
    if not tenancy.current().may(Permission.CALENDAR_VIEW):
        return False
    match feed.scope:
        case Scope.SPECIALIST:
            return _specialists(owner).exists()
        case Scope.PATIENT:
            rows = Patient.objects.filter(pk=feed.patient_id)
            wanted = Category.APPOINTMENTS
            return access.visible(rows, owner, category=wanted, column="pk").exists()
    return True


def _content(feed: CalendarFeed, owner: User, facility: Facility) -> bytes:
    visits = list(_visits(feed, owner))
    patients = {} if feed.scope == Scope.SPECIALIST else _patients(visits, owner)
    _note(feed, owner, patients.values(), len(visits))
    if feed.scope == Scope.SPECIALIST:
        shown: Iterable[Entry] = _by_group(visits, facility)
    else:
        names = {
            pk: one.first_name for pk, one in patients.items()
            if feed.scope == Scope.FAMILY and one.user_id != owner.pk
        }  # fmt: skip
        shown = (entries.for_patient(v, facility, names.get(v.patient_id, "")) for v in visits)
    return writing.calendar_of(shown, name=facility.name, zone=facility.zone)


def _visits(feed: CalendarFeed, owner: User) -> QuerySet[Appointment]:
    now = timezone.now()
    rows = calendar.visits(owner).select_related(None)
    rows = rows.between(now - BACK, now + AHEAD).exclude(
        status=Appointment.Status.CANCELED, updated_at__lt=now - CANCELED_FOR
    )
    if feed.scope == Scope.SPECIALIST:
        rows = rows.filter(specialist__user=owner)
    elif feed.scope == Scope.PATIENT:
        rows = rows.filter(patient_id=feed.patient_id)
    return rows.select_related("appointment_type", "room", "session").order_by(
        "start_datetime", "id"
    )


def _patients(visits: list[Appointment], owner: User) -> dict[UUID, Patient]:
    return access.visible_to(owner).in_bulk({visit.patient_id for visit in visits})


def _by_group(visits: list[Appointment], facility: Facility) -> Iterable[Entry]:
    """Each visit, and each group once: it is canceled when all its places are."""
    groups: dict[UUID, Appointment] = {}
    for visit in visits:
        standing = groups.get(visit.session_id or visit.pk)
        if standing is None or standing.status == Appointment.Status.CANCELED:
            groups[visit.session_id or visit.pk] = visit
    return [entries.for_specialist(visit, facility) for visit in groups.values()]


def _note(feed: CalendarFeed, owner: User, patients: Iterable[Patient], visits: int) -> None:
    """A specialist's calendar names nobody, so one entry tells that it was read."""
    by_purpose: dict[Purpose, list] = {}
    actor = tenancy.current()
    for one in patients:
        purpose = Purpose.OWN if one.user_id == owner.pk else Purpose.FAMILY
        by_purpose.setdefault(purpose, []).append((feed.pk, one.pk))
    for purpose, seen in (by_purpose or {actor.purpose: [(feed.pk, feed.patient_id)]}).items():
        with tenancy.acting(replace(actor, purpose=purpose)):
            trail.read(CalendarFeed._meta.label_lower, seen, how="feed", details={"visits": visits})
    read_lately = Q(last_read_at__gt=timezone.now() - NOTED_EACH)
    CalendarFeed.objects.filter(pk=feed.pk).exclude(read_lately).update(last_read_at=timezone.now())
