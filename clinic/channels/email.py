"""Letters by e-mail, over Django's mail (`EMAIL_URL`): plain text and the same in the house's look.

A letter passes through many hands unsealed. So it says that there is something and where, and names
neither a patient nor anything clinical.
"""

from dataclasses import dataclass
from email.utils import formataddr, parseaddr
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation


@dataclass(frozen=True)
class Letter:
    """What a letter says. `href` is absolute; `key` is the same each time that it is sent, so that
    a mail server knows a letter which came twice."""

    key: UUID
    sender: str
    subject: str
    paragraphs: tuple[str, ...]
    href: str
    action: str
    closing: str = ""


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
        message.send()


def address(path: str) -> str:
    """A path of the house as people outside reach it."""
    return f"{settings.PUBLIC_URL}{path}"


def _line(text: str) -> str:
    """One line: what stands in a header ends there."""
    return " ".join(text.split())
