"""The law of the clinic's place on minors: when somebody is of age, and from which age confidential
care is the minor's own. What guardians see, and what they opened to others, follows at once."""

from uuid import UUID

from celery import current_app
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from clinic import staffing
from clinic.errors import Conflict, Invalid, Missing
from clinic.models import Facility, User
from clinic.models.facility import MOST_YEARS
from clinic.security import tenancy
from clinic.security.permissions import CONFIDENTIAL_KINDS, Category
from patients import consent
from patients.models import AccessGrant, FamilyMember

YOUNGEST = 14  # at which somebody is of age, anywhere
AT_ONCE = 200  # relatives; of more than these the worker makes the access anew
A_BATCH = 50
# Whose access the law bounds: guardians, and relatives to whom they opened something.
BY_LAW = Q(is_guardian=True) | Q(guardian_consent=True)
UNDER_WAY = "guardians"  # in `Facility.settings`, while the worker is at it


@transaction.atomic
@tenancy.by_verb()
def set_law(
    *, facility: Facility, majority_age: int, private_from: dict[str, int], by: User
) -> Facility:
    """Set the age of majority, and from which age each kind of confidential care is closed to
    guardians; a kind that is left out stays open to them until the day of majority.

    What guardians see, and opened to others, follows at once; of very many, what closes does, and
    the worker makes the rest. Needs an administrator, with a second step. Raises `Invalid` naming
    what cannot be, and stores nothing.
    """
    actor = tenancy.current()
    staffing.require_manager(by)
    row = Facility.objects.select_for_update().filter(pk=facility.pk).first()
    if row is None or row.pk != actor.facility_id:
        raise Missing(_("There is no such clinic."))
    law = {Category(kind).value: years for kind, years in _checked(majority_age, private_from)}
    if (row.majority_age, row.private_from) == (majority_age, law):
        return row
    if row.settings.get(UNDER_WAY):
        raise Conflict(_("The last change is still being carried out. Wait a moment."))
    closing = _closing(row, majority_age, law)
    row.majority_age, row.private_from = majority_age, law
    row.save(update_fields=["majority_age", "private_from"])
    with tenancy.whole_facility(clinical=True):
        _carry_out(row, closing)
    return row


def follow() -> bool:
    """Make the access of the next relatives what the law says. False once all are done; safe to
    run twice, and after a worker died."""
    with transaction.atomic():
        facility = Facility.objects.select_for_update().get(pk=tenancy.current().facility_id)
        way = facility.settings.get(UNDER_WAY)
        if not way:
            return False
        members = list(_of_minors().filter(pk__gt=UUID(way["after"]))[:A_BATCH])
        for member in members:
            consent.follow_law(member)
        if members:
            way |= {"after": str(members[-1].pk), "done": way["done"] + len(members)}
        else:
            del facility.settings[UNDER_WAY]
        facility.save(update_fields=["settings"])
        return bool(members)


def progress(facility: Facility) -> tuple[int, int] | None:
    """How many relatives are done, of how many; None where nothing is under way."""
    way = facility.settings.get(UNDER_WAY)
    return (way["done"], way["total"]) if way else None


def _checked(majority_age: int, private_from: dict[str, int]) -> list[tuple[str, int]]:
    wrong = {}
    if not _is_whole(majority_age) or not YOUNGEST <= majority_age <= MOST_YEARS:
        limits = {"low": YOUNGEST, "high": MOST_YEARS}
        text = _("Enter an age from %(low)d to %(high)d years.") % limits
        raise Invalid(text, fields={"majority_age": [text]})
    for kind, years in private_from.items():
        if kind not in CONFIDENTIAL_KINDS:
            wrong[kind] = [_("This is no kind of confidential content.")]
        elif not _is_whole(years) or not 0 <= years <= majority_age:
            most = {"high": majority_age}
            wrong[kind] = [_("Enter an age from 0 to %(high)d years, or leave it empty.") % most]
    if wrong:
        raise Invalid(_("Some details need to be corrected."), fields=wrong)
    return [(kind, private_from[kind]) for kind in CONFIDENTIAL_KINDS if kind in private_from]


def _is_whole(years) -> bool:
    return isinstance(years, int) and not isinstance(years, bool)


def _closing(facility: Facility, majority_age: int, law: dict[str, int]) -> set[Category]:
    """What some guardians see by the old law and not by the new one."""
    if majority_age < facility.majority_age:
        return set(Category)
    old, never = facility.private_from, MOST_YEARS + 1
    return {Category(kind) for kind in law if law[kind] < old.get(kind, never)}


def _carry_out(facility: Facility, closing: set[Category]) -> None:
    total = _of_minors().count()
    if total > AT_ONCE:
        _close(closing)
        start = {"after": str(UUID(int=0)), "done": 0, "total": total}
        facility.settings = facility.settings | {UNDER_WAY: start}
        facility.save(update_fields=["settings"])
    else:
        for member in _of_minors():
            consent.follow_law(member)
    arguments = {"facility_id": str(facility.pk)}  # who is of age by the new law takes over
    transaction.on_commit(
        lambda: current_app.send_task("patients.hand_over_here", kwargs=arguments, retry=False),
        robust=True,
    )


def _close(categories: set[Category]) -> None:
    """Nothing stays open until the worker comes to it that the new law closes."""
    hers = FamilyMember.objects.filter(
        BY_LAW, patient=OuterRef("content_object"), user=OuterRef("user"), ended_at=None
    )
    AccessGrant.grants.filter(
        Exists(hers), source=AccessGrant.Source.FAMILY,
        permission__codename__in=[category.value for category in categories],
        facility_id=tenancy.current().facility_id,
    ).delete()  # fmt: skip


def _of_minors() -> QuerySet[FamilyMember]:
    rows = FamilyMember.objects.filter(
        BY_LAW, ended_at=None, facility_id=tenancy.current().facility_id
    )
    return rows.order_by("pk")


def in_years(facility: Facility) -> list[tuple[Category, int | None]]:
    """From which age each kind of confidential care is a minor's own; None: never before she is of
    age."""
    law = facility.private_from
    return [(kind, law.get(kind)) for kind in CONFIDENTIAL_KINDS]
