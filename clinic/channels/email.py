"""Letters by e-mail, over Django's mail (`EMAIL_URL`): plain text and the same in the house's look.

A letter passes through many hands unsealed. So it says that there is something and where, and names
neither a patient nor anything clinical.
"""

from dataclasses import dataclass
from email.utils import formataddr, parseaddr
from smtplib import SMTPAuthenticationError, SMTPRecipientsRefused, SMTPResponseException
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation

from clinic.channels import Unwanted


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a letter."""

    name: str
    content: bytes
    media_type: str


@dataclass(frozen=True)
class Letter:
    """What a letter says. `href` is absolute, and empty where nothing is to be opened; `key` is the
    same each time that it is sent, so that a mail server knows a letter which came twice."""

    key: UUID
    sender: str
    subject: str
    paragraphs: tuple[str, ...]
    href: str
    action: str
    closing: str = ""
    attachment: Attachment | None = None


def send(letter: Letter, *, to: str, language: str) -> None:
    """Hand the letter over; raises what the mail server does (`SMTPException`, `OSError`)."""
    _name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    with translation.override(language):
        message = EmailMultiAlternatives(
            subject=_line(letter.subject),
            body=render_to_string("emails/letter.txt", {"letter": letter}),
            from_email=formataddr((_line(letter.sender), address)),
            to=[to],
            headers={
                "Message-ID": f"<{letter.key}@{address.rpartition('@')[2]}>",
                "Auto-Submitted": "auto-generated",
            },
        )
        page = render_to_string("emails/letter.html", {"letter": letter})
        message.attach_alternative(page, "text/html")
        if file := letter.attachment:
            message.attach(file.name, file.content, file.media_type)
        message.send()


def refusal_of(error: OSError) -> str:
    """Why the mail server never takes a letter, as `Unwanted` says it; empty where it may take it
    later."""
    if isinstance(error, SMTPRecipientsRefused):
        codes = {code for code, _said in error.recipients.values()}
        lasting = bool(codes) and all(code >= 500 for code in codes)
        return Unwanted.NO_ADDRESS if lasting else ""
    if isinstance(error, SMTPAuthenticationError):
        return Unwanted.NOT_SET_UP
    if isinstance(error, SMTPResponseException) and error.smtp_code >= 500:
        return Unwanted.REFUSED
    return ""


def address(path: str) -> str:
    """A path of the house as people outside reach it."""
    return f"{settings.PUBLIC_URL}{path}"


def _line(text: str) -> str:
    """One line: what stands in a header ends there."""
    return " ".join(text.split())
