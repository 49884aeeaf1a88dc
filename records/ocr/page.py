"""What is read from documents: readings, pages and lines; and the pictures that are read."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Box:
    """A place on an upright page, as shares (0 to 1) of its width and height from the top left."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        """The height as a share of the page's."""
        return self.bottom - self.top


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a page or of one of its columns; cells of a table are parted by tabs.

    `confidence` runs from 0 to 1; `box` is missing where the text had no place, as in a text file.
    """

    text: str
    confidence: float
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page in reading order, paragraphs parted by blank lines.

    `confidence` is the mean over characters; 1 for text that was never a picture, 0 for a picture
    without text. `rotation` says by how many degrees clockwise the picture had to be turned.
    """

    text: str
    lines: list[Line] = field(default_factory=list)
    confidence: float = 1.0
    rotation: int = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """Raw pixels, row by row: `channels` is 1 (grey) or 3 (red, green, blue), a byte each."""

    width: int
    height: int
    channels: int
    pixels: bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """All pages of a document; `confidence` is the mean over the characters of all pages."""

    mime_type: str
    pages: list[Page]
    confidence: float


def weighed(parts: list[Line] | list[Page]) -> float:
    """Return the mean confidence of lines or pages, each weighed by its characters; 0 if none."""
    weights = [len(part.text.split()) and len(part.text) for part in parts]
    total = sum(weights)
    if not total:
        return 0.0
    return (
        sum(part.confidence * weight for part, weight in zip(parts, weights, strict=True)) / total
    )
