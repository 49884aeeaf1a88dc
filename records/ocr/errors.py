"""What can be wrong with a document, in words for the person who sent it."""

from __future__ import annotations

import enum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Reason(enum.StrEnum):
    """Why a document cannot be read; the value is stored and sent, the message is shown."""

    EMPTY = "empty"
    UNSUPPORTED = "unsupported"
    NOT_UTF8 = "not_utf8"
    AMBIGUOUS = "ambiguous"
    TOO_LARGE = "too_large"
    TOO_MANY_PAGES = "too_many_pages"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_MUCH_TEXT = "too_much_text"
    ENCRYPTED = "encrypted"
    TRUNCATED = "truncated"
    BROKEN = "broken"
    TOO_COMPLEX = "too_complex"
    CRASHED = "crashed"


MESSAGES: dict[Reason, Promise] = {
    Reason.EMPTY: _("The file is empty."),
    Reason.UNSUPPORTED: _(
        "This kind of file cannot be read. Send a PDF, a PNG, JPEG or TIFF picture, "
        "or a plain text."
    ),
    Reason.NOT_UTF8: _("The text is not encoded as UTF-8. Save it as UTF-8 and send it again."),
    Reason.AMBIGUOUS: _(
        "The file is two kinds of file at once, which is not safe to keep. Save it again "
        "from the program that made it."
    ),
    Reason.TOO_LARGE: _("The file is larger than 25 MB."),
    Reason.TOO_MANY_PAGES: _("The document has more than 200 pages. Split it into parts."),
    Reason.TOO_MANY_PIXELS: _(
        "A page has more than 40 million pixels, or all pages together have too many. "
        "Scan it again at 300 dots per inch or less."
    ),
    Reason.TOO_MUCH_TEXT: _(
        "The document has more than a million characters. Split it into parts."
    ),
    Reason.ENCRYPTED: _("The PDF is protected by a password. Send a copy without a password."),
    Reason.TRUNCATED: _("The file is incomplete: its end is missing. Send it again."),
    Reason.BROKEN: _("The file is damaged and cannot be read. Save or scan it again."),
    Reason.TOO_COMPLEX: _("Reading the file would take too much time or memory. Scan it again."),
    Reason.CRASHED: _("The file could not be decoded. Save or scan it again."),
}


class Unreadable(Exception):
    """A document that cannot or must not be read.

    `reason` is for programs, `message` for people, `detail` for the log: it names what was met
    and never quotes the document.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    @property
    def message(self) -> Promise:
        """What to tell the person, translated when it is shown."""
        return MESSAGES[self.reason]

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else str(self.reason)


class DecoderUnavailable(RuntimeError):
    """The decoder did not start. The document is not at fault and may be tried again."""
