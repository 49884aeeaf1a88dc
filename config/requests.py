"""Refuses what no page of ours asks for before any view sees it."""

from django.http import HttpResponseBadRequest
from django.shortcuts import render


class PlainRequestMiddleware:
    """A NUL character or broken UTF-8 in an address or a form is a bad request, not a fault."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if self._is_broken(request):
            if request.path_info.startswith(("/api/", "/fhir/")):
                return HttpResponseBadRequest(
                    b'{"type":"about:blank","title":"The request is not valid.","status":400,'
                    b'"detail":"The address contains a character that is not text.","errors":{}}',
                    content_type="application/problem+json",
                )
            return render(request, "400.html", status=400)
        return self.get_response(request)

    def _is_broken(self, request) -> bool:
        if "\x00" in request.path_info or "\ufffd" in request.path_info:
            return True
        query = request.META.get("QUERY_STRING", "")
        if "%00" in query:
            return True
        if request.content_type in {"application/x-www-form-urlencoded", "multipart/form-data"}:
            if request.path_info.startswith(("/api/", "/fhir/")):
                return False
            return any("\x00" in value for _, values in request.POST.lists() for value in values)
        return False
