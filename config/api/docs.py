"""The schema for programs and, made from it, a page for people."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from drf_spectacular.generators import SchemaGenerator

from config.api.errors import PROBLEM_JSON, body_of

METHODS = ("get", "post", "patch", "delete")
SAFE = {"GET", "HEAD"}


@dataclass(frozen=True)
class Operation:
    """One operation as the page shows it."""

    anchor: str
    method: str
    path: str
    parts: list[str]
    summary: str
    description: str
    parameters: list[dict[str, Any]]
    body: list[dict[str, Any]]
    example: str
    answers: list[dict[str, Any]]


@cache
def made(language: str | None) -> dict[str, Any]:
    """The schema in a language; made once a process, because making it takes a second."""
    return SchemaGenerator().get_schema(request=None, public=True)


def schema(request) -> HttpResponse:
    """OpenAPI 3.1 as JSON."""
    if request.method not in SAFE:
        return _not_offered()
    answer = HttpResponse(orjson.dumps(made(get_language())), content_type="application/json")
    answer["Cache-Control"] = "public, max-age=300"
    return answer


def docs(request) -> HttpResponse:
    """Every operation on one page, without a script."""
    if request.method not in SAFE:
        return _not_offered()
    found = made(get_language())
    groups: dict[str, list[Operation]] = {}
    for path, methods in found["paths"].items():
        for method in (name for name in METHODS if name in methods):
            operation = _operation(found, path, method, methods[method])
            groups.setdefault(methods[method]["tags"][0], []).append(operation)
    return render(request, "api/docs.html", {"groups": groups.items(), "info": found["info"]})


schema.public = docs.public = True


def _not_offered() -> HttpResponse:
    body = orjson.dumps(body_of(405))
    return HttpResponse(body, status=405, content_type=PROBLEM_JSON, headers={"Allow": "GET, HEAD"})


def _operation(found: dict, path: str, method: str, stated: dict) -> Operation:
    media = next(iter(stated.get("requestBody", {}).get("content", {}).items()), ("", {}))
    example = media[1].get("example")
    return Operation(
        anchor=stated["operationId"],
        method=method.upper(),
        path=path,
        parts=path.split("/")[1:],
        summary=stated.get("summary", ""),
        description=stated.get("description", ""),
        parameters=[
            _named(found, p["name"], p["schema"], p, p["in"]) for p in stated.get("parameters", [])
        ],
        body=_fields(found, media[1].get("schema", {})),
        example=json.dumps(example, indent=2, ensure_ascii=False) if example else "",
        answers=[_answer(found, status, a) for status, a in stated["responses"].items()],
    )


def _answer(found: dict, status: str, stated: dict) -> dict[str, Any]:
    media = next(iter(stated.get("content", {}).items()), ("", {}))
    good = status.startswith("2")
    return {
        "status": status,
        "good": good,
        "description": stated.get("description", ""),
        "media": media[0],
        "fields": _fields(found, media[1].get("schema", {})) if good else [],
    }


def _resolved(found: dict, schema: dict) -> dict:
    while "$ref" in schema:
        schema = found["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _fields(found: dict, schema: dict) -> list[dict[str, Any]]:
    """The fields of an object; of a list, those of what it lists."""
    schema = _resolved(found, schema)
    properties = schema.get("properties", {})
    if set(properties) == {"results", "next", "previous"}:
        return _fields(found, properties["results"].get("items", {}))
    required = schema.get("required", [])
    return [_named(found, n, s, {"required": n in required}) for n, s in properties.items()]


def _named(found: dict, name: str, schema: dict, stated: dict, where: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "where": where,
        "kind": _kind(found, schema),
        "required": stated.get("required", False),
        "description": stated.get("description") or schema.get("description", ""),
        "choices": [value for value in schema.get("enum", []) if value not in ("", None)],
    }


def _kind(found: dict, schema: dict) -> str:
    """A word or two for a type: “text, uuid”, “list of Citation”."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    for several in ("oneOf", "anyOf", "allOf"):
        if several in schema:
            return " / ".join(dict.fromkeys(_kind(found, one) for one in schema[several]))
    if "items" in schema:
        return f"[{_kind(found, schema['items'])}]"
    kinds = schema.get("type", "")
    word = " / ".join(kinds) if isinstance(kinds, list) else kinds
    return f"{word} ({schema['format']})" if "format" in schema else word
