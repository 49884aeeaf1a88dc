"""Invited care: a patient and a clinician agree that she treats her, and on what she sees then.

Either invites, either ends it. Blocking is the patient's alone: from then on nothing but an
emergency opens her to that person, whatever the person's role reaches (`app_barred`).
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic import notifications
from clinic.errors import Conflict, Missing, invalid
from clinic.models import RoleAssignment, User
from clinic.security import tenancy, trail
from clinic.security.permissions import (
    CONFIDENTIAL_KINDS,
    ROLE_TABLE,
    SHARED,
    STAFF_ROLES,
    Category,
    Denied,
    Permission,
)
from patients import access, consent, search
from patients.models import AccessGrant, CareRelationship, Patient

Status = CareRelationship.Status
Side = CareRelationship.Side
INVITED = AccessGrant.Source.INVITED
TREATING = sorted(role for role in STAFF_ROLES if ROLE_TABLE[role].clinical)
# What is proposed where nothing else is said; confidential kinds are opened one by one.
USUAL = tuple(c for c in SHARED if c not in CONFIDENTIAL_KINDS)


def clinicians() -> QuerySet[User]:
    """The people of the clinic who read charts, and so can be invited or blocked."""
    return RoleAssignment.objects.here().filter(role__in=TREATING).people()


def of_patient(patient: Patient) -> QuerySet[CareRelationship]:
    """The patient's relationships as far as the actor may know them, the newest first."""
    rows = CareRelationship.objects.filter(
        patient=patient, facility_id__in=tenancy.current().facilities
    )
    return rows.select_related("clinician", "ended_by")


def of_clinician(user: User) -> list[CareRelationship]:
    """The relationships of the acting clinician that stand, and what patients ask of her, newest
    first. Who asks has told her name by asking; nothing else of her is open before it is agreed to.

    Whom the clinician has asked herself is told once that patient has agreed: else she would learn
    whether there is such a patient, and who has declined.
    """
    rows = CareRelationship.objects.filter(
        Q(status=Status.ACTIVE) | Q(status=Status.PENDING, invited_by=Side.PATIENT),
        clinician=user, facility_id__in=tenancy.current().facilities,
    )  # fmt: skip
    found = list(rows)
    with tenancy.whole_facility():
        patients = Patient.objects.in_bulk({row.patient_id for row in found})
    for row in found:
        row.patient = patients[row.patient_id]
    return found


@transaction.atomic
@tenancy.by_verb()
def invite_clinician(
    *,
    patient: Patient,
    clinician: User,
    categories: Iterable[Category] = USUAL,
    message: str = "",
    by: User,
) -> CareRelationship:
    """The patient asks a clinician to treat her; it opens once the clinician agrees.

    Raises `Invalid` for somebody who treats nobody here, `Conflict` where they are related already.
    """
    consent.require_steward(patient, by)
    wanted = _with_private(patient, _checked(categories))
    if not clinicians().filter(pk=clinician.pk).exists():
        raise invalid("clinician", _("There is no such person in this clinic."))
    relation = _begin(patient, clinician, Side.PATIENT, wanted, message, by)
    notifications.notify(
        [clinician],
        notifications.Kind.SHARING,
        title=_("A patient asks you to treat her"),
        text=_("Open your patients to agree or decline."),
        link="/admin/relationships/",
        patient_id=patient.pk,
    )
    return relation


@transaction.atomic
@tenancy.by_verb()
def invite_patient(
    *, last_name: str, date_of_birth: date, mrn: str, message: str = "", by: User
) -> None:
    """A clinician asks a patient to be treated by her, naming her exactly: record number, last
    name and date of birth. Whether there is such a patient is not told, nor by the time that it
    takes: where nobody is asked the same is written of nobody, and taken back. One who is there,
    has an account and has not blocked the clinician finds the invitation in the portal."""
    actor = tenancy.current()
    actor.require(Permission.CARE_TEAM_MANAGE)
    if not clinicians().filter(pk=by.pk).exists():
        raise Denied(Permission.CARE_TEAM_MANAGE)
    with tenancy.whole_facility():
        nobody = Patient(facility_id=actor.facility_id, user_id=by.pk)
        found = search.exactly(mrn=mrn, last_name=last_name, date_of_birth=date_of_birth)
        trail.note(
            "patients.carerelationship",
            action=trail.CREATE,
            flags=["invited_by_clinician"],
            details={"found": found is not None},
        )
        known = CareRelationship.objects.filter(patient_id=(found or nobody).pk, clinician=by)
        related = known.filter(status__in=[Status.PENDING, Status.ACTIVE, Status.BLOCKED]).exists()
        is_asked = found and found.user_id and found.pk not in actor.barred and not related
        patient = found if is_asked else nobody
        with _taken_back(unless=bool(is_asked)):
            _begin(patient, by, Side.CLINICIAN, USUAL, message, by)
            notifications.notify(
                [User.objects.get(pk=patient.user_id)],
                notifications.Kind.SHARING,
                title=_("%(name)s asks to treat you"),
                text=_("Decide what to show, or decline."),
                values={"name": by.get_full_name()},
                link="/portal/sharing/",
                patient_id=patient.pk,
            )
        if not is_asked:
            notifications.send_letter(nobody.pk)  # of no notice: the queue takes as long for it


@transaction.atomic
@tenancy.by_verb()
def agree(
    *, relation: CareRelationship, categories: Iterable[Category] | None = None, by: User
) -> CareRelationship:
    """The side that was asked agrees; the patient says what is open. It opens at once.

    Of what a guardian asked for, what has become the minor's own meanwhile stays closed; `Conflict`
    where nothing is left, or she decides for the patient no more.
    """
    relation = _locked(relation)
    if relation.status != Status.PENDING:
        raise _gone()
    if relation.invited_by == Side.CLINICIAN:
        consent.require_steward(relation.patient, by)
        wanted = _with_private(relation.patient, _checked(categories or relation.categories))
        relation.categories = _names(wanted)
    else:
        _require_clinician(relation, by)
        relation.categories = _still_asked(relation)
    relation.status, relation.answered_at = Status.ACTIVE, timezone.now()
    relation.save(update_fields=["status", "categories", "answered_at"])
    _open(relation, by)
    return relation


@transaction.atomic
@tenancy.by_verb()
def set_categories(
    *, relation: CareRelationship, categories: Iterable[Category], by: User
) -> CareRelationship:
    """The patient opens or closes parts of the chart to the clinician; with none left it ends."""
    relation = _locked(relation)
    consent.require_steward(relation.patient, by)
    wanted = list(categories)
    if not wanted:
        return end(relation=relation, by=by)
    opened = _with_private(relation.patient, _checked(wanted), since=relation.categories)
    relation.categories = _names(opened)
    relation.save(update_fields=["categories"])
    if relation.status == Status.ACTIVE:
        _open(relation, by)
    return relation


@transaction.atomic
@tenancy.by_verb()
def end(*, relation: CareRelationship, by: User) -> CareRelationship:
    """Either side ends it, or declines what the other asked; it closes at once."""
    relation = _locked(relation)
    if relation.clinician_id != by.pk:
        consent.require_steward(relation.patient, by)
    if relation.status not in {Status.PENDING, Status.ACTIVE}:
        raise Conflict(_("It has ended already."))
    return _close(relation, Status.INACTIVE, by)


@transaction.atomic
@tenancy.by_verb()
def block(*, patient: Patient, clinician: User, by: User) -> CareRelationship:
    """The patient closes her record to a clinician for good: grants, care team, referrals and the
    reach of roles count no more, except in an emergency."""
    consent.require_steward(patient, by)
    if not clinicians().filter(pk=clinician.pk).exists():
        raise invalid("clinician", _("There is no such person in this clinic."))
    relation = CareRelationship.objects.filter(patient=patient, clinician=clinician).first()
    relation = relation or CareRelationship(
        facility_id=patient.facility_id,
        patient=patient,
        clinician=clinician,
        invited_by=Side.PATIENT,
    )
    return _close(relation, Status.BLOCKED, by)


@transaction.atomic
@tenancy.by_verb()
def unblock(*, relation: CareRelationship, by: User) -> CareRelationship:
    """The patient lets the clinic's ordinary rules hold for that person again; what had been open
    to her is not opened anew."""
    relation = _locked(relation)
    consent.require_steward(relation.patient, by)
    if relation.status != Status.BLOCKED:
        raise Conflict(_("This person is not blocked."))
    return _close(relation, Status.INACTIVE, by)


@contextmanager
def _taken_back(*, unless: bool) -> Iterator[None]:
    """Write what the block writes and take it back, `unless` it is to stay."""
    same_facility = "patients_carerelationship_patient_id_same_facility"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET CONSTRAINTS {same_facility} DEFERRED")  # of nobody there is no row
        yield
        if unless:
            cursor.execute(f"SET CONSTRAINTS {same_facility} IMMEDIATE")
        else:
            transaction.set_rollback(True)


def _begin(
    patient: Patient, clinician: User, side: Side, categories, message: str, by: User
) -> CareRelationship:
    row = CareRelationship.objects.filter(patient=patient, clinician=clinician).first()
    if row is None:
        row = CareRelationship(
            facility_id=patient.facility_id, patient=patient, clinician=clinician
        )
    elif row.status in {Status.PENDING, Status.ACTIVE}:
        raise Conflict(_("This person is invited already."))
    elif row.status == Status.BLOCKED:
        raise Conflict(_("You have blocked this person. Take that back first."))
    row.status, row.invited_by, row.message = Status.PENDING, side, message.strip()[:500]
    row.categories, row.asked_by = _names(categories), by
    row.answered_at = row.ended_at = row.ended_by = None
    row.save()
    return row


@transaction.atomic
@tenancy.by_verb()
def lapse(patient: Patient) -> None:
    """End what was asked of clinicians by somebody who decides for the patient no more."""
    with tenancy.whole_facility(clinical=True):
        rows = CareRelationship.objects.filter(
            patient=patient, status=Status.PENDING, invited_by=Side.PATIENT
        ).exclude(asked_by__in=access.deciders(patient).values("user_id"))
        for row in rows.select_for_update(of=("self",)).select_related("patient", "clinician"):
            _close(row, Status.INACTIVE, None)


def _still_asked(relation: CareRelationship) -> list[str]:
    """What was asked for in the patient's name and is still the asker's to open."""
    with tenancy.whole_facility():
        decides = access.deciders(relation.patient).filter(user=relation.asked_by_id).exists()
    wanted = set(relation.categories) - consent.private_of(relation.patient)
    if not decides or not wanted:
        raise _gone()
    return _names(Category(name) for name in wanted)


def _gone() -> Conflict:
    return Conflict(_("There is nothing to agree to any more."))


def _close(relation: CareRelationship, status: Status, by: User | None) -> CareRelationship:
    relation.status, relation.ended_at, relation.ended_by = status, timezone.now(), by
    relation.save()
    access.revoke(patient=relation.patient, user=relation.clinician, source=INVITED)
    return relation


def _open(relation: CareRelationship, by: User) -> None:
    """Grants exactly as agreed. The clinician's own agreement is written for the patient, whose
    consent it carries out: she reaches nothing of her before."""
    with tenancy.whole_facility(clinical=True):
        access.set_open(
            patient=relation.patient,
            user=relation.clinician,
            source=INVITED,
            ends={Category(name): None for name in relation.categories},
            by=by,
        )


def _locked(relation: CareRelationship) -> CareRelationship:
    rows = CareRelationship.objects.select_for_update(of=("self",)).select_related("clinician")
    row = rows.filter(pk=relation.pk).first()
    if row is None:
        raise Missing(_("There is no such relationship."))
    with tenancy.whole_facility():
        row.patient = Patient.objects.get(pk=row.patient_id)
    return row


def _require_clinician(relation: CareRelationship, by: User) -> None:
    tenancy.current().require(Permission.CHART_VIEW)
    if relation.clinician_id != by.pk or by.pk != tenancy.current().user_id:
        raise Missing(_("There is no such relationship."))


def _checked(categories: Iterable[Category]) -> set[Category]:
    wanted = {Category(category) for category in categories}
    if not wanted or wanted - set(SHARED):
        raise invalid("categories", _("Choose what may be seen."))
    return wanted


def _with_private(
    patient: Patient, wanted: set[Category], since: Iterable[Category] = ()
) -> set[Category]:
    """What is to be open, where what is a minor's own stays as it is: no guardian opens or closes
    it."""
    private = consent.private_of(patient)
    held = {Category(name) for name in since} & private
    if wanted & private - held:
        raise invalid("categories", _("This is the minor's own, and nobody else opens it."))
    return wanted | held


def _names(categories: Iterable[Category]) -> list[str]:
    wanted = set(categories)
    return [category.value for category in SHARED if category in wanted]
