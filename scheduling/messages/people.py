"""Who is told of what concerns a patient, and by which ways.

She herself, by her account; where she has none, by the number and the address on her file. And
those who act for her: a minor's guardians, and relatives whom she lets act for her. Whoever is told
has been granted what it is about: who sees no visits of hers is not told of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from clinic.channels import is_set_up
from clinic.channels.numbers import e164
from clinic.models import Channel, Facility, User
from clinic.models.reach import Reached
from clinic.security.permissions import Category
from patients import ages
from patients.models import AccessGrant, FamilyMember, Patient
from scheduling.messages.quiet import Quiet

FULL = FamilyMember.PermissionLevel.FULL


@dataclass(frozen=True)
class Person:
    """Somebody who is told: an account, or a patient without one. `is_patient`: it is her own
    visit."""

    patient: Patient
    facility: Facility
    user: User | None
    is_patient: bool

    @property
    def key(self) -> str:
        """What a message to her is told apart by."""
        return str(self.user.pk) if self.user else "patient"

    @property
    def wishes(self) -> Reached:
        """How she wishes to be reached."""
        return self.user or self.patient

    @property
    def language(self) -> str:
        """Hers, else the clinic's."""
        own = self.user.preferred_language if self.user else self.patient.preferred_language
        return own or self.facility.language

    @property
    def zone(self) -> ZoneInfo:
        """By which clock she lives."""
        return ZoneInfo(self.wishes.timezone or self.facility.timezone)

    def quiet(self, *, own_only: bool = False) -> Quiet:
        """Her quiet hours: her own, else the clinic's, unless only her own count."""
        wishes = self.wishes
        begin, end = wishes.quiet_from, wishes.quiet_until
        if (begin is None or end is None) and not own_only:
            begin, end = self.facility.quiet_from, self.facility.quiet_until
        return Quiet(begin, end, self.zone)

    def address(self, channel: Channel) -> str:
        """Where a message goes that way: an e-mail address, or a number as the whole world dials
        it; empty where there is none that could be."""
        if channel == Channel.EMAIL:
            return self.user.email if self.user else self.patient.email
        if channel == Channel.PORTAL:
            return ""
        return e164(self._phone, self.facility.country)

    def ways(self) -> list[Channel]:
        """Those that she allows and that lead somewhere; of what this clinic has no service for,
        one where there is nothing else, so that somebody notices."""
        given = {
            Channel.PORTAL: bool(self.user),
            Channel.EMAIL: bool(self.user or self.patient.email),
            Channel.SMS: bool(self._phone),
            Channel.WHATSAPP: bool(self._phone),
        }
        allowed = [one for one in Channel if one.value in self.wishes.channels and given[one]]
        return [one for one in allowed if is_set_up(one)] or allowed[:1]

    @property
    def _phone(self) -> str:
        own = self.user.phone if self.user else ""
        return own or (self.patient.phone if self.is_patient else "")


def told(patient: Patient, *needed: Category) -> list[Person]:
    """Who is told of something of the patient that is open to those with all of the categories.
    The patient comes with her facility and her account."""
    return list(_told(patient, {category.value for category in needed}))


def one(patient: Patient, user: User | None, *needed: Category) -> Person | None:
    """The person of a message, as long as she is still told."""
    pk = user.pk if user else None
    return next((p for p in told(patient, *needed) if (p.user.pk if p.user else None) == pk), None)


def _told(patient: Patient, needed: set[str]) -> Iterator[Person]:
    if not patient.is_active or patient.deceased_on:
        return
    facility, open_to = patient.facility, _granted(patient)
    acting = [
        member.user
        for member in FamilyMember.objects.filter(
            patient=patient, permission_level=FULL, ended_at=None, user__is_active=True
        ).select_related("user")
        if needed <= open_to.get(member.user_id, set())
    ]
    own = patient.user
    if own and own.is_active and needed <= open_to.get(own.pk, set()):
        yield Person(patient, facility, own, is_patient=True)
    elif not own and not (acting and ages.is_minor(patient, facility)):
        yield Person(patient, facility, None, is_patient=True)
    for user in acting:
        yield Person(patient, facility, user, is_patient=False)


def _granted(patient: Patient) -> dict:
    """What is open to whom, as patient or relative."""
    grants = AccessGrant.grants.current().filter(content_object=patient, source__in=AccessGrant.OWN)
    open_to: dict = {}
    for user_id, category in grants.values_list("user_id", "permission__codename"):
        open_to.setdefault(user_id, set()).add(category)
    return open_to
