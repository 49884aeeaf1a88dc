"""Every error of the API as `application/problem+json` (RFC 9457), said once."""

import logging

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from clinic.errors import Conflict, Invalid, Missing, Refused, Stale
from clinic.security.idempotency import KeyReused
from clinic.security.keyring import SealBroken
from clinic.security.permissions import Denied

logger = logging.getLogger("chartroom.api")

TITLES = {
    400: _("The request is not valid."),
    401: _("Sign in first."),
    403: _("You may not do this."),
    404: _("There is no such thing here."),
    405: _("This method is not offered here."),
    406: _("This format is not offered."),
    409: _("This conflicts with what is there."),
    412: _("It was changed since you read it."),
    413: _("The upload is too large."),
    415: _("This format is not understood."),
    422: _("The key was used for another request."),
    429: _("Too many requests."),
    500: _("A stored value could not be verified."),
    503: _("A part of the clinic's system is not answering."),
}
STATUSES = {Invalid: 400, Missing: 404, Conflict: 409, Stale: 412}


def answer(status: int, detail=None, *, fields=None, headers=None) -> Response:
    """A problem; `fields` are the errors by field."""
    body = {
        "type": "about:blank",
        "title": str(TITLES.get(status, TITLES[400])),
        "status": status,
        "detail": str(detail or TITLES.get(status, TITLES[400])),
    }
    if status == 400:
        body["errors"] = fields or {}
    return Response(body, status=status, headers=headers, content_type="application/problem+json")


def problem(error: Exception, context: dict) -> Response | None:
    """DRF's exception handler: what is not ours to answer goes on to Django."""
    response = _answer_to(error)
    if response is not None:
        set_rollback()
    return response


def _answer_to(error: Exception) -> Response | None:
    match error:
        case Refused():
            status = next(s for kind, s in STATUSES.items() if isinstance(error, kind))
            return answer(status, error.message, fields=_texts(error.fields))
        case Denied() | PermissionDenied():
            return answer(403)
        case Http404():
            return answer(404)
        case KeyReused():
            return answer(422)
        case SealBroken():
            return answer(500)
        case exceptions.ValidationError():
            return answer(400, fields=_fields(error.detail))
        case exceptions.APIException():
            headers = {"WWW-Authenticate": error.auth_header} if hasattr(error, "auth_header") else {}
            if getattr(error, "wait", None) is not None:
                headers["Retry-After"] = str(max(1, int(error.wait)))
            detail = None if error.status_code in {401, 403, 404} else error.detail
            return answer(error.status_code, detail, headers=headers)
    return None


def _texts(fields: dict) -> dict:
    return {name: [str(m) for m in messages] for name, messages in fields.items()}


def _fields(detail) -> dict:
    """DRF's nested details as one flat dictionary of lists."""
    if isinstance(detail, list):
        return {"non_field_errors": [str(item) for item in detail]}
    flat = {}
    for name, value in detail.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{k}": v for k, v in _fields(value).items()}
        elif isinstance(value, list) and any(isinstance(v, dict) for v in value):
            for index, item in enumerate(value):
                if item:
                    flat |= {f"{name}.{index}.{k}": v for k, v in _fields(item).items()}
        else:
            flat[name] = [str(item) for item in (value if isinstance(value, list) else [value])]
    return flat
