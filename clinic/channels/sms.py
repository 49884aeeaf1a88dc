"""Text messages, by a service that speaks as Twilio does (`SMS_URL`): its REST API, version
2010-04-01, and what it posts to us, signed with the account's token.

The service has no key by which it would know a message that comes twice. So whoever does not know
whether it has one asks for the latest to that number (`latest`) before sending it again.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from django.conf import settings

from clinic.channels import Unreached, Unwanted
from clinic.channels.calling import call, said

# https://www.twilio.com/docs/api/errors
NO_SUCH_NUMBER = {21211, 21217, 21407, 21614, 30005, 30006}
WRONGLY_SET_UP = {20003, 20404, 21212, 21603, 21606, 21659, 21660}
SHOWN = 50  # messages that are looked through


@dataclass(frozen=True, slots=True)
class Known:
    """A message that the service has."""

    reference: str
    text: str
    made_at: datetime


def send(*, to: str, text: str, callback: str = "") -> str:
    """Hand a text message over; answers the service's name for it. `to` is as E.164 writes it;
    what becomes of it is told to `callback`. Raises `Unreached`, `Unsure`, `Unwanted`."""
    account = _account()
    sender = account["from"]
    kind = "MessagingServiceSid" if sender.startswith("MG") else "From"
    form = {"To": to, kind: sender, "Body": text}
    if callback:
        form["StatusCallback"] = callback
    answer = call("POST", _messages(account), data=form, auth=(account["sid"], account["token"]))
    body = said(answer)
    if answer.status_code < 300 and body.get("sid"):
        return str(body["sid"])
    raise Unwanted(reason_of(body.get("code") or answer.status_code), str(body.get("code", "")))


def latest(*, to: str) -> list[Known]:
    """The latest messages that the service has to that number. Raises `Unreached`, `Unsure`."""
    account = _account()
    query = {"To": to, "PageSize": SHOWN}
    login = (account["sid"], account["token"])
    answer = call("GET", _messages(account), params=query, auth=login)
    if answer.status_code >= 300:
        raise Unreached(str(answer.status_code))
    return [
        Known(
            reference=str(row["sid"]),
            text=row["body"],
            made_at=parsedate_to_datetime(row["date_created"]).astimezone(UTC),
        )
        for row in said(answer).get("messages", [])
    ]


def reason_of(code: int | str | None) -> str:
    """Why a message was not taken, or not delivered, by the service's number for it."""
    number = int(code) if str(code or "").isdigit() else 0
    if number in NO_SUCH_NUMBER:
        return Unwanted.NO_ADDRESS
    if number in WRONGLY_SET_UP or number in {401, 403, 404}:
        return Unwanted.NOT_SET_UP
    return Unwanted.REFUSED


def is_signed(*, url: str, form: dict[str, str], signature: str) -> bool:
    """Whether the service sent this form to that address: the address with its query, followed by
    each name and value in the order of the names, under HMAC-SHA-1 of the account's token."""
    if not settings.SMS:
        return False
    text = url + "".join(name + form[name] for name in sorted(form))
    digest = hmac.digest(settings.SMS["token"].encode(), text.encode(), hashlib.sha1)
    return hmac.compare_digest(base64.b64encode(digest).decode(), signature)


def _account() -> dict[str, str]:
    if not settings.SMS:
        raise Unwanted(Unwanted.NOT_SET_UP)
    return settings.SMS


def _messages(account: dict[str, str]) -> str:
    return f"{account['url']}/2010-04-01/Accounts/{account['sid']}/Messages.json"
