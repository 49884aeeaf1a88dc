"""Where the services for text messages and WhatsApp post what comes back. Whoever posts proves by a
signature that it is the service; what is not signed, or is old, is refused, and nothing is kept.
"""

import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseForbidden
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from clinic.channels import email, sms, whatsapp
from clinic.models import Channel
from scheduling.messages import replies

OLD = 24 * 60 * 60  # seconds: what is older is news to nobody
NO_ANSWER = b'<?xml version="1.0" encoding="UTF-8"?><Response></Response>'
NOT_DELIVERED = {"failed", "undelivered"}


@csrf_exempt
@require_POST
def text_messages(request: HttpRequest) -> HttpResponse:
    """What Twilio posts: an answer, or what became of the message that the address names."""
    form = request.POST.dict()
    url = email.address(request.get_full_path())
    signature = request.headers.get("X-Twilio-Signature", "")
    if not sms.is_signed(url=url, form=form, signature=signature):
        return HttpResponseForbidden()
    if "MessageStatus" in form:
        _report_text(request.GET.get("message", ""), form)
    elif form.get("MessageSid"):
        replies.answer(
            channel=Channel.SMS, number=form.get("From", ""), text=form.get("Body", ""),
            reference=form["MessageSid"][:100],
        )  # fmt: skip
    return HttpResponse(NO_ANSWER, content_type="text/xml")


def _report_text(name: str, form: dict[str, str]) -> None:
    failure = ""
    if form["MessageStatus"] in NOT_DELIVERED:
        failure = sms.reason_of(form.get("ErrorCode"))
    if ids := _ids(name):
        reference = form.get("MessageSid", "")[:100]
        replies.report(facility_id=ids[0], message_id=ids[1], reference=reference, failure=failure)


@csrf_exempt
@require_http_methods(["GET", "POST"])
def whatsapp_events(request: HttpRequest) -> HttpResponse:
    """What Meta posts: answers, and the states of messages. With GET it asks whether this address
    is ours, and is answered what it said."""
    if request.method == "GET":
        return _verified(request)
    if request.content_type != "application/json":  # a form's body is read already
        return HttpResponseForbidden()
    signature = request.headers.get("X-Hub-Signature-256", "")
    if not whatsapp.is_signed(body=request.body, signature=signature):
        return HttpResponseForbidden()
    try:
        events = list(_events(json.loads(request.body)))
        if events and all(_is_old(event) for _kind, event in events):
            return HttpResponseForbidden()
        for kind, event in events:
            if not _is_old(event):
                (_report_whatsapp if kind == "statuses" else _answer_whatsapp)(event)
    except (ValueError, TypeError, KeyError, AttributeError):
        return HttpResponseBadRequest()
    return HttpResponse()


def _verified(request: HttpRequest) -> HttpResponse:
    expected, asked = settings.WHATSAPP_VERIFY_TOKEN, request.GET
    given = asked.get("hub.verify_token", "")
    if asked.get("hub.mode") != "subscribe" or not expected:
        return HttpResponseForbidden()
    if not constant_time_compare(given, expected):
        return HttpResponseForbidden()
    return HttpResponse(asked.get("hub.challenge", ""), content_type="text/plain")


def _events(body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The answers and states of a payload; the other things that Meta tells are passed over."""
    for entry in body["entry"]:
        for change in entry["changes"]:
            if change.get("field") != "messages":
                continue
            for kind in ("statuses", "messages"):
                for event in change["value"].get(kind) or []:
                    yield kind, event


def _is_old(event: dict[str, Any]) -> bool:
    return int(event["timestamp"]) < time.time() - OLD


def _answer_whatsapp(event: dict[str, Any]) -> None:
    replies.answer(
        channel=Channel.WHATSAPP, number=f"+{event['from']}", text=_text_of(event),
        reference=event["id"][:100],
    )  # fmt: skip


def _text_of(event: dict[str, Any]) -> str:
    """What somebody wrote, or the button that she pressed; empty for pictures and the like."""
    if button := event.get("button"):
        return str(button.get("payload") or button.get("text") or "")
    if interactive := event.get("interactive"):
        pressed = interactive.get("button_reply") or {}
        return str(pressed.get("id") or pressed.get("title") or "")
    return str((event.get("text") or {}).get("body") or "")


def _report_whatsapp(event: dict[str, Any]) -> None:
    ids = _ids(str(event.get("biz_opaque_callback_data") or ""))
    if ids is None:
        return
    failure = ""
    if event["status"] == "failed":
        errors = event.get("errors") or [{}]
        failure = whatsapp.reason_of(errors[0].get("code"))
    replies.report(
        facility_id=ids[0], message_id=ids[1], reference=event["id"][:100], failure=failure,
        number=f"+{event.get('recipient_id', '')}",
    )  # fmt: skip


def _ids(name: str) -> tuple[UUID, UUID] | None:
    """Facility and message, as we named them to the service."""
    try:
        facility_id, message_id = map(UUID, name.split(":"))
    except ValueError:
        return None
    return facility_id, message_id
