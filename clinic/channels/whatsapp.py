"""WhatsApp, by Meta's Cloud API (`WHATSAPP_API_URL`): template messages, and what it posts to us.

Whoever did not write to the clinic within the last day can be sent an approved template only; its
texts stand in docs/messages.md. Each message carries our own name of it, which comes back with
every state that it reaches (`biz_opaque_callback_data`): so we learn that the service has one whose
answer was lost.
"""

import hashlib
import hmac
from dataclasses import dataclass

from django.conf import settings

from clinic.channels import Unreached, Unwanted
from clinic.channels.calling import call, said

LANGUAGES = {"en": "en", "pt-br": "pt_BR", "es": "es"}  # ours, and as Meta names them
# https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes
BUSY = {4, 80007, 130429, 131048, 131056}
NO_SUCH_NUMBER = {131026, 131030, 133010}
WRONGLY_SET_UP = {0, 3, 10, 190, 100, 131005, 131009, 131045, 132000, 132001, 132005, 132007,
                  132012, 132015, 132016}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Template:
    """An approved text and what stands in its places, in their order. No value has a line break."""

    name: str
    language: str
    values: tuple[str, ...]


def send(template: Template, *, to: str, name: str) -> str:
    """Hand a message over; answers the service's name for it, `name` is ours. `to` is as E.164
    writes it. Raises `Unreached`, `Unsure`, `Unwanted`."""
    service = settings.WHATSAPP
    if not service:
        raise Unwanted(Unwanted.NOT_SET_UP)
    places = [{"type": "text", "text": " ".join(value.split())} for value in template.values]
    message = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": to.removeprefix("+"),
        "type": "template",
        "template": {
            "name": template.name,
            "language": {"code": LANGUAGES.get(template.language, "en")},
            "components": [{"type": "body", "parameters": places}],
        },
        "biz_opaque_callback_data": name,
    }
    answer = call(
        "POST", f"{service['url']}/messages", json=message,
        headers={"Authorization": f"Bearer {service['token']}"},
    )  # fmt: skip
    body = said(answer)
    if answer.status_code < 300 and body.get("messages"):
        return str(body["messages"][0]["id"])
    error = body.get("error") or {}
    code = error.get("code") if isinstance(error, dict) else None
    if code in BUSY:
        raise Unreached(str(code))
    raise Unwanted(reason_of(code), str(code))


def reason_of(code: int | None) -> str:
    """Why a message was not taken, or not delivered, by the service's number for it."""
    if code in NO_SUCH_NUMBER:
        return Unwanted.NO_ADDRESS
    return Unwanted.NOT_SET_UP if code is None or code in WRONGLY_SET_UP else Unwanted.REFUSED


def is_signed(*, body: bytes, signature: str) -> bool:
    """Whether the service sent this: the body as it came, under HMAC-SHA-256 of the app's secret,
    in a header that reads `sha256=…`."""
    secret = settings.WHATSAPP_APP_SECRET
    if not secret:
        return False
    digest = hmac.digest(secret.encode(), body, hashlib.sha256).hex()
    return hmac.compare_digest(f"sha256={digest}".encode(), signature.encode())
