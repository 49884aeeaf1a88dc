"""Default deny: a view states the permission of each of its actions, or it is refused."""

from rest_framework.permissions import BasePermission

from clinic.security.permissions import Permission


def stated(view) -> Permission | None:
    """The permission that the view states for what is asked of it."""
    required = getattr(view, "required", None)
    if isinstance(required, dict):
        return required.get(getattr(view, "action", None) or view.request.method.lower())
    return required


class Stated(BasePermission):
    """The actor has the permission that the view states. `PUBLIC` must be stated too."""

    def has_permission(self, request, view):
        if getattr(view, "public", False):
            return True
        if request.auth is None:
            return False
        if getattr(view, "action", "") is None:
            return True  # no such method here: the view answers 405
        permission = stated(view)
        return permission is not None and request.auth.may(permission)
