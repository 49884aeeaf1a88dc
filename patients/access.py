"""The one door for reading patients, and the grants that open it."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from uuid import UUID

from django.contrib.auth.models import Permission as ModelPermission
from django.db import models, transaction
from django.db.models import F, Func, Value
from django.utils.translation import gettext_lazy as _
from guardian.backends import ObjectPermissionBackend

from clinic.errors import Missing
from clinic.models import User
from clinic.security import tenancy
from clinic.security.permissions import Category, Denied, Permission, Reach
from patients.models import AccessGrant, Patient

FULL_ACCESS = tuple(Category)


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
    queryset = queryset.filter(facility_id__in=actor.facilities)
    reach = _reach(category)
    if reach == Reach.FACILITY:
        return queryset
    if reach == Reach.GRANTED:
        return queryset.filter(**{f"{column}__in": granted_to(actor.user_id, category)})
    return queryset.none()


def _reach(category: Category) -> Reach:
    """Whose category the actor sees: the cover by any role, all else by those that read it."""
    actor = tenancy.current()
    return actor.clinical if category.is_clinical else actor.reach


def in_context(queryset: models.QuerySet, category: Category, column: str = "id"):
    """The same door, for a reading whose actor is settled by the database in the same round trip
    (`clinic.api.quick`): the condition asks the transaction's context instead of ours."""
    return queryset.filter(_within_reach(column, category), facility_id=ACTING_FACILITY)


@cache
def _within_reach(column: str, category: Category) -> "WithinReach":
    return WithinReach(F(column), Value(category.value))


class ActingFacility(Func):
    """The facility that the transaction acts in."""

    template = "(SELECT app_facility())"
    output_field = models.UUIDField()


# Whether the cover of the patient whom a column names is within the transaction's reach; as the
# policies ask it.
WITHIN_REACH = "((SELECT app_wide()) OR {column} = ANY ((SELECT app_patients({category}))::uuid[]))"


class WithinReach(Func):
    """`WITHIN_REACH` as an expression."""

    output_field = models.BooleanField()
    conditional = True

    def as_sql(self, compiler, connection, **context):
        column, category = self.source_expressions
        (left, _none), (right, parameters) = compiler.compile(column), compiler.compile(category)
        return WITHIN_REACH.format(column=left, category=right), list(parameters)


ACTING_FACILITY = ActingFacility()


def granted_to(user_id, category: Category) -> models.QuerySet:
    """The ids of patients of whom the acting person holds a current grant of the category."""
    return (
        _counting()
        .filter(user_id=user_id, permission__codename=category.value)
        .values("content_object_id")
    )


def _counting() -> models.QuerySet[AccessGrant]:
    """The grants in force that count here: what a person holds as patient or relative in the
    portal, what she holds as one of the clinic elsewhere."""
    own = models.Q(source__in=AccessGrant.OWN)
    return AccessGrant.grants.current().filter(own if tenancy.current().is_portal else ~own)


def may(user, patient: Patient, category: Category) -> bool:
    """Whether the actor reaches this category of this patient's chart."""
    actor = tenancy.current()
    if user.pk != actor.user_id or patient.facility_id not in actor.facilities:
        return False
    if (reach := _reach(category)) != Reach.GRANTED:
        return reach == Reach.FACILITY
    return granted_to(actor.user_id, category).filter(content_object_id=patient.pk).exists()


def categories_of(user, patient: Patient) -> frozenset[Category]:
    """All categories of this patient's chart that the actor reaches, in one query."""
    actor = tenancy.current()
    if user.pk != actor.user_id or patient.facility_id not in actor.facilities:
        return frozenset()
    reached = {category: _reach(category) for category in Category}
    held: set[str] = set()
    if Reach.GRANTED in reached.values():
        grants = _counting().filter(user_id=user.pk, content_object=patient)
        held = set(grants.values_list("permission__codename", flat=True))
    return frozenset(
        category
        for category, reach in reached.items()
        if reach == Reach.FACILITY or (reach == Reach.GRANTED and category.value in held)
    )


def read_clinically(ids: Iterable[UUID], category: Category = Category.VIEW) -> frozenset[UUID]:
    """Those of the patients whose clinical content the actor reads; `category` is the grant that it
    needs where her roles read only patients granted to her."""
    actor = tenancy.current()
    if actor.clinical != Reach.GRANTED:
        return frozenset(ids if actor.clinical == Reach.FACILITY else ())
    with transaction.atomic():
        granted = granted_to(actor.user_id, category).filter(content_object_id__in=list(ids))
        return frozenset(granted.values_list("content_object_id", flat=True))


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
) -> list[AccessGrant]:
    """Open categories of a patient's chart to a person; one that is open gets the new end."""
    codenames = [Category(category).value for category in categories]
    permissions = ModelPermission.objects.filter(
        codename__in=codenames,
        content_type__app_label="patients",
        content_type__model="patient",
    )
    grants = []
    for permission in permissions:
        row, _created = AccessGrant.grants.update_or_create(
            user=user,
            permission=permission,
            content_object=patient,
            source=source,
            defaults={"reason": reason, "expires_at": expires_at},
            create_defaults={
                "reason": reason,
                "expires_at": expires_at,
                "facility_id": patient.facility_id,
            },
        )
        grants.append(row)
    return grants


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


class GrantBackend(ObjectPermissionBackend):
    """django-guardian's answers, for grants in force and for the acting person only."""

    def has_perm(self, user_obj, perm, obj=None):
        if not isinstance(obj, Patient):
            return False
        category = perm.rpartition(".")[2]
        return category in Category.values and may(user_obj, obj, Category(category))
