"""What pages tell of a file that is sent in: what is taken, and why one was not read."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from records.ocr import errors

LIMITS = _("PDF, picture or text, up to 25 MB")


def too_large(request: HttpRequest) -> bool:
    """Whether the file was left unread because the request is longer than any file may be."""
    size = request.META.get("CONTENT_LENGTH") or 0
    return "file" not in request.FILES and int(size) > settings.UPLOAD_BYTES


def what_went_wrong(reason: str):
    """The reason for which a document could not be read, in plain words; "" where there is none."""
    if not reason:
        return ""
    others = {
        "too_many_attempts": _("Our reader failed several times."),
        "not_intact": _("The file was damaged while it was kept. Please call the clinic."),
    }
    if reason in others:
        return others[reason]
    return errors.MESSAGES.get(reason, _("The file could not be read."))
