"""People and what they are in a facility: users, roles, specialists, and the tokens of the API."""

from collections.abc import Iterable
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.models.base import FacilityRow, Row
from clinic.models.reach import Reached
from clinic.security import tenancy
from clinic.security.fields import EncryptedCharField, EncryptedEmailField, EncryptedJSONField
from clinic.security.permissions import CARE_ROLES, PORTAL_ROLES, STAFF_ROLES, Role


class UserManager(BaseUserManager):
    """Finds people by e-mail address, whatever its case."""

    def get_by_natural_key(self, username):
        return self.get(email__iexact=username)

    def create_user(self, email, password=None, **fields):
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email, password=None, **fields):
        raise NotImplementedError("Nobody stands above the role table: assign a role instead.")


class User(Reached, AbstractBaseUser, PermissionsMixin, Row):
    """A person with an account: staff, patient or relative. Names are sealed by the platform's key,
    because a patient's are among them."""

    email = models.EmailField(_("e-mail"), unique=True)
    first_name = EncryptedCharField(_("first name"), max_length=100, blank=True, default="")
    last_name = EncryptedCharField(_("last name"), max_length=100, blank=True, default="")
    phone = EncryptedCharField(_("phone"), max_length=30, blank=True, default="")
    license_number = models.CharField(_("licence number"), max_length=50, blank=True)
    npi_number = models.CharField(_("NPI number"), max_length=20, blank=True)
    preferred_language = models.CharField(_("language"), max_length=10, blank=True)
    theme = models.CharField(_("theme"), max_length=5, default="auto")
    is_active = models.BooleanField(_("active"), default=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []
    objects = UserManager()

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = [
            models.UniqueConstraint(Lower("email"), name="one_account_an_email"),
        ]

    def __str__(self):
        return self.email

    def get_full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.email

    def get_short_name(self) -> str:
        return self.first_name or self.email

    @property
    def is_staff(self) -> bool:
        """Whether the current actor is this person in a staff role; the admin asks it."""
        from clinic import staffing

        return staffing.is_staff(self)


class RoleAssignmentQuerySet(models.QuerySet):
    """Who holds which role: what was taken away stays as a row, so ask for what is `held`."""

    def held(self):
        """In whatever facility the actor may know of."""
        return self.filter(is_active=True)

    def here(self):
        """Held in the facility acted in."""
        return self.held().filter(facility_id=tenancy.current().facility_id)

    def of_staff(self):
        return self.filter(role__in=STAFF_ROLES)

    def of_care(self):
        """Those of the clinic that read charts."""
        return self.filter(role__in=CARE_ROLES)

    def of_portal(self):
        return self.filter(role__in=PORTAL_ROLES)

    def people(self) -> models.QuerySet[User]:
        """Who holds them, as far as the account is in use."""
        return User.objects.filter(is_active=True, pk__in=self.values("user_id"))

    def titles(self, ids: Iterable[UUID]) -> dict[UUID, str]:
        """What people are called here: the staff role of each, the primary one where there are
        several."""
        titles: dict[UUID, str] = {}
        for one in self.here().of_staff().filter(user_id__in=list(ids)):
            titles.setdefault(one.user_id, one.get_role_display())
        return titles


class RoleAssignment(FacilityRow):
    """A role that a person holds in a facility."""

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="roles", verbose_name=_("person")
    )
    role = models.CharField(_("role"), max_length=20, choices=Role)
    department = models.CharField(_("department"), max_length=100, blank=True)
    is_primary = models.BooleanField(_("primary"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    # What was granted before the role was last taken up counts no more.
    held_since = models.DateTimeField(_("since"), default=timezone.now)

    objects = RoleAssignmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("role of a person")
        verbose_name_plural = _("roles of people")
        ordering = ["-is_primary", "role"]
        constraints = [
            models.UniqueConstraint(
                fields=["facility", "user", "role", "department"], name="a_role_is_held_once"
            ),
            models.UniqueConstraint(
                fields=["facility", "user"],
                condition=models.Q(is_primary=True),
                name="one_primary_role",
            ),
        ]

    def __str__(self):
        return self.get_role_display()


class Invitation(FacilityRow):
    """A letter that lets somebody take up a role here. Its key is signed, and kept nowhere."""

    email = EncryptedEmailField(_("e-mail"))
    first_name = EncryptedCharField(_("first name"), max_length=100, blank=True, default="")
    last_name = EncryptedCharField(_("last name"), max_length=100, blank=True, default="")
    role = models.CharField(_("role"), max_length=20, choices=Role)
    department = models.CharField(_("department"), max_length=100, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    invited_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("invited by")
    )
    expires_at = models.DateTimeField(_("ends"))
    accepted_at = models.DateTimeField(_("accepted"), null=True, blank=True)
    accepted_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("accepted by")
    )
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="invitation_in_facility"),
            models.CheckConstraint(
                condition=models.Q(accepted_at=None) | models.Q(withdrawn_at=None),
                name="an_invitation_is_accepted_or_withdrawn",
            ),
        ]

    def __str__(self):
        return self.get_role_display()

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def is_open(self) -> bool:
        """Whether it can still be accepted."""
        ended = self.accepted_at or self.withdrawn_at
        return ended is None and self.expires_at > timezone.now()


class Specialist(FacilityRow):
    """A person who can be booked in a facility."""

    user = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="specialists", verbose_name=_("person")
    )
    specialty = models.CharField(_("specialty"), max_length=100)
    professional_license = models.CharField(_("professional licence"), max_length=100, blank=True)
    license_authority = models.CharField(_("licensing authority"), max_length=100, blank=True)
    bio = models.TextField(_("about"), blank=True)
    title = models.CharField(_("title"), max_length=20, blank=True, help_text=_("As in “Dr”."))
    room = models.CharField(_("room"), max_length=50, blank=True)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("specialist")
        verbose_name_plural = _("specialists")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="specialist_in_facility"),
            models.UniqueConstraint(fields=["facility", "user"], name="one_specialist_a_person"),
        ]

    def __str__(self):
        return self.display_name

    @property
    def display_name(self) -> str:
        return f"{self.title} {self.user.get_full_name()}".strip()


class ApiTokenQuerySet(models.QuerySet):
    def valid(self):
        return self.filter(revoked_at=None, expires_at__gt=timezone.now())


class ApiToken(Row):
    """A bearer token of the API; only its SHA-256 digest is kept."""

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="tokens", verbose_name=_("person")
    )
    digest = models.BinaryField(_("digest"), unique=True, editable=False)
    password_stamp = models.BinaryField(editable=False)
    label = models.CharField(_("label"), max_length=100, blank=True)
    expires_at = models.DateTimeField(_("expires"))
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ["-created_at"]

    def __str__(self):
        return self.label or str(self.pk)


class SpentCode(models.Model):
    """A one-time code that was used: the unique row is what makes it work once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    code_digest = models.BinaryField(editable=False)
    spent_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("spent code")
        verbose_name_plural = _("spent codes")
        constraints = [
            models.UniqueConstraint(fields=["user", "code_digest"], name="a_code_works_once")
        ]

    def __str__(self):
        return str(self.pk)


class IdempotencyKey(FacilityRow):
    """The first answer to a POST that named a key; the answer is sealed, it can hold a chart.

    It is replayed to its sender as long as she reaches the `category` of the patient it tells of,
    and sees the row.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    key_digest = models.BinaryField(editable=False)
    body_digest = models.BinaryField(editable=False)
    status = models.PositiveSmallIntegerField(null=True)
    answer = EncryptedJSONField(null=True)
    resource = models.CharField(max_length=100, blank=True, editable=False)
    object_id = models.UUIDField(null=True, editable=False)
    patient_id = models.UUIDField(null=True, editable=False)
    category = models.CharField(max_length=20, blank=True, editable=False)
    clinical = models.BooleanField(default=True, editable=False)
    kept_as = ArrayField(models.CharField(max_length=30), default=list, editable=False)

    class Meta:
        verbose_name = _("idempotency key")
        verbose_name_plural = _("idempotency keys")
        constraints = [
            models.UniqueConstraint(
                fields=["facility", "user", "key_digest"], name="a_key_has_one_answer"
            )
        ]

    def __str__(self):
        return str(self.pk)
