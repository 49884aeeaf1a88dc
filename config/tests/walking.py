"""Walks the URL configuration: every route of it, and the address that names a thing."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.urls import get_resolver
from django.urls.resolvers import RegexPattern, URLResolver
from django.utils.regex_helper import normalize

from config.tests.routes import ARGUMENTS, AUDIENCE, FIXED, THINGS, Door, Thing


@dataclass(frozen=True)
class Route:
    """One pattern of the URL configuration."""

    name: str
    template: str
    arguments: tuple[str, ...]
    actions: dict = field(default_factory=dict, hash=False)

    @property
    def surface(self) -> str:
        first = self.template.split("/", 1)[0]
        return first if first in AUDIENCE else "web"

    @property
    def thing(self) -> str:
        """The kind of object that the address names, or "" where it names none."""
        if self.name in FIXED or not self.arguments:
            return ""
        if "pk" not in self.arguments and "object_id" not in self.arguments:
            return ARGUMENTS.get(self.arguments[-1], "")
        fitting = [known for known in THINGS if self.name.startswith(known)]
        return THINGS[max(fitting, key=len)]

    def address(self, it: Thing, door: Door | None) -> str:
        """The address that names the things of one owner."""
        thing = (door and door.of) or self.thing
        values = FIXED.get(self.name) or {
            name: it[ARGUMENTS.get(name) or thing] for name in self.arguments
        }
        return "/" + self.template % values


def routes() -> Iterator[Route]:
    """Every route of the URL configuration, once: a page of ours that stands before allauth's has
    its name and address."""
    seen: set[tuple[str, str]] = set()
    for route in _walk(get_resolver(), "", (), []):
        if (route.name, route.template) not in seen:
            seen.add((route.name, route.template))
            yield route


def _walk(resolver: URLResolver, prefix: str, arguments: tuple, spaces: list[str]):
    for pattern in resolver.url_patterns:
        (piece, names), *_rest = pattern.pattern.regex and _pieces(pattern.pattern)
        path, known = prefix + piece, (*arguments, *names)
        if isinstance(pattern, URLResolver):
            space = [pattern.namespace] if pattern.namespace else []
            yield from _walk(pattern, path, known, spaces + space)
            continue
        shown = pattern.name and ":".join([*spaces, pattern.name])
        actions = getattr(pattern.callback, "actions", None) or {}
        yield Route(shown or _written(prefix, pattern), path, known, actions)


def _pieces(pattern) -> list[tuple[str, list[str]]]:
    return normalize(pattern.regex.pattern.replace(r"\Z", "").removeprefix("^"))


def _written(prefix: str, pattern) -> str:
    piece = pattern.pattern
    return prefix + (piece.regex.pattern if isinstance(piece, RegexPattern) else str(piece))
