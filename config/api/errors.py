"""Every error of the API as `application/problem+json` (RFC 9457), said once."""

import logging
import math
import sys

import orjson
import psycopg
from django.core import exceptions as django
from django.db import DataError, OperationalError
from django.http import Http404, HttpResponse
from django.template import loader
from django.urls import is_valid_path
from django.utils.http import escape_leading_slashes
from django.utils.translation import gettext_lazy as _
from django.views import defaults
from redis.exceptions import RedisError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from chat.endpoints import EndpointError
from clinic.errors import Conflict, Invalid, Missing, Refused, Stale, TooLarge
from clinic.security.idempotency import KeyReused
from clinic.security.keyring import SealBroken
from clinic.security.permissions import Denied
from clinic.staffing import SecondStepNeeded
from records.storage import NotStored

logger = logging.getLogger("chartroom.api")

PROBLEM_JSON = "application/problem+json"
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
    500: _("Something went wrong here."),
    503: _("A part of the clinic's system is not answering."),
}
STATUSES = {Invalid: 400, Missing: 404, Conflict: 409, Stale: 412, TooLarge: 413}
NOT_INTACT = _("A stored value could not be verified.")
WHOLE_BODY = "body"
NOT_ANSWERING = (OperationalError, psycopg.OperationalError, RedisError, EndpointError)


def body_of(status: int, detail=None, fields=None, more=None) -> dict:
    """What a problem says; `fields` are the errors by field, on 400 only, `more` what a program is
    told besides."""
    title = str(TITLES.get(status, TITLES[400]))
    body = {"type": "about:blank", "title": title, "status": status, "detail": str(detail or title)}
    body |= more or {}
    if status == 400:
        body["errors"] = fields or {}
    return body


def answer(status: int, detail=None, *, fields=None, headers=None, more=None) -> Response:
    """A problem as an answer of a view."""
    body = body_of(status, detail, fields, more)
    return Response(body, status=status, headers=headers, content_type=PROBLEM_JSON)


def problem(error: Exception, context: dict) -> Response | None:
    """DRF's exception handler: what is not ours to answer goes on to Django."""
    response = _answer_to(error)
    if response is not None and not getattr(context.get("view"), "is_quick", False):
        set_rollback()  # a quick reading has no transaction of its own to undo
    return response


def _answer_to(error: Exception) -> Response | None:
    match error:
        case Refused():
            status = next(s for kind, s in STATUSES.items() if isinstance(error, kind))
            return answer(status, error.message, fields=_texts(error.fields), more=error.more)
        case SecondStepNeeded():
            return answer(403, error)
        case Denied() | django.PermissionDenied():
            return answer(403)
        case Http404():
            return answer(404)
        case KeyReused():
            return answer(422)
        case exceptions.ValidationError():
            return answer(400, fields=_fields(error.detail))
        case exceptions.ParseError():
            return answer(400, error.detail, fields={WHOLE_BODY: [str(error.detail)]})
        case exceptions.APIException():
            return _answer_to_drf(error)
        case _:
            return _answer_to_fault(error)


def _answer_to_drf(error: exceptions.APIException) -> Response:
    headers = {"WWW-Authenticate": error.auth_header} if hasattr(error, "auth_header") else {}
    if getattr(error, "wait", None) is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.wait)))
    detail = None if error.status_code in {401, 403, 404} else error.detail
    return answer(error.status_code, detail, headers=headers)


def _answer_to_fault(error: Exception) -> Response | None:
    """What no verb refused: a request that is broken by itself, or a part that is."""
    match error:
        case django.RequestDataTooBig() | django.TooManyFieldsSent() | django.TooManyFilesSent():
            return answer(413)
        case django.SuspiciousOperation():
            return answer(400)
        case DataError() | psycopg.DataError():  # the latter from a quick reading
            # Its code tells what kind of value; its words could tell the value.
            state = getattr(error, "sqlstate", None) or getattr(error.__cause__, "sqlstate", None)
            logger.warning("the database refused a value, SQLSTATE %s", state)
            return answer(400)
        case SealBroken() | NotStored():
            return answer(500, NOT_INTACT)
        case _ if isinstance(error, NOT_ANSWERING):
            logger.error("a part is not answering: %s", type(error).__name__)
            return answer(503, headers={"Retry-After": "5"})
    return None


def _texts(fields: dict) -> dict:
    return {name: [str(m) for m in messages] for name, messages in fields.items()}


def _fields(detail) -> dict:
    """DRF's nested details as one flat dictionary of lists."""
    if isinstance(detail, list):
        return {WHOLE_BODY: [str(item) for item in detail]}
    flat = {}
    for name, value in detail.items():
        if name == "non_field_errors":
            flat[WHOLE_BODY] = [str(item) for item in value]
        elif isinstance(value, dict):
            flat |= {f"{name}.{k}": v for k, v in _fields(value).items()}
        elif isinstance(value, list) and any(isinstance(v, dict) for v in value):
            for index, item in enumerate(value):
                if item:
                    flat |= {f"{name}.{index}.{k}": v for k, v in _fields(item).items()}
        else:
            flat[name] = [str(item) for item in (value if isinstance(value, list) else [value])]
    return flat


def for_programs(request) -> bool:
    """Whether the answer is for a program: no page, but a problem."""
    return request.path_info.startswith(("/api/", "/fhir/"))


def _handler(status: int, page):
    """Django's handler of an error that no view answered: a problem under /api/, else its page."""

    def handle(request, exception=None):
        if for_programs(request):
            return HttpResponse(
                orjson.dumps(body_of(status)), status=status, content_type=PROBLEM_JSON
            )
        if status < 500:
            return page(request, exception)
        try:
            return page(request)
        except Exception:
            # The page itself is what broke, or what it stands on: say it without any.
            logger.exception("The page for a server error could not be shown.")
            return HttpResponse(_("Something broke on our side"), status=status)

    return handle


def not_found(request, exception=None):
    """As the others; an address of the API without its last slash leads to the one with it, with
    method and body as they are. Django's own redirect would turn a POST into a GET."""
    if for_programs(request) and is_valid_path(f"{request.path_info}/"):
        there = escape_leading_slashes(request.get_full_path(force_append_slash=True))
        return HttpResponse(status=308, headers={"Location": there})
    return _no_such_address(request, exception)


def _unavailable(request):
    return HttpResponse(loader.get_template("503.html").render({}, request), status=503)


bad_request = _handler(400, defaults.bad_request)
forbidden = _handler(403, defaults.permission_denied)
_no_such_address = _handler(404, defaults.page_not_found)
_broken = _handler(500, defaults.server_error)
_not_answering = _handler(503, _unavailable)


def server_error(request):
    """500, or 503 where no view was reached because the database does not answer."""
    if isinstance(sys.exception(), NOT_ANSWERING):
        logger.error("a part is not answering: %s", type(sys.exception()).__name__)
        response = _not_answering(request)
        response["Retry-After"] = "5"
        return response
    return _broken(request)
