"""A person's own notices."""

from django.utils.translation import gettext_lazy as _
from rest_framework.decorators import action
from rest_framework.response import Response

from clinic import notifications
from clinic.api import fields
from clinic.api.idempotent import idempotent
from clinic.api.resource import Resource
from clinic.api.serializing import Nothing, StrictModelSerializer, question
from clinic.models import Notification
from clinic.security.permissions import Permission


class NoticeBody(StrictModelSerializer):
    """A notice to the person who asks."""

    class Meta:
        model = Notification
        fields = ("id", "kind", "title", "text", "link", "created_at", "read_at")
        read_only_fields = fields


class Notices(Resource):
    """One's own notices in the facility acted in, newest first."""

    required = dict.fromkeys(("list", "retrieve", "read"), Permission.ACCOUNT_USE)
    asked = {
        "list": question(
            "NoticeQuestion",
            unread=fields.AskedFlag(required=False, help_text=_("Only those that were not read.")),
        )
    }
    bodies = {"read": Nothing}
    serializer_class = NoticeBody
    noted = False

    def visible(self):
        mine = notifications.of(self.request.user)
        return mine.unread() if self.question.get("unread") else mine

    @action(detail=True, methods=["post"])
    @idempotent
    def read(self, request, pk):
        """Say that one has seen it."""
        self.validated()
        notice = self.get_object()
        notifications.mark_read(notice, by=request.user)
        notice.refresh_from_db()
        return Response(self.shape(notice))
