"""Every string that a person may read is translated, and what is compiled is what was translated.

The strings are collected without gettext: Babel reads the Python sources, and the templates once
Django has written them as Python, which is what `make messages` does too.
"""

import re
from collections.abc import Iterator
from io import BytesIO
from itertools import chain
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils.translation import to_locale
from django.utils.translation.template import templatize

SOURCE_LANGUAGE = "en"
LOCALES = [to_locale(code) for code, _ in settings.LANGUAGES if code != SOURCE_LANGUAGE]
PLURAL, CONTEXT = (1, 2), ((1, "c"), 2)
KEYWORDS = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop")),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), PLURAL),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), CONTEXT),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), (*CONTEXT, 3)),
}
NOT_OURS = {"locale", "node_modules", "static", "staticfiles"}
KEPT_AS_IT_IS = re.compile(r"%\(\w+\)[a-z]|%[sd]\b|\{\w*\}|</?[a-z][^>]*>")

Key = tuple[str | None, str]  # context and English


def sources() -> Iterator[Path]:
    """The files in which strings may stand."""
    for folder in settings.BASE_DIR.iterdir():
        if folder.is_dir() and not folder.name.startswith(".") and folder.name not in NOT_OURS:
            yield from chain(*(folder.rglob(f"*.{kind}") for kind in ("py", "html", "txt")))


def strings_of(path: Path) -> Iterator[tuple[Key, str]]:
    """The strings of a file, each with its place."""
    text = path.read_text()
    if path.suffix == ".py" and "gettext" not in text:
        return  # nothing is imported that could mark a string
    if path.suffix != ".py":
        # What a template becomes is no program: its lines are indented as they happen to be.
        text = "\n".join(line.lstrip() for line in templatize(text).splitlines())
    for line, found, _, context in extract("python", BytesIO(text.encode()), keywords=KEYWORDS):
        english = found if isinstance(found, str) else found[0]
        yield (context, english), f"{path.relative_to(settings.BASE_DIR)}:{line}"


@pytest.fixture(scope="module")
def strings() -> dict[Key, str]:
    return dict(chain(*map(strings_of, sources())))


@pytest.fixture(params=LOCALES)
def written(request) -> Catalog:
    with catalogue(request.param, "po").open("rb") as file:
        return read_po(file, locale=request.param, abort_invalid=True)


def catalogue(locale: str, ending: str) -> Path:
    return settings.LOCALE_PATHS[0] / locale / "LC_MESSAGES" / f"django.{ending}"


def texts(catalog: Catalog) -> dict[Key, Message]:
    """The messages without the header, by context and English."""
    return {(context_of(one), forms(one.id)[0]): one for one in catalog if one.id}


def context_of(message: Message) -> str | None:
    """Of a compiled catalogue Babel leaves the context as it stands in the file, in bytes."""
    context = message.context
    return context.decode() if isinstance(context, bytes) else context


def forms(text: str | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def test_strings_are_found_in_code_and_templates(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "BASE_DIR", tmp_path)
    code, page = tmp_path / "code.py", tmp_path / "page.html"
    code.write_text(
        'from gettext import *\n_("One")\npgettext("order", "Two")\nngettext("a day", "days", 3)\n'
    )
    page.write_text(
        '{% load i18n %}\n   {% translate "Three" context "sum" %}\n'
        '{% card title=_("Four") %} it\'s {% blocktranslate count n=5 %}five'
        "{% plural %}fives{% endblocktranslate %}"
    )
    assert [key for key, _ in strings_of(code)] == [
        (None, "One"), ("order", "Two"), (None, "a day"),
    ]  # fmt: skip
    assert [key for key, _ in strings_of(page)] == [
        ("sum", "Three"), (None, "Four"), (None, "five"),
    ]  # fmt: skip


def test_each_string_is_in_the_catalogue(strings, written):
    known = texts(written)
    missing = {place: key for key, place in strings.items() if key not in known}
    assert not missing, "`make messages`, then translate"


def test_each_entry_is_translated(written):
    entries = texts(written).values()
    assert not [one.id for one in entries if one.fuzzy or not all(forms(one.string))]
    plurals = {len(forms(one.string)) for one in entries if one.pluralizable}
    assert plurals == {written.num_plurals}


def test_placeholders_and_marks_are_kept(written):
    changed = [
        (english, text)
        for one in texts(written).values()
        for english, text in pairs(one)
        if sorted(KEPT_AS_IT_IS.findall(english)) != sorted(KEPT_AS_IT_IS.findall(text))
        or outer_space(english) != outer_space(text)
    ]
    assert not changed


def pairs(message: Message) -> Iterator[tuple[str, str]]:
    """Each translated form beside the English one: the first singular, all others plural."""
    english = forms(message.id)
    for place, text in enumerate(forms(message.string)):
        yield english[min(place, len(english) - 1)], text


def outer_space(text: str) -> tuple[bool, bool]:
    return text[:1].isspace(), text[-1:].isspace()


@pytest.mark.parametrize("locale", LOCALES)
def test_what_is_compiled_is_what_was_translated(locale):
    with catalogue(locale, "po").open("rb") as po, catalogue(locale, "mo").open("rb") as mo:
        wanted, compiled = translations(read_po(po)), translations(read_mo(mo))
    assert compiled == wanted


def translations(catalog: Catalog) -> dict[Key, tuple[str, ...]]:
    return {key: forms(one.string) for key, one in texts(catalog).items()}
