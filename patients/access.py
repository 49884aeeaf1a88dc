"""The one door for reading patients, and the grants that open it.

Who reaches whom is the database's to say (`app_wide`, `app_patients`): the doors here ask it in the
same words as the row policies, which stand behind them and hold besides how single rows are kept
(`patients.models.Kept`).
"""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from uuid import UUID

from django.contrib.auth.models import Permission as ModelPermission
from django.db import connection, models, transaction
from django.db.models import F, Func, Value
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from guardian.backends import ObjectPermissionBackend

from clinic.errors import Conflict, Missing
from clinic.models import User
from clinic.security import rls, tenancy
from clinic.security.permissions import CONFIDENTIAL_KINDS, Category, Denied, Permission, Reach
from patients.models import AccessGrant, Patient

# What a patient holds of herself, of age.
FULL_ACCESS = tuple(Category)
# Opened by a grant alone, whomever a role reaches.
BY_GRANT_ONLY = frozenset({*CONFIDENTIAL_KINDS, Category.SHARING})


def visible_to(user) -> models.QuerySet[Patient]:
    """The patients whom the person may see, acting as she does now.

    `user` is the current actor's account: acting as one person and reading as another is refused.
    """
    return visible(Patient.objects.all(), user, category=Category.VIEW, column="pk")


def visible(
    queryset: models.QuerySet, user, *, category: Category, column: str = "patient_id"
) -> models.QuerySet:
    """Rows of patients within the actor's reach; the database's policies stand behind it."""
    actor = tenancy.current()
    if user is not None and user.pk != actor.user_id:
        raise Denied(Permission.PATIENT_VIEW)
    if _reach(category) == Reach.NONE:
        return queryset.none()
    return queryset.filter(_within_reach(column, category), facility_id__in=actor.facilities)


def _reach(category: Category) -> Reach:
    """Whose category the actor sees: the cover by any role, all else by those that read it."""
    actor = tenancy.current()
    return actor.clinical if category.is_clinical else actor.reach


def in_context(queryset: models.QuerySet, category: Category, column: str = "id"):
    """The same door, for a reading whose actor is settled by the database in the same round trip
    (`clinic.api.quick`): the facility too is the transaction's, not ours."""
    return queryset.filter(_within_reach(column, category), facility_id=ACTING_FACILITY)


@cache
def _within_reach(column: str, category: Category) -> "WithinReach":
    return WithinReach(F(column), Value(category.value))


class ActingFacility(Func):
    """The facility that the transaction acts in."""

    template = "(SELECT app_facility())"
    output_field = models.UUIDField()


def within_reach(column: str, category: Category, parameter: str = "%s") -> str:
    """The condition in SQL, with one parameter for the category's name."""
    by_grant = rls.GRANTED.format(column=column, category=parameter)
    if category in BY_GRANT_ONLY:
        return by_grant
    reach = "app_clinical_wide" if category.is_clinical else "app_wide"
    return f"({rls.WIDE.format(reach=reach, column=column)} OR {by_grant})"


class WithinReach(Func):
    """Whether a category of the patient whom a column names is within the transaction's reach; as
    the policies ask it."""

    output_field = models.BooleanField()
    conditional = True

    def as_sql(self, compiler, connection, **context):
        column, category = self.source_expressions
        (left, _none), (right, parameters) = compiler.compile(column), compiler.compile(category)
        return within_reach(left, Category(category.value), right), list(parameters)


ACTING_FACILITY = ActingFacility()


def may(user, patient: Patient, category: Category) -> bool:
    """Whether the actor reaches this category of this patient's chart."""
    return category in categories_of(user, patient)


def categories_of(user, patient: Patient) -> frozenset[Category]:
    """All categories of this patient's chart that the actor reaches, in one query."""
    actor = tenancy.current()
    if user.pk != actor.user_id or patient.facility_id not in actor.facilities:
        return frozenset()
    reached = {c for c in Category if _is_wide(c) and patient.pk not in actor.barred}
    return frozenset(reached | granted(user, patient))


def granted(user, patient: Patient) -> frozenset[Category]:
    """The categories that are open to the actor by grants of her own, whatever her role reaches."""
    if user.pk != tenancy.current().user_id:
        return frozenset()
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute("SELECT app_categories(%s)", [patient.pk])
        held = {Category(name) for name in cursor.fetchone()[0]}
    return frozenset(category for category in held if _reach(category) != Reach.NONE)


def _is_wide(category: Category) -> bool:
    """Whether the actor reaches the category of everybody who did not bar her."""
    return category not in BY_GRANT_ONLY and _reach(category) == Reach.FACILITY


def read_clinically(ids: Iterable[UUID], category: Category = Category.VIEW) -> frozenset[UUID]:
    """Those of the patients whose clinical content the actor reads; `category` is the grant that it
    needs where her roles read only patients granted to her."""
    actor = tenancy.current()
    if actor.clinical == Reach.NONE:
        return frozenset()
    wanted = frozenset(ids)
    wide = wanted.difference(actor.barred) if actor.clinical == Reach.FACILITY else frozenset()
    if wide == wanted:
        return wide
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM unnest(app_patients(%s)) AS id WHERE id = ANY (%s)",
            [category.value, list(wanted - wide)],
        )
        return wide | {pk for (pk,) in cursor.fetchall()}


def require_reach(patient: Patient, category: Category, user=None) -> None:
    """Raise `Missing` unless the actor reaches this category of the patient's chart, asking the
    database anew: a patient out of reach reads as one who does not exist."""
    rows = Patient.objects.filter(pk=patient.pk)
    if not visible(rows, user, category=category, column="pk").exists():
        message = _("There is no such patient.")
        raise Missing(message, fields={"patient": [message]})


@transaction.atomic
def grant(
    *,
    patient: Patient,
    user: User,
    categories: Iterable[Category] = FULL_ACCESS,
    source: AccessGrant.Source,
    reason: str = "",
    expires_at: datetime | None = None,
    by: User | None = None,
) -> list[AccessGrant]:
    """Open categories of a patient's chart to a person; one that is open gets the new end. The
    cover stays open as long as anything else that the same source opened.

    By an emergency access nobody is let in: what is open for an hour would be open for good.
    """
    if source != AccessGrant.Source.EMERGENCY and patient.pk in tenancy.current().emergencies:
        raise Conflict(_("Give the emergency access back first: nobody is let in by it."))
    wanted = {permission.pk: permission for permission in _permissions(categories)}
    rows = AccessGrant.grants.filter(user=user, content_object=patient, source=source)
    held = list(rows.select_related("permission"))
    others = [row.expires_at for row in held if row.permission_id not in wanted]
    last = None if None in (*others, expires_at) else max((*others, expires_at))
    given = {
        "reason": reason,
        "granted_at": timezone.now(),
        "granted_by_id": by.pk if by else None,
    }

    def end_of(permission: ModelPermission) -> datetime | None:
        return last if permission.codename == Category.VIEW else expires_at

    kept = [row for row in held if row.permission_id in wanted]
    for row in kept:
        permission = wanted.pop(row.permission_id)
        for name, value in {**given, "expires_at": end_of(permission)}.items():
            setattr(row, name, value)
        row.save(update_fields=[*given, "expires_at"])
    new = [
        AccessGrant(
            user=user, content_object=patient, source=source, permission=permission,
            facility_id=patient.facility_id, expires_at=end_of(permission), **given,
        )
        for permission in wanted.values()
    ]  # fmt: skip
    AccessGrant.grants.bulk_create(new)
    return [*kept, *new]


def _permissions(categories: Iterable[Category]) -> models.QuerySet[ModelPermission]:
    return ModelPermission.objects.filter(
        codename__in=[Category(category).value for category in categories],
        content_type__app_label="patients",
        content_type__model="patient",
    )


@transaction.atomic
def revoke(*, patient: Patient, user: User, source: AccessGrant.Source, categories=FULL_ACCESS):
    """Close categories to a person; it holds from the next request on. Whoever may not see who the
    patient is (`view`) sees nothing of her."""
    if Category.VIEW in categories:
        categories = FULL_ACCESS
    AccessGrant.grants.filter(
        content_object=patient,
        user=user,
        source=source,
        permission__codename__in=[Category(c).value for c in categories],
    ).delete()


@transaction.atomic
def set_open(
    *,
    patient: Patient,
    user: User,
    source: AccessGrant.Source,
    ends: dict[Category, datetime | None],
    by: User | None = None,
) -> None:
    """Make exactly these categories open to the person by that source, each until its end. The
    cover goes with any of them, as long as the last."""
    revoke(patient=patient, user=user, source=source, categories=set(Category) - set(ends) - COVER)
    if not ends:
        revoke(patient=patient, user=user, source=source)
        return
    last = None if None in ends.values() else max(ends.values())
    by_end: dict[datetime | None, set[Category]] = {}
    for category, end in {**ends, Category.VIEW: last}.items():
        by_end.setdefault(end, set()).add(category)
    for end, categories in by_end.items():
        grant(
            patient=patient, user=user, source=source, categories=categories, expires_at=end, by=by
        )


COVER = frozenset({Category.VIEW})


class GrantBackend(ObjectPermissionBackend):
    """django-guardian's answers, for grants in force and for the acting person only."""

    def has_perm(self, user_obj, perm, obj=None):
        if not isinstance(obj, Patient):
            return False
        category = perm.rpartition(".")[2]
        return category in Category.values and may(user_obj, obj, Category(category))
