"""The one door for reading patients, and the grants that open it.

Who reaches whom is the database's to say (`app_wide`, `app_patients`): the doors here ask it in the
same words as the row policies, which stand behind them and hold besides how single rows are kept
(`patients.models.Kept`).
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import cache
from uuid import UUID

from django.contrib.auth.models import Permission as ModelPermission
from django.db import connection, models, transaction
from django.db.models import F, Func, Q, Value
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


def known_to(user) -> models.QuerySet[Patient]:
    """Those of them whom the person does not see by an emergency access alone."""
    rows = visible_to(user)
    opened = rows.filter(pk__in=tenancy.current().emergencies)
    return rows.exclude(pk__in=[one.pk for one in opened if is_under_glass(one)])


def visible(
    queryset: models.QuerySet, user, *, category: Category, column: str = "patient_id"
) -> models.QuerySet:
    """Rows of patients within the actor's reach; the database's policies stand behind it."""
    actor = tenancy.current()
    if user is not None and user.pk != actor.user_id:
        raise Denied(Permission.PATIENT_VIEW)
    if _reach(category) == Reach.NONE:
        return queryset.none()
    rows = queryset.filter(facility_id__in=actor.facilities)
    if not _is_wide(category):  # said alone, so that an index finds the few
        return rows.filter(_within_reach(column, category, by_grant=True))
    return rows.filter(_within_reach(column, category)) if actor.barred else rows


def _reach(category: Category) -> Reach:
    """Whose category the actor sees: the cover by any role, all else by those that read it."""
    actor = tenancy.current()
    return actor.clinical if category.is_clinical else actor.reach


def in_context(queryset: models.QuerySet, category: Category, column: str = "id"):
    """The same door, for a reading whose actor is settled by the database in the same round trip
    (`clinic.api.quick`): the facility too is the transaction's, not ours."""
    return queryset.filter(_within_reach(column, category), facility_id=ACTING_FACILITY)


@cache
def _within_reach(column: str, category: Category, *, by_grant: bool = False) -> "WithinReach":
    return WithinReach(F(column), Value(category.value), by_grant=by_grant)


class ActingFacility(Func):
    """The facility that the transaction acts in."""

    template = "(SELECT app_facility())"
    output_field = models.UUIDField()


def within_reach(
    column: str, category: Category, parameter: str = "%s", *, by_grant: bool = False
) -> str:
    """The condition in SQL, with one parameter for the category's name; `by_grant` for an actor
    whose roles reach nobody else."""
    granted = rls.GRANTED.format(column=column, category=parameter)
    if by_grant or category in BY_GRANT_ONLY:
        return granted
    reach = "app_clinical_wide" if category.is_clinical else "app_wide"
    return f"({rls.WIDE.format(reach=reach, column=column)} OR {granted})"


class WithinReach(Func):
    """Whether a category of the patient whom a column names is within the transaction's reach; as
    the policies ask it."""

    output_field = models.BooleanField()
    conditional = True

    def as_sql(self, compiler, connection, **context):
        column, category = self.source_expressions
        (left, _none), (right, parameters) = compiler.compile(column), compiler.compile(category)
        by_grant = self.extra["by_grant"]
        sql = within_reach(left, Category(category.value), right, by_grant=by_grant)
        return sql, list(parameters)


ACTING_FACILITY = ActingFacility()


def may(user, patient: Patient, category: Category) -> bool:
    """Whether the actor reaches this category of this patient's chart."""
    return category in categories_of(user, patient)


def categories_of(user, patient: Patient, *, under_glass: bool = True) -> frozenset[Category]:
    """All categories of this patient's chart that the actor reaches, in one query; without those
    that are open to her in an emergency only, where it is not to count."""
    actor = tenancy.current()
    if user.pk != actor.user_id or patient.facility_id not in actor.facilities:
        return frozenset()
    reached = {c for c in Category if _is_wide(c) and patient.pk not in actor.barred}
    return frozenset(reached | granted(user, patient, under_glass=under_glass))


def granted(user, patient: Patient, *, under_glass: bool = True) -> frozenset[Category]:
    """The categories that are open to the actor by grants of her own, whatever her role reaches."""
    if user.pk != tenancy.current().user_id:
        return frozenset()
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute("SELECT app_categories(%s, %s)", [patient.pk, under_glass])
        held = {Category(name) for name in cursor.fetchone()[0]}
    return frozenset(category for category in held if _reach(category) != Reach.NONE)


def is_under_glass(patient: Patient) -> bool:
    """Whether the actor reaches the patient by an emergency access and in no other way."""
    actor = tenancy.current()
    if patient.pk not in actor.emergencies:
        return False
    me = User(pk=actor.user_id)
    return Category.VIEW not in categories_of(me, patient, under_glass=False)


def held_until(user, patient: Patient) -> dict[Category, datetime | None]:
    """All categories of this patient's chart that the actor reaches, each with the moment at which
    it closes to her by itself. What her role opens has no end."""
    own = Q(source__in=AccessGrant.OWN)
    rows = AccessGrant.grants.current().filter(
        own if tenancy.current().is_portal else ~own, user=user, content_object=patient
    )
    ends: dict[str, set[datetime | None]] = {}
    for name, end in rows.values_list("permission__codename", "expires_at"):
        ends.setdefault(name, set()).add(end)
    return {
        category: None if _is_wide(category) else latest(ends[category])
        for category in categories_of(user, patient)
        if _is_wide(category) or category in ends
    }


def latest(ends: Collection[datetime | None]) -> datetime | None:
    """The last of several ends; None is none."""
    return None if None in ends else max(ends)


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


def deciders(patient: Patient) -> models.QuerySet[AccessGrant]:
    """The grants by which somebody decides now who sees the patient: her own, or her guardians'."""
    return AccessGrant.grants.current().filter(
        content_object=patient,
        permission__codename=Category.SHARING.value,
        source__in=AccessGrant.OWN,
    )


@transaction.atomic
@tenancy.by_verb()
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
    last = latest((*others, expires_at))
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
@tenancy.by_verb()
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
    grant_until(patient=patient, user=user, source=source, ends=ends, by=by)


@transaction.atomic
def grant_until(
    *,
    patient: Patient,
    user: User,
    source: AccessGrant.Source,
    ends: dict[Category, datetime | None],
    reason: str = "",
    by: User | None = None,
) -> None:
    """Open categories to the person, each until its end, and the cover as long as the last."""
    by_end: dict[datetime | None, set[Category]] = {}
    for category, end in ends.items():
        by_end.setdefault(end, set(COVER)).add(category)
    for end, categories in by_end.items():
        grant(
            patient=patient, user=user, source=source, categories=categories, reason=reason,
            expires_at=end, by=by,
        )  # fmt: skip


COVER = frozenset({Category.VIEW})


class GrantBackend(ObjectPermissionBackend):
    """django-guardian's answers, for grants in force and for the acting person only."""

    def has_perm(self, user_obj, perm, obj=None):
        if not isinstance(obj, Patient):
            return False
        category = perm.rpartition(".")[2]
        return category in Category.values and may(user_obj, obj, Category(category))
