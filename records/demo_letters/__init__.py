"""Fictional letters for the demo clinics, written for a given patient and rendered in six forms.

The same letters, person, form and seed give the same bytes. Each letter names facts that a question
can be asked about, and every patient's letters agree with one another.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

from records.demo_letters import english, portuguese, spanish
from records.demo_letters.letter import Fact, Letter, Person

__all__ = ["Fact", "Form", "Letter", "Person", "filename", "render", "write"]


class Form(enum.StrEnum):
    """How a letter reaches the clinic."""

    PDF = "pdf"
    SCAN = "scan"
    PNG = "png"
    PHOTO = "photo"
    FAX = "fax"
    TEXT = "text"


MIME_TYPES = {
    Form.PDF: "application/pdf",
    Form.SCAN: "application/pdf",
    Form.PNG: "image/png",
    Form.PHOTO: "image/jpeg",
    Form.FAX: "image/tiff",
    Form.TEXT: "text/plain",
}
SUFFIXES = {
    Form.PDF: ".pdf",
    Form.SCAN: ".pdf",
    Form.PNG: ".png",
    Form.PHOTO: ".jpg",
    Form.FAX: ".tiff",
    Form.TEXT: ".txt",
}
LETTERS = {"en": english.LETTERS, "pt": portuguese.LETTERS, "es": spanish.LETTERS}


def write(person: Person, *, language: str) -> list[Letter]:
    """Return the letters about `person` in a language: `en` and `pt` three each, `es` one."""
    return [compose(person) for compose in LETTERS[language]]


def filename(letter: Letter, form: Form) -> str:
    """Return the name under which a person would send the letter."""
    return letter.title.lower().replace(":", "").replace(" ", "-") + SUFFIXES[form]


def render(letters: Sequence[Letter], form: Form, *, seed: int = 1) -> bytes:
    """Return the letters as one file; PNG and PHOTO hold one page, so only the first letter."""
    if form is Form.TEXT:
        # A form feed parts the pages of a plain text.
        return "\f".join(letter.text for letter in letters).encode()
    # What draws is imported only where something is drawn: a web process never needs it.
    from records.demo_letters import camera, paper

    if form is Form.PDF:
        return paper.print_pdf(letters)
    pages = camera.flat(paper.print_pdf(letters))
    match form:
        case Form.SCAN:
            return camera.as_pdf(
                [camera.scanned(page, seed=seed + at) for at, page in enumerate(pages)]
            )
        case Form.PNG:
            return camera.as_png(camera.scanned(pages[0], seed=seed))
        case Form.PHOTO:
            return camera.as_jpeg(camera.photographed(pages[0], seed=seed))
        case Form.FAX:
            return camera.as_tiff(pages)
