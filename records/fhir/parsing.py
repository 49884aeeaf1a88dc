"""Untrusted bytes become JSON that is safe to walk and to store, or a refusal with its reason."""

import json
import re
import zlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NoReturn

from django.utils.translation import gettext as _

from records.fhir.element import Path, printable

MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 64

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class NotFHIR(ValueError):
    """No FHIR bundle that can be read: `message` says why, `path` where (empty: the whole)."""

    def __init__(self, message: str, path: str = ""):
        self.message = message
        self.path = path
        super().__init__(f"{message} ({path})" if path else message)


def parse(data: bytes) -> Any:
    """The JSON in `data`, which is UTF-8 or gzip of it. Raises NotFHIR."""
    document = _parsed(decompressed(data))
    _check_storable(document)
    return document


def decompressed(data: bytes) -> bytes:
    """`data` without its gzip, never more than MAX_BYTES. Raises NotFHIR."""
    if data[:2] == b"\x1f\x8b":
        unzip = zlib.decompressobj(wbits=31)
        try:
            data = unzip.decompress(data, MAX_BYTES + 1)
        except zlib.error as error:
            raise NotFHIR(_("The gzip compression is broken.")) from error
        if not unzip.eof and len(data) <= MAX_BYTES:
            raise NotFHIR(_("The gzip compression is broken."))
    if len(data) > MAX_BYTES:
        raise NotFHIR(_("The bundle is larger than %(size)d MB.") % {"size": MAX_BYTES // 1024**2})
    return data


def dotted(path: Path, root: str) -> str:
    """A path as people write it: `Bundle.entry[3].resource.name[0].family`."""
    return printable(
        root + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    )


def _parsed(data: bytes) -> Any:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotFHIR(
            _("The text is not UTF-8 (byte %(byte)d).") % {"byte": error.start}
        ) from error
    try:
        return json.loads(
            text,
            parse_float=Decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object_of_pairs,
        )
    except NotFHIR:
        raise
    except RecursionError as error:
        raise NotFHIR(_too_deep()) from error
    except json.JSONDecodeError as error:
        where = {"line": error.lineno, "column": error.colno}
        raise NotFHIR(_("This is not JSON (line %(line)d, column %(column)d).") % where) from error
    except (ValueError, ArithmeticError) as error:  # a number of thousands of digits
        raise NotFHIR(_("A number has too many digits.")) from error


def _refuse_constant(name: str) -> NoReturn:
    raise NotFHIR(_("This is not JSON: %(name)s is no number.") % {"name": name})


def _object_of_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuses a name that stands twice: one of its values would be lost in silence."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotFHIR(_("An object has the same name twice."))
    return found


def _too_deep() -> str:
    return _("The JSON is nested more than %(depth)d levels deep.") % {"depth": MAX_DEPTH}


def _check_storable(document: Any) -> None:
    """No text that PostgreSQL cannot store, and no depth that would exhaust a recursive walk."""
    for path, value in _nodes(document):
        if len(path) > MAX_DEPTH:
            raise NotFHIR(_too_deep(), dotted(path[:3], "Bundle"))
        texts = value if isinstance(value, dict) else (value,) if isinstance(value, str) else ()
        if any(UNSTORABLE.search(text) for text in texts):
            raise NotFHIR(_("A text has a NUL byte or half a character."), dotted(path, "Bundle"))


def _nodes(document: Any) -> Iterator[tuple[Path, Any]]:
    waiting: list[tuple[Path, Any]] = [((), document)]
    while waiting:
        path, value = waiting.pop()
        yield path, value
        if isinstance(value, dict):
            waiting.extend(((*path, name), below) for name, below in value.items())
        elif isinstance(value, list):
            waiting.extend(((*path, index), below) for index, below in enumerate(value))
