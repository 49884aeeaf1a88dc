"""JSON in and out, by orjson."""

import orjson
from django.utils.encoding import force_str
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from rest_framework import parsers, renderers
from rest_framework.exceptions import ParseError

from clinic.errors import TooLarge

MOST_BYTES, MOST_NESTED = 1024 * 1024, 30


def _default(value):
    if isinstance(value, Promise):
        return force_str(value)
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    return str(value)


class JSONRenderer(renderers.JSONRenderer):
    def render(self, data, accepted_media_type=None, renderer_context=None):
        if data is None:
            return b""
        return orjson.dumps(data, default=_default, option=orjson.OPT_NON_STR_KEYS)


class JSONParser(parsers.BaseParser):
    """Strict JSON: UTF-8, no NaN, an object on top, at most a megabyte. What stands in its fields
    is the serializers' to judge, so that a refusal can name the field."""

    media_type = "application/json"
    renderer_class = JSONRenderer

    def parse(self, stream, media_type=None, parser_context=None):
        raw = stream.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise TooLarge(_("The body is larger than a megabyte."))
        try:
            data = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise ParseError(_("The body is not valid JSON.")) from error
        if not isinstance(data, dict):
            raise ParseError(_("The body must be a JSON object."))
        if _deeper_than(MOST_NESTED, data):
            raise ParseError(_("The body is nested too deeply."))
        return data


def _deeper_than(levels: int, data: dict) -> bool:
    inside = [data]
    for _level in range(levels):
        inside = [
            value
            for container in inside
            for value in (container.values() if isinstance(container, dict) else container)
            if isinstance(value, (dict, list))
        ]
        if not inside:
            return False
    return True
