"""One data set for the whole matrix of routes: a person in every role, and the same chart three
times, once for each owner that an object can have as seen from Harbor.

`own` is the patient whom patient, relative and specialist may see; `other` is another patient of
Harbor; `foreign` is one of the neighbour clinic. Everything of an owner carries her planted words,
so that an answer tells whose data it holds.
"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.test import Client
from django.test.client import ClientHandler
from django.utils import timezone

from chat import conversations, indexing
from clinic import invitations, notifications, staffing
from clinic.models import ApiToken, Facility, Notification, Specialist, User
from clinic.models.base import uuid7
from clinic.security import idempotency, tenancy, trail
from clinic.security.permissions import (
    PORTAL_ROLES,
    ROLE_TABLE,
    SHARED,
    Permission,
    Reach,
    Role,
    RoleRule,
)
from clinic.security.tenancy import Origin
from clinic.tests.browsing import SIGN_IN
from clinic.tests.people import STAFF, make_cast, person
from compliance.models import EmergencyAccess
from patients import access, consent, family, registration
from patients.models import (
    AccessGrant,
    Allergy,
    BloodType,
    CareRelationship,
    Condition,
    Consent,
    FamilyMember,
    Immunization,
    LookQuestion,
    Medication,
    Patient,
    Reading,
)
from records import charting, documents
from records.models import Encounter
from scheduling import kinds
from scheduling.models import (
    Appointment,
    AppointmentType,
    AvailabilityBlock,
    BusyCalendar,
    CalendarFeed,
    Hold,
    Holiday,
    Leave,
    MedicationReminder,
    Message,
    ReminderLog,
    Room,
    WaitlistEntry,
    WaitlistOffer,
)

OWN, OTHER, FOREIGN = "own", "other", "foreign"
OWNERS = (OWN, OTHER, FOREIGN)
NAMES = ("first", "last", "contact", "insurer")
CLINICAL = (
    "allergen", "problem", "medicine", "lab", "vaccine", "encounter", "diagnosis", "note", "letter",
    "filename", "reason", "question",
)  # fmt: skip


HANDLER = ClientHandler(enforce_csrf_checks=False)  # one: each loads all the middleware anew


def planted(owner: str, word: str) -> str:
    """The word that stands in one place of one owner's data, and nowhere else in the world."""
    return f"{owner}qx{word}"


@dataclass
class Member:
    """Somebody of the matrix: a role's holder, the neighbour's physician, or nobody; `also` is a
    second role of hers."""

    label: str
    role: Role | None = None
    also: Role | None = None
    user: User | None = None
    token: str = ""
    own: dict[str, dict] = field(default_factory=dict)  # things that are each person's own

    session: str = ""

    @property
    def browser(self) -> Client:
        """A browser in which she is signed in, whatever she did with another before."""
        browser = Client(raise_request_exception=False)
        browser.handler = HANDLER
        if self.session:
            browser.cookies[settings.SESSION_COOKIE_NAME] = self.session
        return browser

    @property
    def is_stranger(self) -> bool:
        return self.label == "neighbour"

    def reaches(self, owner: str) -> bool:
        """Whether rows of this owner's patient are within reach."""
        return any(self._reaches(owner, rule) for rule in self.rules)

    def reads(self, owner: str) -> bool:
        """Whether one of her roles reads the clinical content of this owner's patient."""
        return any(rule.clinical and self._reaches(owner, rule) for rule in self.rules)

    @property
    def rules(self) -> list[RoleRule]:
        return [ROLE_TABLE[role] for role in (self.role, self.also) if role]

    def _reaches(self, owner: str, rule: RoleRule) -> bool:
        if self.is_stranger:
            return owner == FOREIGN
        return (owner == OWN and rule.reach == Reach.GRANTED) or (
            owner != FOREIGN and rule.reach == Reach.FACILITY
        )

    def forbidden_words(self) -> list[str]:
        """What must stand in no answer to this person, whatever is asked for."""
        words = []
        for owner in OWNERS:
            if not self.reaches(owner):
                words += [planted(owner, word) for word in NAMES]
            if not self.reads(owner):
                words += [planted(owner, word) for word in CLINICAL]
        return words


@dataclass
class Household:
    """The members, those of them who have two roles, and the things of each owner by kind."""

    cast: object
    members: list[Member]
    doubles: list[Member]
    things: dict[str, dict]

    def of(self, owner: str, member: Member) -> dict:
        """What the routes' addresses and bodies are filled from."""
        mine = member.own if owner == OWN else next(m for m in self.members if m is not member).own
        return self.things[owner] | mine | {"owner": owner}


def build() -> Household:
    """Everything, inside the open transaction."""
    cast = make_cast()
    homes = {OWN: cast.harbor, OTHER: cast.harbor, FOREIGN: cast.austa}
    members = everybody(cast)
    patients = {OWN: cast.mr_doe, FOREIGN: cast.dona_ana}
    with tenancy.system(cast.harbor):
        patients[OTHER] = registration.register(
            by=None, first_name="Someone", last_name="Else", date_of_birth=date(1966, 6, 6)
        )
    writers = {OWN: "sarah", OTHER: "sarah", FOREIGN: "lucia"}
    kinds, blocks = {}, {}
    for name, facility in (("sarah", cast.harbor), ("lucia", cast.austa)):
        kinds[name], blocks[name] = hours(cast, name, facility)
    things = {}
    for number, owner in enumerate(OWNERS):
        name = writers[owner]
        things[owner] = chart(cast, homes[owner], patients[owner], name, kinds[name], owner, number)
        things[owner] |= {"invitation": invitation_to(homes[owner])}
        things[owner] |= blocks[name] | {"url": "anything/", "app_label": "clinic"}
    grants(cast, patients[OWN])
    doubles = people_of_two_roles(cast, patients[OWN])
    for member in [*members, *doubles]:
        if member.user:
            personal(cast, member, patients[FOREIGN if member.is_stranger else OWN])
    return Household(cast, members, doubles, things)


def everybody(cast) -> list[Member]:
    for role in Role:
        if role not in set(STAFF["harbor"].values()):
            cast.people[role.value] = person(role.value, cast.harbor, role)
    by_role = {role: name for name, role in STAFF["harbor"].items()}
    members = [Member("nobody")]
    for role in Role:
        user = cast.people[by_role.get(role, role.value)]
        members.append(Member(role.value, role, user=user))
    return [*members, Member("neighbour", Role.PHYSICIAN, user=cast.lucia)]


def invitation_to(facility):
    with tenancy.system(facility):
        return invitations.write(email="guest@example.org", role=Role.NURSE, by=None).pk


DOUBLES = (
    (Role.FRONT_DESK, Role.PATIENT), (Role.FRONT_DESK, Role.SPECIALIST),
    (Role.AUDITOR, Role.PATIENT), (Role.AUDITOR, Role.SPECIALIST),
    (Role.SYSTEM_ADMIN, Role.FAMILY_MEMBER),
)  # fmt: skip


def people_of_two_roles(cast, patient: Patient) -> list[Member]:
    """Of each pair one role reaches or reviews everybody, and the other reads of the patient."""
    members = []
    for role, also in DOUBLES:
        name = f"{role.value}-{also.value}"
        user = cast.people[name] = person(name, cast.harbor, role)
        at_home = AccessGrant.Source.FAMILY
        source = at_home if also in PORTAL_ROLES else AccessGrant.Source.CARE_TEAM
        with tenancy.system(cast.harbor):
            staffing.assign(user=user, role=also, facility=cast.harbor)
            access.grant(patient=patient, user=user, source=source)
        members.append(Member(name, role, also, user))
    return members


def hours(cast, name: str, facility: Facility):
    with tenancy.system(facility):
        kind = kinds.offer(name="Check-up", minutes=30, by=cast.people[name])
        specialist = cast.specialists[name]
        block = AvailabilityBlock.objects.create(
            facility=facility, specialist=specialist, day_of_week=1, start_time=time(0),
            end_time=time(23),
        )  # fmt: skip
        settled = {
            "room": Room.objects.create(facility=facility, name="Room 1"),
            "holiday": Holiday.objects.create(
                facility=facility, date=date(2001, 1, 1), name="A holiday"
            ),
            "busy": BusyCalendar.objects.create(
                facility=facility, specialist=specialist, name="A file", fetched_at=timezone.now()
            ),
            "leave": Leave.objects.create(
                facility=facility, specialist=specialist, first_day=date(2001, 1, 1),
                last_day=date(2001, 1, 2),
            ),
        }  # fmt: skip
        settled["other kind"] = kinds.offer(name="Second", minutes=30, by=cast.people[name])
    return kind, {"block": block.pk} | {name: row.pk for name, row in settled.items()}


def hold(patient: Patient, specialist: Specialist, kind, user: User | None) -> UUID:
    """A time of that specialist that is kept for the patient, each an hour after the one before."""
    start = timezone.now() + timedelta(days=300, hours=Hold.objects.count())
    return Hold.objects.create(
        facility_id=patient.facility_id, patient=patient, specialist=specialist,
        appointment_type=kind, start_datetime=start, end_datetime=start + timedelta(minutes=30),
        expires_at=timezone.now() + timedelta(days=1), held_by=user,
    ).pk  # fmt: skip


def chart(cast, facility, patient: Patient, name: str, kind, owner: str, number: int) -> dict:
    """A patient with something in every table, each with its planted word."""
    user, specialist = cast.people[name], cast.specialists[name]
    rows = {"facility": facility, "patient": patient}

    def word(which: str) -> str:
        return planted(owner, which)

    with tenancy.system(facility):
        registration.correct(
            patient=patient, by=None, first_name=word("first"), last_name=word("last"),
            emergency_contact={"name": word("contact")},
            insurance_info={"insurer": word("insurer")},
        )  # fmt: skip
        facts = {
            "allergy": Allergy.objects.create(**rows, allergen=word("allergen"), severity="mild"),
            "condition": Condition.objects.create(**rows, display=word("problem")),
            "medication": Medication.objects.create(**rows, generic_name=word("medicine")),
            "blood type": BloodType.objects.create(**rows, group="O-"),
            "immunization": Immunization.objects.create(**rows, vaccine=word("vaccine")),
            "reading": Reading.objects.create(
                **rows, reading_type="laboratory", display=word("lab"), value=Decimal("5.6"),
                unit="mmol/L", taken_at=timezone.now() - timedelta(days=1),
            ),
        }  # fmt: skip
        # Half a day from now, so that no other dose is due while the one below waits.
        hour = (timezone.now().astimezone(facility.zone).hour + 12) % 24
        reminder = MedicationReminder.objects.create(
            **rows, medication=facts["medication"], times=[time(hour)], amount=word("medicine"),
            first_day=date(2026, 1, 1), begins_at=timezone.now() - timedelta(hours=3),
        )  # fmt: skip
        facts |= {
            "reminder": reminder,
            "dose": ReminderLog.objects.create(
                **rows, reminder=reminder, due_at=timezone.now() - timedelta(hours=1),
                note=word("note"),
            ),
        }  # fmt: skip
        Encounter.objects.create(
            **rows, display=word("encounter"), started_at=timezone.now() - timedelta(days=40)
        )
        visits = {
            status: Appointment.objects.create(
                **rows, specialist=specialist, appointment_type=kind, reason=word("reason"),
                start_datetime=at(facility, 2 * number + n, 9),
                end_datetime=at(facility, 2 * number + n, 9) + timedelta(minutes=30),
                status=status, booked_by=user,
            )
            for n, status in enumerate((Appointment.Status.CONFIRMED, Appointment.Status.PENDING))
        }  # fmt: skip
        waits = {
            "waiting": WaitlistEntry.objects.create(
                **rows,
                appointment_type=kind,
                first_day=timezone.localdate(),
                last_day=timezone.localdate() + timedelta(days=300),
            ),
            "visit of a series": Appointment.objects.create(
                **rows,
                specialist=specialist,
                appointment_type=kind,
                series=uuid7(),
                start_datetime=at(facility, 20 + number, 9),
                booked_by=user,
                end_datetime=at(facility, 20 + number, 9) + timedelta(minutes=30),
            ),
        }
        kept = hold(patient, specialist, kind, None)
        waits["message"] = Message.objects.create(
            **rows, appointment=waits["visit of a series"], kind=Message.Kind.BOOKED,
            channel="email", key=f"message of {owner}", status=Message.Status.FAILED,
            due_at=timezone.now(), expires_at=waits["visit of a series"].start_datetime,
        )  # fmt: skip
        waits["offer"] = WaitlistOffer.objects.create(
            **rows, entry=waits["waiting"], specialist=specialist,
            start_datetime=at(facility, 30 + number, 9),
            end_datetime=at(facility, 30 + number, 9) + timedelta(minutes=30),
            expires_at=timezone.now() + timedelta(hours=2),
        )  # fmt: skip
    with cast.acting(name):
        record = charting.write(
            patient=patient, by=user, primary_diagnosis=word("diagnosis"), notes=word("note")
        )
        letter = documents.upload(
            patient=patient, by=user, filename=f"{word('filename')}.txt",
            data=f"This {word('letter')} says that the knee is better.".encode(),
        )  # fmt: skip
        final = charting.write(
            patient=patient, by=user, primary_diagnosis=word("diagnosis"), final=True
        )
        idempotency.finish(
            key=owner, method="POST", path="/", body=b"", status=201, answer=word("note"),
            about=idempotency.About("patients.patient", patient.pk, patient.pk, "view"),
        )  # fmt: skip
        broken = documents.upload(
            patient=patient, by=user, filename="broken.pdf", data=b"%PDF-1.7 " + owner.encode()
        )
        origin = Origin(request_id=f"look-{owner}", surface="test")
        with tenancy.acting(replace(tenancy.current(), origin=origin)):
            trail.read("records.document", [(letter.pk, patient.pk)])
    with tenancy.system(facility):
        documents.read(letter.pk)
        indexing.index(letter.pk)
        documents.read(broken.pk)
        colleague = cast.nina if facility == cast.harbor else cast.rita
        access.grant(patient=patient, user=colleague, source=AccessGrant.Source.CARE_TEAM)
        access.grant(
            patient=patient, user=colleague, source=AccessGrant.Source.REFERRAL,
            expires_at=timezone.now() + timedelta(days=9),
        )  # fmt: skip
        guardian = family.stand(
            patient=patient, user=colleague, is_guardian=True,
            relationship=FamilyMember.Relationship.PARENT,
        )  # fmt: skip
        agreed = consent.standing_of(guardian) or Consent.objects.create(
            **rows, family_member=guardian, number=1, categories=["records"], language="en",
            text=word("first"),
        )  # fmt: skip
        invited = CareRelationship.objects.create(
            **rows, clinician=person(f"invited{number}", facility, Role.PHYSICIAN),
            status=CareRelationship.Status.ACTIVE, invited_by=CareRelationship.Side.PATIENT,
            categories=["records"], message=word("reason"), answered_at=timezone.now(),
        )  # fmt: skip
        asked = LookQuestion.objects.create(
            **rows, look="1", looked_at=timezone.now(), told=word("note"),
            question=word("question"), asked_by=user,
        )  # fmt: skip
    return {name: fact.pk for name, fact in (facts | waits).items()} | {
        "hold": kept,
        "patient": patient.pk,
        "visit": visits[Appointment.Status.CONFIRMED].pk,
        "asked visit": visits[Appointment.Status.PENDING].pk,
        "record": record.pk,
        "final record": final.pk,
        "broken document": broken.pk,
        "member": colleague.pk,
        "guardian": guardian.pk,
        "consent": agreed.pk,
        "invited": invited.pk,
        "clinician": invited.clinician_id,
        "look": f"look-{owner}",
        "referred": colleague.pk,
        "question": asked.pk,
        "document": letter.pk,
        "facility": facility.pk,
        "slug": facility.slug,
        "specialist": specialist.pk,
        "kind": kind.pk,
        "person": user.pk,
        "mrn": patient.mrn,
        "free": at(facility, number, 14).isoformat(),
        "day": at(facility, number, 14).date().isoformat(),
        "soon": (timezone.now() + timedelta(days=20)).isoformat(),
    }


def at(facility, weeks: int, hour: int) -> datetime:
    """A Monday at that hour, some weeks ahead: the day on which the specialists work."""
    today = timezone.now().astimezone(facility.zone).date()
    monday = today + timedelta(days=7 - today.weekday(), weeks=weeks)
    return datetime.combine(monday, time(hour), facility.zone)


def grants(cast, patient: Patient) -> None:
    with tenancy.system(cast.harbor):
        access.grant(patient=patient, user=cast.omar, source=AccessGrant.Source.CARE_TEAM)
        jane = family.stand(
            patient=patient, user=cast.jane, relationship=FamilyMember.Relationship.SPOUSE,
            level=FamilyMember.PermissionLevel.FULL,
        )  # fmt: skip
    with cast.acting("john", portal=True):
        consent.give(member=jane, categories=SHARED, by=cast.john)
    with tenancy.system(cast.harbor):
        cast.specialists["omar"].delete()
        Specialist.objects.create(facility=cast.harbor, user=cast.omar, specialty="Acupuncture")


def emergency(cast, member: Member, patient: Patient):
    """An emergency access, in force, of her own or, where she reviews them, of another's; without
    the grants, because she reaches the patient anyway."""
    may = {permission for rule in member.rules for permission in rule.permissions}
    if not may & {Permission.EMERGENCY_OPEN, Permission.EMERGENCY_REVIEW}:
        return None
    now = timezone.now()
    return EmergencyAccess.objects.create(
        facility_id=patient.facility_id, patient=patient, category="acute", opened_at=now,
        user=member.user if Permission.EMERGENCY_OPEN in may else cast.sarah,
        reason=planted(FOREIGN if member.is_stranger else OWN, "note"), scope=["view", "summary"],
        expires_at=now + timedelta(minutes=60), review_due_at=now + timedelta(hours=24),
    ).pk  # fmt: skip


def personal(cast, member: Member, patient: Patient) -> None:
    """Sign the member in on both surfaces; give her a token to end and a conversation."""
    member.token = staffing.issue_token(user=member.user).text
    member.own = {"token": staffing.issue_token(user=member.user, label="spare").id}
    # Used just now: what a request notes of that changes nothing while the matrix is walked.
    ApiToken.objects.filter(user=member.user).update(last_used_at=timezone.now())
    with tenancy.system(patient.facility_id):
        if member.role not in PORTAL_ROLES and any(rule.clinical for rule in member.rules):
            member.own["relation"] = CareRelationship.objects.create(
                facility_id=patient.facility_id, patient=patient, clinician=member.user,
                status=CareRelationship.Status.ACTIVE, invited_by=CareRelationship.Side.PATIENT,
                answered_at=timezone.now(),
            ).pk  # fmt: skip
        chosen = Specialist.objects.filter(facility_id=patient.facility_id).first()
        kind = AppointmentType.objects.filter(facility_id=patient.facility_id).first()
        member.own["hold"] = hold(patient, chosen, kind, member.user)
        member.own["feed"] = CalendarFeed.objects.create(
            facility_id=patient.facility_id, user=member.user, digest=member.token.encode(),
            scope="family" if member.role in PORTAL_ROLES else "specialist",
        ).pk  # fmt: skip
        member.own["emergency"] = emergency(cast, member, patient)
        member.own["place"] = getattr(member.user.family.order_by("-pk").first(), "pk", None)
        notifications.notify([member.user], notifications.Kind.ACCOUNT, title="A notice")
        member.own["notice"] = Notification.objects.get(user=member.user).pk
    browser = Client()
    browser.force_login(member.user, backend=SIGN_IN)
    member.session = browser.session.session_key
    if {member.role, member.also} & PORTAL_ROLES:
        session = browser.session
        session["person"] = str(patient.pk)
        session.save()
    actor = staffing.enter(user=member.user, roles=set(Role), origin=Origin(surface="test"))
    if actor.clinical != Reach.NONE and member.role != Role.SYSTEM_ADMIN:
        with tenancy.acting(actor):
            talk = conversations.begin(patient=patient, by=member.user)
            conversations.say(
                conversation=talk, by=member.user,
                content=planted(FOREIGN if member.is_stranger else OWN, "question"),
            )  # fmt: skip
            member.own["conversation"] = talk.pk
            answer = conversations.ask(
                conversation=talk, question="Is the knee better?", by=member.user
            )
            member.own["answer"] = answer.parent_message_id
