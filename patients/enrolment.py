"""Bringing patients into the portal: each with an account of her own."""

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from clinic import invitations
from clinic.errors import Conflict, invalid
from clinic.models import Invitation, User
from clinic.security import tenancy
from clinic.security.permissions import Category, Permission, Role
from patients import access, addresses, ages
from patients.models import AccessGrant, Consent, FamilyAccount, FamilyMember, Patient

SELF = AccessGrant.Source.SELF


@transaction.atomic
def invite(*, patient: Patient, email: str = "", by: User) -> Invitation:
    """Invite a patient to her own record, by the address given or the one on file. Of an address
    that is new the administrators are told.

    A minor's guardian has to have agreed before. Raises `Invalid` and `Conflict`.
    """
    tenancy.current().require(Permission.FAMILY_MANAGE)
    access.require_reach(patient, Category.VIEW, by)
    patient = Patient.objects.select_for_update().select_related("facility").get(pk=patient.pk)
    if patient.user_id:
        raise Conflict(_("The patient has an account already."))
    if ages.is_minor(patient) and not has_guardians_consent(patient):
        raise Conflict(_("A guardian has to agree first: invite the guardian."))
    if not (email or patient.email):
        raise invalid("email", _("Enter the e-mail address."))
    if patient.invitation_id and patient.invitation.is_open:
        invitations.withdraw(invitation=patient.invitation)
    patient.invitation = invitations.write(
        email=email or patient.email, role=Role.PATIENT, by=by,
        first_name=patient.first_name, last_name=patient.last_name,
    )  # fmt: skip
    patient.save(update_fields=["invitation"])
    addresses.tell_of_a_new_one(patient, patient.invitation, by=by)
    return patient.invitation


@transaction.atomic
def joined(invitation: Invitation, user: User) -> None:
    """The patient took up the invitation: her record is hers to read."""
    rows = Patient.objects.select_for_update(of=("self",)).select_related("facility")
    for patient in rows.filter(invitation=invitation, user=None):
        connect(patient=patient, user=user)


@transaction.atomic
def connect(*, patient: Patient, user: User) -> None:
    """Let the account be the patient's own. Who decides about the record follows from her age.

    Raises `Conflict` for the account of another patient, or of a relative of hers: who shares an
    address with somebody does not become her.
    """
    others = Patient.objects.filter(user=user, facility_id=patient.facility_id)
    beside = FamilyMember.objects.filter(patient=patient, user=user, ended_at=None)
    if others.exclude(pk=patient.pk).exists() or beside.exists():
        raise Conflict(_("This account belongs to somebody else. Use one of your own."))
    patient.user = user
    patient.save(update_fields=["user"])
    open_to_herself(patient)
    if not ages.is_minor(patient):  # her family has waited for somebody who speaks for it
        families = FamilyAccount.objects.filter(primary_member=None, members__patient=patient)
        families.update(primary_member=user)


def open_to_herself(patient: Patient) -> None:
    """Open to the patient what is hers; of age she also decides who else sees it."""
    categories = set(access.FULL_ACCESS)
    if ages.is_minor(patient):
        categories.discard(Category.SHARING)
    access.grant(patient=patient, user=patient.user, source=SELF, categories=categories)


def has_guardians_consent(patient: Patient) -> bool:
    """Whether a guardian with an account stands beside the minor."""
    rows = Consent.objects.current().filter(patient=patient, basis=Consent.Basis.GUARDIAN)
    return rows.filter(family_member__user__isnull=False, family_member__ended_at=None).exists()
