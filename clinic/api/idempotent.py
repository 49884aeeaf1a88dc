"""`Idempotency-Key`: a POST has one effect and one answer, however often it is sent."""

import hashlib
from functools import wraps

import orjson
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from rest_framework.response import Response

from clinic.errors import invalid
from clinic.security import idempotency, trail

LONGEST_KEY = 200


def idempotent(action):
    """The same key and body replay the first answer, which is a reading of what it tells of;
    another body raises `KeyReused`.

    The key is kept in the transaction of the work, so a refused request leaves none.
    """

    @wraps(action)
    def once(view, request, *args, **kwargs):
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return action(view, request, *args, **kwargs)
        if not 0 < len(key) <= LONGEST_KEY:
            raise invalid("Idempotency-Key", _("Give a key of 1 to 200 characters."))
        asked = {"key": key, "method": request.method, "path": request.path}
        asked["body"] = digest_of(request)
        replay = idempotency.begin(**asked)
        if replay:
            about = replay.about
            if about.patient_id:
                seen = [(about.object_id or about.patient_id, about.patient_id)]
                trail.read(about.resource, seen, how="detail")
            return Response(replay.answer, status=replay.status)
        response = action(view, request, *args, **kwargs)
        answer = orjson.loads(request.accepted_renderer.render(response.data) or b"null")
        about = view.about(response.data)
        idempotency.finish(**asked, status=response.status_code, answer=answer, about=about)
        return response

    once.keeps_its_answer = True
    return once


def digest_of(request) -> bytes:
    """A digest of what was sent: of the JSON value, or of a form's fields and the files' bytes."""
    data = request.data
    if not isinstance(data, QueryDict):
        return hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).digest()
    parts = hashlib.sha256()
    for name in sorted(data):
        for value in data.getlist(name):
            if hasattr(value, "read"):
                content = hashlib.sha256(value.read()).hexdigest()
                value.seek(0)
                value = f"{value.name}\x00{content}"
            parts.update(f"{name}\x00{value}\x00".encode())
    return parts.digest()
