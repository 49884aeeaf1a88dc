"""Reading documents beside Tesseract, on the same pages in one run: python -m benchmarks.ocr

Speed is in pages a minute of one processor, so that other work on the machine does not show; ours
includes recognising the file and decoding it in its own process. An error rate is the edit distance
to the printed letters over their number, white space levelled. About two minutes.
"""

from __future__ import annotations

import datetime as dt
import functools
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PIL import Image
from rapidfuzz.distance import Levenshtein

from records import demo_letters
from records.demo_letters import Form, Letter, Person, camera
from records.ocr import read_document
from records.ocr.characters import tidy

KEYS = {
    "en": ("referral_letter", "lab_results"),
    "pt": ("discharge_summary", "medication_list"),
    "es": ("cardiology_report",),
}
NAMES = {"en": "eng", "pt": "por", "es": "spa"}
SOMEONE = Person("Ana Beatriz Souza", dt.date(1979, 10, 21), "AUS-000045")
LOOKS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "clean": lambda page: page,
    "noisy": lambda page: camera.scanned(page, seed=5),
    "photo": lambda page: camera.photographed(page, seed=5),
}


@dataclass(frozen=True)
class Row:
    """One line of the table; `theirs` is missing where Tesseract or its language is."""

    name: str
    unit: str
    ours: float
    theirs: float | None = None

    @property
    def ratio(self) -> float | None:
        """Ours over theirs: more is better for speed, less for errors."""
        return self.ours / self.theirs if self.theirs else None

    def __str__(self) -> str:
        theirs = "missing" if self.theirs is None else f"{self.theirs:.2f}"
        ratio = "" if self.ratio is None else f"{self.ratio:.3f}"
        return f"{self.name:<36}{self.ours:>10.2f}{theirs:>12}  {self.unit:<16}{ratio:>8}"


@dataclass
class Tally:
    """What one reader has done: pages, processor seconds, wrong letters of how many."""

    pages: int = 0
    seconds: float = 0.0
    wrong: int = 0
    letters: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.pages + other.pages,
            self.seconds + other.seconds,
            self.wrong + other.wrong,
            self.letters + other.letters,
        )

    @property
    def error_rate(self) -> float | None:
        """Wrong letters of a hundred."""
        return 100 * self.wrong / self.letters if self.letters else None

    @property
    def speed(self) -> float | None:
        """Pages a minute of one processor."""
        return 60 * self.pages / self.seconds if self.pages else None


def measure() -> list[Row]:
    """Return speed, error rates for each look and language, and the memory of a worker."""
    read_document(camera.as_png(next(_pages("en"))[1].crop((0, 0, 900, 300))))  # loads the models
    known = _tesseract_languages()
    ours, theirs, rows = Tally(), Tally(), []
    for look, make in LOOKS.items():
        for language, name in NAMES.items():
            mine, other = Tally(), Tally()
            for letter, page in _pages(language):
                data = camera.as_png(make(page))
                mine += _tallied(_read, data, letter)
                if name in known:
                    other += _tallied(functools.partial(_tesseract, name=name), data, letter)
            ours, theirs = ours + mine, theirs + other
            errors = (mine.error_rate or 0.0, other.error_rate)
            rows.append(Row(f"errors, {look}, {language}", "letters of 100", *errors))
    both = ours.error_rate or 0.0, theirs.error_rate
    rows.append(Row("errors, all pages", "letters of 100", *both))
    rows.insert(0, Row("speed, one thread", "pages a minute", ours.speed or 0.0, theirs.speed))
    return rows + _memory()


def _pages(language: str) -> Iterator[tuple[Letter, Image.Image]]:
    for letter in demo_letters.write(SOMEONE, language=language):
        if letter.key in KEYS[language]:
            yield letter, camera.flat(demo_letters.render([letter], Form.PDF))[0]


def _tallied(read: Callable[[bytes], str], data: bytes, letter: Letter) -> Tally:
    begun = _processor_seconds()
    text = read(data)
    seconds = _processor_seconds() - begun
    got, wanted = (" ".join(tidy(one).split()) for one in (text, letter.text))
    return Tally(1, seconds, Levenshtein.distance(got, wanted), len(wanted))


def _read(data: bytes) -> str:
    return read_document(data).pages[0].text


def _tesseract(data: bytes, name: str) -> str:
    command = ["tesseract", "stdin", "stdout", "-l", name, "--dpi", str(camera.DPI)]
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    done = subprocess.run(command, input=data, capture_output=True, env=environment, check=True)
    return done.stdout.decode()


def _tesseract_languages() -> set[str]:
    if not shutil.which("tesseract"):
        return set()
    listed = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True)
    return set(listed.stdout.split())


def _processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _memory() -> list[Row]:
    """Measure a fresh process that has read three pages."""
    program = (
        "import sys\n"
        "from records.ocr import read_document\n"
        "read_document(sys.stdin.buffer.read())\n"
        "kept = open('/proc/self/status').read()\n"
        "print(*(kept.split(name)[1].split()[0] for name in ('VmRSS:', 'VmHWM:')))\n"
    )
    kept, peak = megabytes_after(program)
    return [Row("memory, after three pages", "MB", kept), Row("memory, at most", "MB", peak)]


def megabytes_after(program: str) -> tuple[float, float]:
    """What a fresh process holds, and held at most: the two kilobytes that the program, which is
    given three scanned letters, prints last."""
    letters = demo_letters.write(SOMEONE, language="pt")
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=demo_letters.render(letters, Form.SCAN),
        capture_output=True,
        check=True,
    )
    kept, peak = (int(size) / 1024 for size in done.stdout.split()[-2:])
    return kept, peak


def main() -> None:
    """Print the table."""
    print(f"{'':<36}{'ours':>10}{'Tesseract':>12}  {'':<16}{'ratio':>8}")
    for row in measure():
        print(row)


if __name__ == "__main__":
    main()
