"""Referrals: a patient is sent to a colleague, who sees what she needs for a time."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic import notifications, words
from clinic.errors import Missing, invalid
from clinic.models import User
from clinic.security import tenancy
from clinic.security.permissions import Category, Permission
from patients import access, care_team, circle, consent
from patients.models import AccessGrant, Patient

REFERRAL = AccessGrant.Source.REFERRAL
LONGEST = timedelta(days=365)


def of_patient(patient: Patient) -> list[circle.Holder]:
    """To whom the patient is referred now, as far as the actor may know it; the newest first."""
    return circle.of(patient, REFERRAL)


def to(user: User) -> list[AccessGrant]:
    """The referrals to the acting person that are in force, one a patient; what ends first leads.

    Its patient is `content_object`.
    """
    rows = AccessGrant.grants.current().filter(
        user=user, source=REFERRAL, facility_id__in=tenancy.current().facilities,
        permission__codename=Category.VIEW, content_object__in=access.visible_to(user),
    )  # fmt: skip
    return list(rows.select_related("content_object", "granted_by").order_by("expires_at", "pk"))


@transaction.atomic
def refer(
    *,
    patient: Patient,
    to: User,
    reason: str,
    until: datetime,
    categories: Iterable[Category] | None = None,
    by: User,
) -> None:
    """Refer a patient to a colleague of the clinic; it ends by itself at `until`, within a year.

    One may open only what one reads oneself, and what one reads by a grant alone until that ends,
    at most. Raises `Invalid`, and stores nothing.
    """
    tenancy.current().require(Permission.CARE_TEAM_MANAGE)
    care_team.require_treating(patient, by)
    if not words.shown(reason):
        raise invalid("reason", _("Say why the patient is referred."))
    if not timezone.now() < until <= timezone.now() + LONGEST:
        raise invalid("until", _("Choose a day within a year."))
    if not care_team.staff().filter(pk=to.pk).exists():
        raise invalid("to", _("There is no such person in this clinic."))
    if to.pk == by.pk:
        raise invalid("to", _("Choose a colleague."))
    ends = care_team.openable(patient, categories, by, until=until)
    with tenancy.whole_facility(clinical=True):
        access.grant_until(
            patient=patient, user=to, ends=ends, source=REFERRAL,
            reason=reason.strip()[:300], by=by,
        )  # fmt: skip
    notifications.notify(
        [to],
        notifications.Kind.SHARING,
        title=_("A patient was referred to you"),
        text=_("%(name)s referred a patient to you."),
        values={"name": by.get_full_name()},
        link=f"/admin/chart/{patient.pk}/",
        patient_id=patient.pk,
    )


@transaction.atomic
def end(*, patient: Patient, user: User, by: User) -> None:
    """End a referral: who treats the patient may, whom she was referred to, and who decides for
    her."""
    if tenancy.current().is_portal:
        consent.require_steward(patient, by)
    elif user.pk != by.pk:
        care_team.require_treating(patient, by)
    rows = AccessGrant.grants.filter(content_object=patient, user=user, source=REFERRAL)
    with tenancy.whole_facility(clinical=True):
        if not rows.exists():
            raise Missing(_("There is no such referral."))
        access.revoke(patient=patient, user=user, source=REFERRAL)
