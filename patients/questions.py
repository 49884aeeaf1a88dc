"""Questions of patients about one look at the record, and the clinic's answers."""

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic import notifications, words
from clinic.errors import Conflict, Missing, invalid
from clinic.models import User
from clinic.security import tenancy
from clinic.security.permissions import Category, Denied, Permission
from patients import access, looks
from patients.models import LookQuestion, Patient

LONGEST = 2000


def visible_to(user) -> QuerySet[LookQuestion]:
    """One's own questions and those about whom one decides for; in the clinic, all of them for who
    answers. The newest first."""
    rows = LookQuestion.objects.filter(facility_id__in=tenancy.current().facilities)
    return rows.select_related("patient", "asked_by", "answered_by", "looker")


def waiting(user) -> QuerySet[LookQuestion]:
    """What nobody has answered, the oldest first."""
    return visible_to(user).filter(answered_at=None).order_by("created_at")


@transaction.atomic
def ask(*, patient: Patient, look: str, question: str, by: User) -> LookQuestion:
    """Ask the clinic about one look, named as `looks.looks_at` names it; once each.

    Raises `Missing` for a look that is not among those the person sees, `Invalid`, `Conflict`.
    """
    actor = tenancy.current()
    actor.require(Permission.ACCESS_LOG_VIEW)
    if not actor.is_portal:  # the clinic looks at its trail itself
        raise Denied(Permission.ACCESS_LOG_VIEW)
    access.require_reach(patient, Category.ACCESS_LOG, by)
    text = _checked(question, "question")
    row = looks.looks_at(patient, by).filter(look=look).first()
    if row is None:
        raise Missing(_("There is no such look."))
    [told] = looks.in_words([row], patient, by)
    try:
        with transaction.atomic():
            asked = LookQuestion.objects.create(
                facility_id=patient.facility_id,
                patient=patient,
                look=look,
                looked_at=row["at"],
                looker_id=row["actor_id"],
                told=" · ".join(filter(None, [told.who, told.role, told.what])),
                question=text,
                asked_by=by,
            )
    except IntegrityError as error:
        raise Conflict(_("You have asked about this look already.")) from error
    notifications.notify(
        notifications.holders_of(Permission.LOOK_ANSWER),
        notifications.Kind.QUESTION,
        title=_("A patient asks who looked at her record"),
        link="/admin/questions/",
        patient_id=patient.pk,
    )
    return asked


@transaction.atomic
def answer(*, question: LookQuestion, answer: str, by: User) -> LookQuestion:
    """Answer a patient's question; she is told. An answer stands: a second one is refused."""
    tenancy.current().require(Permission.LOOK_ANSWER)
    text = _checked(answer, "answer")
    row = LookQuestion.objects.select_for_update().filter(pk=question.pk).first()
    if row is None:
        raise Missing(_("There is no such question."))
    if row.answered_at:
        raise Conflict(_("Somebody has answered it already."))
    if row.looker_id == by.pk:
        raise Conflict(_("The question is about you: let somebody else answer it."))
    row.answer, row.answered_by, row.answered_at = text, by, timezone.now()
    row.save(update_fields=["answer", "answered_by", "answered_at"])
    notifications.notify(
        [row.asked_by],
        notifications.Kind.QUESTION,
        title=_("The clinic has answered your question"),
        text=_("It is about who looked at a record."),
        link="/portal/access/",
        patient_id=row.patient_id,
    )
    return row


def _checked(text: str, field: str) -> str:
    text = (text or "").strip()
    if not words.shown(text):
        raise invalid(field, _("Write something first."))
    if len(text) > LONGEST:
        raise invalid(field, _("Write at most 2,000 characters."))
    return text
