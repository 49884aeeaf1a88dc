"""Sign-in by django-allauth, with what a clinic adds: no open sign-up, codes that work once, and
every attempt on the trail."""

import hashlib
from datetime import timedelta

from allauth.account.adapter import DefaultAccountAdapter, get_adapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.core import context
from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base import forms as upstream
from allauth.mfa.base.internal.flows import check_rate_limit
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed
from allauth.mfa.totp.forms import ActivateTOTPForm
from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Lower
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language, gettext, override
from django.utils.translation import gettext_lazy as _

from clinic import account_letters, preferences, sessions, staffing
from clinic.channels import email as channel
from clinic.models import SpentCode, User
from clinic.security import keyring, tenancy, trail
from clinic.security.permissions import Role
from clinic.security.tenancy import Actor

SPENT_FOR = timedelta(hours=13)  # longer than a code is valid, and than a session keeps a challenge
PLATFORM_PLACE = b"mfa_authenticator.secret"

# What the other ways of proving who one is are called, by allauth's names.
WAYS_TO_PROVE = {
    "reauthenticate": _("Use your password"),
    "mfa_reauthenticate": _("Use a code"),
    "mfa_reauthenticate:webauthn": _("Use a passkey"),
}


class AccountAdapter(DefaultAccountAdapter):
    """Accounts are made by the clinic, never by a stranger."""

    def is_open_for_signup(self, request):
        return False

    def get_client_ip(self, request):
        """The true address: behind a proxy of ours not all people share one brake."""
        return request.origin.address or sessions.NOWHERE

    def pre_authenticate(self, request, **credentials):
        """As usual; an attempt that the brake stops is on the trail too."""
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            user_login_failed.send(sender=__name__, credentials=credentials, request=request)
            raise

    def authenticate(self, request, **credentials):
        """As usual, but an account that is not active is answered like none: however right its
        password, it is no way to learn that it exists, and the attempt counts for the brakes."""
        self.pre_authenticate(request, **credentials)
        user = authenticate(request, **credentials)
        AuthenticationBackend.unstash_authenticated_user()
        if user:
            self._rollback_login_failed_rl_usage()
        return user

    def pre_login(self, request, user, **options):
        """As usual, once no change of the second factor is under way."""
        await_changes(user)
        return super().pre_login(request, user, **options)

    def post_login(self, request, user, **options):
        """Signed in, the pages speak the person's language, whoever used the browser before."""
        response = super().post_login(request, user, **options)
        preferences.remember(user, response)
        return response

    def send_mail(self, template_prefix, email, context):
        """The letters that go out here look like all of ours, and speak their reader's language."""
        match template_prefix:
            case "account/email/password_reset_key":
                language = context["user"].preferred_language or get_language()
                with override(language):
                    letter = account_letters.of_new_password(context["password_reset_url"])
            case "account/email/unknown_account":
                language, letter = get_language(), account_letters.of_no_account()
            case _:
                return super().send_mail(template_prefix, email, context)
        channel.send(letter, to=email, language=language)

    def get_reauthentication_methods(self, user):
        """Where there is a second factor only a code proves again who one is: else who knows the
        password and finds the screen unlocked could take the factor away."""
        methods = super().get_reauthentication_methods(user)
        for method in methods:
            method["description"] = WAYS_TO_PROVE[method["id"]]
        if not user.is_authenticated or not staffing.has_second_factor(user):
            return methods
        methods = [method for method in methods if method["id"] != "reauthenticate"]
        if not Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists():
            methods.reverse()  # her passkey first, and only then the recovery codes
        return methods


class SecondFactorAdapter(DefaultMFAAdapter):
    """Secrets of second factors are sealed by the platform's key; passkeys say whose they are."""

    def encrypt(self, text: str) -> str:
        return keyring.seal(text.encode(), place=PLATFORM_PLACE, facility_id=None)

    def decrypt(self, encrypted_text: str) -> str:
        raw = keyring.open_sealed(encrypted_text, place=PLATFORM_PLACE, facility_id=None)
        return raw.decode()

    def get_public_key_credential_rp_entity(self):
        return super().get_public_key_credential_rp_entity() | {"name": "Chartroom"}

    def generate_authenticator_name(self, user, type):
        there = Authenticator.objects.filter(user=user, type=type).count()
        return gettext("Passkey %(number)s") % {"number": there + 1}


def spend_code(user: User, code: str) -> bool:
    """Mark a valid code as used; False where it was used before, however many ask at once and
    however it is written."""
    code = normalize_user_code(code)
    digest = hashlib.sha256(f"{user.pk}:{code}".encode()).digest()
    with transaction.atomic():
        # The same six digits come again some day, for another moment.
        SpentCode.objects.filter(user=user, spent_at__lt=timezone.now() - SPENT_FOR).delete()
        _row, first = SpentCode.objects.get_or_create(user=user, code_digest=digest)
    return first


class SpendsCode:
    """A form whose code is spent when it was right."""

    def clean_code(self):
        await_changes(self.user)
        code = super().clean_code()
        if not spend_code(self.user, code):
            self._emit_authentication_failed(self.authenticator)
            raise upstream.get_adapter().validation_error("incorrect_code")
        return code


class AuthenticateForm(SpendsCode, upstream.AuthenticateForm):
    """The second step of signing in."""


class ReauthenticateForm(SpendsCode, upstream.ReauthenticateForm):
    """Proving again who one is."""


class ActivateForm(ActivateTOTPForm):
    """Setting up the authenticator app; the code that shows that it works is spent by that."""

    def clean_code(self):
        code = super().clean_code()
        if not spend_code(self.user, code):
            raise upstream.get_adapter().validation_error("incorrect_code")
        return code


def await_changes(user: User) -> None:
    """Signing in and changing the second factor wait for one another until their transactions end:
    no session or token begins beside a change that would have ended it."""
    User.objects.select_for_update(no_key=True).only("pk").get(pk=user.pk)


@receiver([post_save, post_delete], sender=Authenticator)
def end_elsewhere(sender, instance, created=None, **kwargs):
    """A second factor, or its recovery codes, came or went: what the person was signed in with
    before ends, in the same transaction. The present session goes on, under a new key."""
    if created is False:  # a code was used
        return
    user, request = instance.user, context.request
    await_changes(user)
    here = request is not None and request.user == user
    if here:
        request.session.cycle_key()
    sessions.end_others(user=user, but=request.session.session_key if here else None)
    staffing.revoke_tokens(user=user)
    flag = f"{instance.type}_{'added' if created else 'removed'}"
    note_as(user, flag, action=trail.UPDATE)


def verify(*, request, email: str, password: str, otp: str = "") -> User | None:
    """The person with this e-mail and password, and with the second factor where she has one.

    None for anything else: who exists is not told. Each failure is on the trail, and counts for the
    same brakes as a failure at the pages.
    """
    try:
        user = get_adapter().authenticate(request, email=email, password=password)
        if user is None or not user.is_active:
            return None
        await_changes(user)
        if not staffing.has_second_factor(user) or _second_factor_holds(user, otp):
            return user
    except ValidationError:  # braked
        return None
    user_login_failed.send(sender=__name__, credentials={"email": email}, request=request)
    return None


def _second_factor_holds(user: User, otp: str) -> bool:
    """Whether the code is right and was not used before. Raises `ValidationError` when braked."""
    if not otp:
        return False
    forget = check_rate_limit(user)
    for authenticator in Authenticator.objects.filter(user=user):
        if authenticator.type == Authenticator.Type.WEBAUTHN:
            continue
        if authenticator.wrap().validate_code(otp):
            forget()
            return spend_code(user, otp)
    return False


def require_second_step(user: User, *, facility: str = "") -> None:
    """Raise `SecondStepNeeded` where the person lacks the one that the clinic asks of her there."""
    origin = tenancy.current().origin
    with transaction.atomic(), tenancy.acting(tenancy.current()):  # what is entered is left again
        actor = staffing.enter(user=user, roles=set(Role), origin=origin, facility=facility)
    if actor.lacks_factor:
        defer_failure(user, {"factor": "missing"})
    staffing.require_second_step(actor)


def note_as(user: User, flag: str, *, action: int = trail.ACCESS) -> None:
    """Note the person's own act in the facility of her primary role."""
    origin = tenancy.current().origin
    with transaction.atomic():
        actor = staffing.enter(user=user, roles=set(Role), origin=origin)
        with tenancy.acting(actor):
            trail.note("clinic.user", action=action, object_pk=user.pk, flags=[flag])


def defer_failure(account: User | None, details: dict) -> None:
    """Keep a failed sign-in for the trail of each clinic in which the account has a role; without a
    role, and without an account, it goes on no clinic's.

    The same is asked of the database for all of them, so that time does not tell them apart.
    """
    named = account or User()  # nobody's key
    with transaction.atomic(), tenancy.acting(Actor(user_id=named.pk)):  # sees her own roles only
        facilities = [facility.pk for facility in staffing.facilities_of(named)]
    trail.defer(
        resource="clinic.user", object_pk=account.pk if account else "",
        flags=["login_failed", "refused"], details=details, facilities=facilities,
    )  # fmt: skip


@receiver(user_logged_in)
def note_sign_in(sender, request, user, **kwargs):
    note_as(user, "login")


@receiver(user_logged_out)
def note_sign_out(sender, request, user, **kwargs):
    if user is not None:
        note_as(user, "logout")


@receiver(user_login_failed)
def note_failed_sign_in(sender, credentials, request=None, **kwargs):
    """The address typed is kept as a keyed digest: it can be a patient's, or a password."""
    typed = str(credentials.get("email") or credentials.get("username") or "").lower()
    digest = salted_hmac("failed sign-in", typed).hexdigest()[:16]
    account = User.objects.alias(lower=Lower("email")).filter(lower=typed).first()
    defer_failure(account, {"typed": digest})
    if not tenancy.current().origin.request_id:
        trail.write_deferred(tenancy.current())


@receiver(authentication_failed)
def note_failed_second_factor(sender, user, **kwargs):
    """The password was right and the code was not."""
    defer_failure(user, {"factor": "second"})
