"""Bringing people into the clinic: there is no open sign-up."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from clinic import staffing
from clinic.errors import Invalid, invalid
from clinic.models import Facility, RoleAssignment, User
from clinic.security import tenancy
from clinic.security.permissions import STAFF_ROLES, Permission, Role


@transaction.atomic
def invite(
    *,
    email: str,
    role: Role,
    first_name: str = "",
    last_name: str = "",
    department: str = "",
    by: User,
) -> RoleAssignment:
    """Give a person a role here; one without an account gets it, without a password.

    She sets her password by the "I forgot my password" of the sign-in. Whether somebody had an
    account before, in whatever clinic, is not told. Raises `Invalid` naming the field.
    """
    actor = tenancy.current()
    actor.require(Permission.STAFF_MANAGE)
    email = _checked(email)
    if role not in STAFF_ROLES:
        raise invalid("role", _("Choose a role of the clinic's staff."))
    if not first_name.strip() or not last_name.strip():
        wrong = {"first_name": first_name, "last_name": last_name}
        fields = {
            name: [_("Enter the name.")] for name, value in wrong.items() if not value.strip()
        }
        raise Invalid(_("Some details need to be corrected."), fields=fields)
    facility = Facility.objects.get(pk=actor.facility_id)
    person = _account(email, first_name.strip(), last_name.strip())
    return staffing.assign(
        user=person, role=role, facility=facility, department=department.strip(), by=by
    )


def _checked(email: str) -> str:
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise invalid("email", _("Enter an e-mail address, like ana@example.org.")) from error
    return email


def _account(email: str, first_name: str, last_name: str) -> User:
    known = User.objects.filter(email__iexact=email).first()
    if known is not None:
        return known
    person = User(email=email, first_name=first_name, last_name=last_name)
    person.set_unusable_password()
    try:
        with transaction.atomic():
            person.save(force_insert=True)
    except IntegrityError:  # somebody else invited her at the same moment
        return User.objects.get(email__iexact=email)
    return person
