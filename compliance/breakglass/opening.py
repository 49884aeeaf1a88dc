"""Opening a patient in an emergency, asking for more, and giving it back."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic import accounts, staffing, words
from clinic.errors import Conflict, Missing, Refused, invalid
from clinic.models import User
from clinic.security import tenancy, trail
from clinic.security.permissions import CONFIDENTIAL_KINDS, Category, Permission
from compliance.breakglass import finding, telling
from compliance.breakglass.finding import Sought
from compliance.breakglass.proof import Proof, proved
from compliance.models import LASTS, EmergencyAccess
from patients import access
from patients.models import AccessGrant, Patient

REVIEW_WITHIN = timedelta(hours=24)
SHORTEST_REASON = 20
MOST_AN_HOUR = 5
HOUR = 3600  # seconds
RESOURCE = EmergencyAccess._meta.label_lower
EMERGENCY = AccessGrant.Source.EMERGENCY
SUMMARY = (Category.VIEW, Category.SUMMARY)
# What can be asked for in the second step.
MORE = (
    Category.MEDICATIONS, Category.RECORDS, Category.DOCUMENTS, Category.APPOINTMENTS,
    *CONFIDENTIAL_KINDS,
)  # fmt: skip
# Who reads these by an ordinary way needs no emergency for the summary, which is made of them.
USUAL = frozenset({Category.VIEW, Category.MEDICATIONS, Category.RECORDS})
NOT_FOUND = _("No patient here fits. Check the record number, or the name and date of birth.")


class TooOften(Conflict):
    """More attempts than one person may make in an hour; `wait` seconds help for certain."""

    wait = HOUR


def open(
    *,
    sought: Sought,
    category: str,
    reason: str,
    proof: Proof,
    lacking: Iterable[Category] = (),
    by: User,
) -> EmergencyAccess:
    """Open the emergency summary of a patient for an hour, and tell the clinic and the patient.

    `lacking` names what she needs and lacks, where she reaches the patient in an ordinary way.
    Raises `Invalid`, `Missing` (no such patient, whatever the cause), `Conflict` and `TooOften`;
    an attempt that is refused counts, and is on the trail.
    """
    tenancy.current().require(Permission.EMERGENCY_OPEN)
    reason = _reason(reason)
    if category not in EmergencyAccess.Reason.values:
        raise invalid("category", _("Choose what kind of emergency it is."))
    with _attempt("open", by, how=sought.how), transaction.atomic():
        by = _prove(by, proof)
        with tenancy.whole_facility():
            patient = finding.found(sought)
        if patient is None:
            raise Missing(NOT_FOUND, fields={"patient": [NOT_FOUND]})
        _require_need(patient, frozenset(lacking), by)
        with under_glass(patient.pk):
            return _open(patient, category, reason, by)


def _open(patient: Patient, category: str, reason: str, by: User) -> EmergencyAccess:
    now = timezone.now()
    opened = EmergencyAccess.objects.create(
        facility_id=patient.facility_id,
        patient=patient,
        user=by,
        category=category,
        reason=reason,
        scope=[c.value for c in SUMMARY],
        opened_at=now,
        expires_at=now + LASTS,
        review_due_at=now + REVIEW_WITHIN,
    )
    _grant(opened, SUMMARY, by)
    telling.opened(opened)
    return opened


def widen(
    *,
    emergency: EmergencyAccess,
    categories: Iterable[Category],
    reason: str,
    proof: Proof,
    by: User,
) -> EmergencyAccess:
    """Open more of the patient, until the same end. Raises as `open` does."""
    tenancy.current().require(Permission.EMERGENCY_OPEN)
    wanted = {Category(category) for category in categories}
    if not wanted or wanted - set(MORE):
        raise invalid("categories", _("Choose what you need."))
    reason = _reason(reason)
    with _attempt("widen", by, how="id"), transaction.atomic():
        row = _own(emergency, by)
        by = _prove(by, proof)
        if not row.is_in_force:
            raise Conflict(_("The access has ended."))
        with under_glass(row.patient_id):
            row.scope = sorted({*row.scope, *(category.value for category in wanted)})
            row.widened_at = timezone.now()
            row.widened_reason = "\n".join(filter(None, [row.widened_reason, reason]))
            row.save(update_fields=["scope", "widened_at", "widened_reason"])
            _grant(row, wanted, by)
            telling.widened(row)
        return row


@transaction.atomic
@tenancy.by_verb()
def give_back(*, emergency: EmergencyAccess, by: User) -> EmergencyAccess:
    """End the access before its time; it holds from the next request on."""
    row = _own(emergency, by)
    if not row.is_in_force:
        raise Conflict(_("The access has ended."))
    row.ended_at = timezone.now()
    row.save(update_fields=["ended_at"])
    with under_glass(row.patient_id):  # her roles may have ended meanwhile, and the grants so
        access.revoke(patient=row.patient, user=by, source=EMERGENCY)
    return row


def running(user: User) -> list[EmergencyAccess]:
    """What the person has open now, the one that ends first leading."""
    rows = EmergencyAccess.objects.filter(user_id=user.pk).in_force()
    return list(rows.select_related("patient").order_by("expires_at"))


@contextmanager
def under_glass(patient_id: UUID) -> Iterator[None]:
    """Reach what a clinician may not, to open it to her; the trail marks it as an emergency."""
    with tenancy.whole_facility(clinical=True) as wide:
        marked = replace(wide, by_verb=True, emergencies=(*wide.emergencies, patient_id))
        with tenancy.acting(marked):
            yield


def _grant(row: EmergencyAccess, categories: Iterable[Category], by: User) -> None:
    access.grant(
        patient=row.patient, user=by, source=EMERGENCY, categories=categories,
        reason=str(row.get_category_display()), expires_at=row.expires_at, by=by,
    )  # fmt: skip


def _own(emergency: EmergencyAccess, by: User) -> EmergencyAccess:
    """The row under lock; what is another's does not exist."""
    rows = EmergencyAccess.objects.select_for_update()
    row = rows.filter(pk=emergency.pk, user_id=by.pk).first()
    if row is None:
        raise Missing(_("There is no such emergency access."))
    return row


def _reason(text: str) -> str:
    """The reason, if it says something in enough words that are seen."""
    text = " ".join(text.split())
    if not words.says(text, least=SHORTEST_REASON):
        message = _("Say in at least %(count)d characters why it cannot wait.")
        raise invalid("reason", message % {"count": SHORTEST_REASON})
    return text


def _prove(by: User, proof: Proof) -> User:
    """The person, who takes the second step again, now; raises where she does not. One attempt of a
    person at a time."""
    accounts.await_changes(by)
    if not staffing.has_second_factor(by):
        raise Conflict(_("Add a second step to your sign-in first. Without it this stays closed."))
    if not proved(by, proof):
        raise invalid("otp", _("The code is not right, or was used before. Enter a new one."))
    return User.objects.get(pk=by.pk)


def _require_need(patient: Patient, lacking: frozenset[Category], by: User) -> None:
    standing = EmergencyAccess.objects.filter(user_id=by.pk, patient=patient).in_force().first()
    if standing is not None:
        raise Conflict(_("You have opened this patient already. Find it among your accesses."))
    held = access.categories_of(by, patient)
    if held >= USUAL and not lacking - held:
        raise Conflict(_("You can open this record as usual: find the patient."))


@contextmanager
def _attempt(act: str, by: User, *, how: str) -> Iterator[None]:
    """Counts an attempt, and notes one that is refused: past the transaction, which is undone."""
    try:
        if not _is_within_rate(act, by):
            raise TooOften(_("Too many attempts. Call a colleague or an administrator."))
        yield
    except Refused as refused:
        why = "rate" if isinstance(refused, TooOften) else next(iter(refused.fields), refused.code)
        trail.defer(
            resource=RESOURCE, flags=["break_glass_refused", "refused"],
            details={"act": act, "asked_by": how, "why": why},
        )  # fmt: skip
        actor = tenancy.current()
        if not actor.origin.request_id:  # else the middleware writes it
            trail.write_deferred(actor)
        raise


def _is_within_rate(act: str, by: User) -> bool:
    key = f"emergency:{act}:{tenancy.current().facility_id}:{by.pk}"
    cache.add(key, 0, timeout=HOUR)
    return cache.incr(key) <= MOST_AN_HOUR
