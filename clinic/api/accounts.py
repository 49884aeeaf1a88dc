"""Signing in, tokens, one's own account, and the people of the clinic."""

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.response import Response

from clinic import accounts, preferences, staffing
from clinic.api import fields
from clinic.api.resource import Public, Resource
from clinic.api.serializing import StrictModelSerializer, StrictSerializer, answer
from clinic.models import ApiToken, Channel, RoleAssignment, User
from clinic.security import tenancy
from clinic.security.permissions import Permission, Role


class Credentials(StrictSerializer):
    """What a person proves who she is by; `otp` where her account has a second factor."""

    example = {"email": "sarah.smith@harbor.demo", "password": "…", "otp": "123456"}

    email = fields.Text(max_length=254)
    password = fields.Text(max_length=1000, trim_whitespace=False)
    otp = fields.Text(max_length=20, required=False, allow_blank=True)
    label = fields.Text(max_length=100, required=False, allow_blank=True, help_text=_("A name."))


Issued = answer(
    "IssuedToken",
    token=fields.Text(help_text=_("Shown once; send it as “Authorization: Bearer …”.")),
    expires_at=fields.Moment(),
)


class SignIn(Public):
    """Sign in: a bearer token for e-mail, password and, where there is one, the second factor."""

    bodies = {"create": Credentials}
    answers = {"create": {200: Issued}}
    also_answers = frozenset({403})

    def create(self, request):
        """Issue a token. Whatever is wrong, the answer is the same; only who lacks the second step
        that her clinic asks for is told so (403), once her password is right."""
        given = self.validated()
        user = accounts.verify(
            request=request._request,
            email=given["email"],
            password=given["password"],
            otp=given.get("otp", ""),
        )
        if user is None:
            raise AuthenticationFailed()
        accounts.require_second_step(user, facility=request.META.get("HTTP_X_FACILITY", ""))
        issued = staffing.issue_token(user=user, label=given.get("label", ""))
        accounts.note_as(user, "login")
        return Response({"token": issued.text, "expires_at": issued.expires_at})


class TokenBody(StrictModelSerializer):
    """A token that works; its text is not kept."""

    current = fields.Flag(read_only=True, help_text=_("Whether this request was sent with it."))

    class Meta:
        model = ApiToken
        fields = ("id", "label", "created_at", "expires_at", "current")
        read_only_fields = fields


class Tokens(Resource):
    """One's own tokens."""

    required = dict.fromkeys(("list", "destroy", "clear"), Permission.ACCOUNT_USE)
    serializer_class = TokenBody
    noted = False

    def visible(self):
        return ApiToken.objects.valid().filter(user_id=self.request.user.pk)

    def shape(self, item):
        item.current = str(item.pk) == tenancy.current().origin.token
        return super().shape(item)

    def destroy(self, request, pk):
        """End a token; it holds from the next request on."""
        staffing.revoke_token(token=self.get_object(), by=request.user)
        return Response(status=204)

    def clear(self, request):
        """End all one's tokens, the one of this request among them."""
        for token in self.visible():
            staffing.revoke_token(token=token, by=request.user)
        return Response(status=204)


class RoleBody(StrictModelSerializer):
    """A role that a person holds in a facility."""

    facility = fields.Id(source="facility_id", read_only=True)
    role = fields.Choice(choices=Role.choices, read_only=True)

    class Meta:
        model = RoleAssignment
        fields = ("role", "facility", "department", "is_primary")
        read_only_fields = fields


class UserBody(StrictModelSerializer):
    """A person with an account."""

    roles = RoleBody(many=True, read_only=True, source="held")

    class Meta:
        model = User
        fields = (
            "id", "email", "first_name", "last_name", "phone", "license_number", "npi_number",
            "roles", "is_active",
        )  # fmt: skip
        read_only_fields = fields


class Users(Resource):
    """The people who work here; who manages them sees patients' and relatives' accounts too."""

    required = dict.fromkeys(("list", "retrieve"), Permission.STAFF_VIEW)
    serializer_class = UserBody
    noted = False

    def visible(self):
        return User.objects.filter(pk__in=self.roles().values("user_id"))

    def roles(self):
        """The roles that are told: that a colleague is a patient here is not every colleague's."""
        held = RoleAssignment.objects.here()
        return held if tenancy.current().may(Permission.STAFF_MANAGE) else held.of_staff()

    def shapes(self, items):
        roles = self.roles().filter(user_id__in=[user.pk for user in items])
        for user in items:
            user.held = []
        by_id = {user.pk: user for user in items}
        for role in roles:
            by_id[role.user_id].held.append(role)
        return [super(Users, self).shape(user) for user in items]

    def shape(self, item):
        return self.shapes([item])[0]


class Reach(StrictSerializer):
    """How one wishes to be reached: by which ways, in which hours not, by which clock. Hours of
    `null` and an empty zone are the clinic's."""

    example = {"channels": ["portal", "sms"], "quiet_from": "22:00:00", "quiet_until": "07:30:00"}

    channels = fields.Names(choices=Channel.choices, required=False)
    quiet_from = fields.Clock(required=False, allow_null=True)
    quiet_until = fields.Clock(required=False, allow_null=True)
    timezone = fields.Text(max_length=64, required=False, allow_blank=True)


class MeBody(UserBody):
    """One's own account, how one is reached, and what one may do in the facility acted in."""

    facility = fields.Id(read_only=True)
    permissions = fields.Names(choices=Permission.choices, read_only=True)
    channels = fields.Names(choices=Channel.choices, read_only=True)
    quiet_from = fields.Clock(read_only=True, allow_null=True)
    quiet_until = fields.Clock(read_only=True, allow_null=True)

    class Meta(UserBody.Meta):
        fields = (*UserBody.Meta.fields, "facility", "permissions", *preferences.REACH)
        read_only_fields = fields


class Me(Users):
    """One's own account."""

    required = dict.fromkeys(("retrieve", "partial_update"), Permission.ACCOUNT_USE)
    serializer_class = MeBody
    bodies = {"partial_update": Reach}
    matched = frozenset()

    def visible(self):
        return User.objects.filter(pk=self.request.user.pk)

    def roles(self):
        return RoleAssignment.objects.held()

    def retrieve(self, request):
        """One's own account, with the roles in every facility."""
        actor, me = tenancy.current(), self.visible().get()
        me.facility, me.permissions = actor.facility_id, sorted(actor.permissions)
        return Response(self.shape(me))

    def partial_update(self, request):
        """Say how one wishes to be told of visits."""
        me = self.visible().get()
        preferences.set_reach(user=me, by=request.user, **self.validated())
        return self.retrieve(request)
