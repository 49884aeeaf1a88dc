"""The day of majority: guardians' access has ended by itself; the young adult takes over.

The grants end by their own clock (`patients.ages`). What is left to do is to say so: the young
adult is told, or the clinic invites her, and she decides anew who sees the record.

Of herself no letter goes to her: a child's file has the family's address, and whoever reads that
mailbox would become her. The desk asks her for one of her own.
"""

from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from clinic import invitations, notifications
from clinic.security.permissions import Category, Permission
from patients import ages, consent, enrolment, relationships
from patients.models import AccessGrant, Consent, FamilyMember, Patient

Level = FamilyMember.PermissionLevel


def come_of_age() -> QuerySet[FamilyMember]:
    """Guardians whose time is over, and who still stand as such."""
    in_force = Consent.objects.current().filter(basis=Consent.Basis.GUARDIAN)
    return FamilyMember.objects.filter(is_guardian=True, ended_at=None).exclude(
        pk__in=in_force.values("family_member_id")
    )


def hand_over() -> int:
    """Let every patient of the acting facility who came of age take over; safe to run twice.
    Answers how many did."""
    with transaction.atomic():
        ids = set(come_of_age().values_list("patient_id", flat=True))
        ids.update(_with_account_only().values_list("pk", flat=True))
    return sum(take_over(pk) for pk in sorted(ids))


def _with_account_only() -> QuerySet[Patient]:
    """Patients with an account who do not decide about their records: minors, and who has come of
    age without a guardian."""
    deciding = AccessGrant.grants.filter(
        source=AccessGrant.Source.SELF, permission__codename=Category.SHARING
    )
    rows = Patient.objects.filter(user__isnull=False)
    return rows.exclude(pk__in=deciding.values("content_object_id"))


@transaction.atomic
def take_over(patient_id: UUID) -> bool:
    """Let a patient who is of age take over from her guardians. False where she is a minor yet, or
    has taken over."""
    patient = (
        Patient.objects.select_for_update(of=("self",))
        .select_related("facility", "user")
        .get(pk=patient_id)
    )
    if ages.is_minor(patient):  # the birthday was corrected meanwhile
        return False
    standing = FamilyMember.objects.filter(patient=patient, is_guardian=True, ended_at=None)
    guardians = list(standing.select_related("user"))
    decides = not patient.user_id or not _with_account_only().filter(pk=patient.pk).exists()
    if not guardians and decides:  # done meanwhile
        return False
    for member in guardians:
        member.is_guardian, member.permission_level = False, Level.NONE
        member.guardian_consent = False
        member.save(update_fields=["is_guardian", "permission_level", "guardian_consent"])
        consent.apply(member)  # ends what stood by law
    others = FamilyMember.objects.filter(patient=patient, guardian_consent=True, ended_at=None)
    for member in others:
        consent.follow_law(member)
    relationships.lapse(patient)
    if patient.user_id:
        enrolment.open_to_herself(patient)
        notifications.notify(
            [patient.user],
            notifications.Kind.SHARING,
            title=_("You are of age: you decide who sees your record"),
            text=_("Your guardians see nothing of it any more. Grant it anew to whom you like."),
            link="/portal/sharing/",
            patient_id=patient.pk,
        )
    else:
        if patient.invitation_id and patient.invitation.is_open:  # written for a child
            invitations.withdraw(invitation=patient.invitation)
        notifications.notify(
            notifications.holders_of(Permission.FAMILY_MANAGE),
            notifications.Kind.ACCOUNT,
            title=_("A patient is of age and has no account"),
            text=_(
                "Ask for an e-mail address that nobody else reads, then invite the patient. The"
                " address on file may be the parents’."
            ),
            link=reverse("admin:patient_family", args=[patient.pk]),
            patient_id=patient.pk,
        )
    notifications.notify(
        [member.user for member in guardians if member.user_id],
        notifications.Kind.SHARING,
        title=_("Your access as a guardian has ended"),
        text=_("The young adult is of age and can grant it to you anew."),
        patient_id=patient.pk,
    )
    return True
