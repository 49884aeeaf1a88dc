"""Refuses what no page of ours asks for, and what a stranger says of himself, before any view sees
it."""

import codecs
import re

from django.http import HttpResponseBadRequest
from django.shortcuts import render

from clinic.middleware import is_proxy

# What a proxy tells of the request that it was sent: X-Forwarded-…, Forwarded, X-Real-IP.
FORWARDED = re.compile(r"HTTP_(X_FORWARDED\w*|FORWARDED|X_REAL_IP)")
# NUL, which PostgreSQL does not store, and halves of characters, which nothing can encode.
NO_TEXT = re.compile("[\x00\ud800-\udfff]")
FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
READ = {"utf-8", "ascii"}  # the encodings of bodies and addresses


class ForwardedMiddleware:
    """Only a trusted proxy tells where a request came from, and whether it was encrypted on the
    way; from anybody else these headers are taken away before something reads them."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if not is_proxy(request.META.get("REMOTE_ADDR", "")):
            for name in [name for name in request.META if FORWARDED.fullmatch(name)]:
                del request.META[name]
        return self.get_response(request)


class PlainRequestMiddleware:
    """A character that is no text, in an address, a header or a form, is a bad request, not a
    fault. So is another encoding than UTF-8: it would be a way to write one.

    A cookie that holds one is none of ours, and counts as not sent: whoever planted it in a browser
    locks nobody out.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.COOKIES = {
            name: value for name, value in request.COOKIES.items() if not NO_TEXT.search(value)
        }
        if self._is_broken(request):
            if request.path_info.startswith(("/api/", "/fhir/")):
                return HttpResponseBadRequest(
                    b'{"type":"about:blank","title":"The request is not valid.","status":400,'
                    b'"detail":"The request contains a character that is not text.","errors":{}}',
                    content_type="application/problem+json",
                )
            return render(request, "400.html", status=400)
        return self.get_response(request)

    def _is_broken(self, request) -> bool:
        if not getattr(request, "has_readable_type", True) or not _is_read(request.encoding):
            return True
        if "\ufffd" in request.path_info or NO_TEXT.search(request.path_info):
            return True
        query = request.META.get("QUERY_STRING", "")
        if "%00" in query or NO_TEXT.search(query):
            return True
        headers = [value for name, value in request.META.items() if name.startswith("HTTP_")]
        if any(NO_TEXT.search(value) for value in headers):
            return True
        if request.content_type in FORMS:
            if request.path_info.startswith(("/api/", "/fhir/")):
                return False
            sent = request.POST.lists()
            return any(NO_TEXT.search(text) for name, values in sent for text in (name, *values))
        return False


def _is_read(encoding: str | None) -> bool:
    return encoding is None or codecs.lookup(encoding).name in READ
