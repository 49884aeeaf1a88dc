"""Each kind of file gives the text that stands on its pages."""

import datetime as dt
import io
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from rapidfuzz.distance import Levenshtein

from records import demo_letters
from records.demo_letters import Form, Letter, Person, camera
from records.ocr import (
    Page,
    Picture,
    Reason,
    UnknownLanguage,
    Unreadable,
    engine_for,
    limits,
    read_document,
)

ROOT = Path(__file__).resolve().parents[2]
JANE = Person("Jane Doe", dt.date(1983, 7, 4), "HFC-000123")
ANA = Person("Ana Souza", dt.date(1979, 10, 21), "AUS-000045")


def letter(key: str) -> Letter:
    written = [
        *demo_letters.write(JANE, language="en"),
        *demo_letters.write(ANA, language="pt"),
        *demo_letters.write(ANA, language="es"),
    ]
    return next(one for one in written if one.key == key)


def error_rate(read: str, written: str) -> float:
    """The character error rate, whatever the white space between words."""
    read, written = " ".join(read.split()), " ".join(written.split())
    return Levenshtein.distance(read, written) / len(written)


def top_of(key: str) -> Image.Image:
    """The upper part of a printed letter: some seven lines, read in a second."""
    page = camera.flat(demo_letters.render([letter(key)], Form.PDF))[0]
    return page.crop((120, 100, page.width - 100, 520))


def saved(image: Image.Image, format: str, **more: object) -> bytes:
    target = io.BytesIO()
    image.save(target, format, **more)
    return target.getvalue()


class Silent:
    """An engine for tests in which no picture must be read, or what is read is no matter."""

    def __init__(self) -> None:
        self.pictures: list[Picture] = []
        self.turned: list[int] = []

    def read(self, picture: Picture, *, turned: int = 0) -> Page:
        self.pictures.append(picture)
        self.turned.append(turned)
        return Page("", [], 0.0, 90)


def test_a_plain_text_is_taken_as_it_is_page_by_page() -> None:
    letters = demo_letters.write(ANA, language="pt")
    engine = Silent()
    reading = read_document(demo_letters.render(letters, Form.TEXT), reader=engine)
    assert (reading.mime_type, reading.confidence) == ("text/plain", 1.0)
    assert [page.text for page in reading.pages] == [one.text.strip() for one in letters]
    assert not engine.pictures


def test_a_pdf_with_text_is_read_without_ocr_and_keeps_its_tables_rows() -> None:
    letters = [letter("lab_results"), letter("discharge_summary")]
    engine = Silent()
    reading = read_document(demo_letters.render(letters, Form.PDF), reader=engine)
    assert (reading.mime_type, reading.confidence) == ("application/pdf", 1.0)
    assert not engine.pictures
    for page, written in zip(reading.pages, letters, strict=True):
        assert " ".join(page.text.split()) == " ".join(written.text.split())
    assert "Ferritin\t18\tng/mL\t30 - 300\tLow" in reading.pages[0].text
    assert "\n\nAlergias\nÁcido acetilsalicílico: urticária em 2016." in reading.pages[1].text


@pytest.mark.parametrize(
    ("key", "form", "mime_type"),
    [
        ("referral_letter", Form.SCAN, "application/pdf"),
        ("medication_list", Form.PHOTO, "image/jpeg"),
    ],
)
def test_a_scan_and_a_photograph_are_read_with_few_errors(
    key: str, form: Form, mime_type: str
) -> None:
    written = letter(key)
    reading = read_document(demo_letters.render([written], form, seed=7))
    (page,) = reading.pages
    assert reading.mime_type == mime_type
    assert error_rate(page.text, written.text) < 0.01
    assert 0.9 < reading.confidence < 1.0
    assert reading.confidence == page.confidence
    for fact in written.facts:
        assert fact.answer in " ".join(page.text.split())


@pytest.mark.parametrize(
    ("data", "mime_type"),
    [
        (lambda: saved(top_of("imaging_report"), "PNG"), "image/png"),
        (lambda: saved(top_of("imaging_report").convert("CMYK"), "JPEG"), "image/jpeg"),
        (lambda: camera.as_tiff([top_of("imaging_report")]), "image/tiff"),
    ],
)
def test_accents_survive_in_pictures(data: object, mime_type: str) -> None:
    reading = read_document(data())
    assert reading.mime_type == mime_type
    assert reading.pages[0].text.startswith("Centro de Imagem Ipê Amarelo\n")
    assert "prontuário AUS-000045" in reading.pages[0].text
    assert "Solicitante: Dra. Lúcia Prado" in reading.pages[0].text


def test_the_pages_of_a_fax_are_read_in_turn_and_reported() -> None:
    told: list[tuple[int, int]] = []
    data = camera.as_tiff([top_of("lab_results"), top_of("allergy_letter")])
    reading = read_document(data, on_progress=lambda done, total: told.append((done, total)))
    assert "Laboratory report" in reading.pages[0].text
    assert "Penicillin allergy" in reading.pages[1].text
    assert told == [(0, 2), (1, 2), (2, 2)]


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_page_that_lies_on_its_side_or_head_is_mended(degrees: int) -> None:
    page = top_of("cardiology_report").crop((0, 0, 1_100, 270)).rotate(degrees, expand=True)
    (read,) = read_document(saved(page, "PNG")).pages
    assert read.rotation == degrees
    assert read.text.startswith("Centro Médico Los Almendros\nCalle del Olmo, 12, Zaragoza")
    assert read.lines[0].box.top < read.lines[-1].box.top


def test_the_next_page_is_tried_first_as_the_last_one_lay() -> None:
    engine = Silent()
    read_document(camera.as_tiff([Image.new("L", (90, 80), 255)] * 3), reader=engine)
    assert engine.turned == [0, 90, 90]


def test_a_photograph_is_turned_as_its_camera_says() -> None:
    engine = Silent()
    lying = Image.new("RGB", (60, 40), "white")
    exif = lying.getexif()
    exif[0x0112] = 6
    read_document(saved(lying, "JPEG", exif=exif), reader=engine)
    assert (engine.pictures[0].width, engine.pictures[0].height) == (40, 60)


def test_a_fax_with_oblong_pixels_is_made_square() -> None:
    engine = Silent()
    read_document(saved(Image.new("1", (172, 100), 1), "TIFF", dpi=(204, 98)), reader=engine)
    assert (engine.pictures[0].width, engine.pictures[0].height) == (172, 208)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "I", "F", "CMYK"])
def test_every_kind_of_pixel_becomes_black_on_white(mode: str) -> None:
    image = Image.new("L", (40, 40), 255)
    image.paste(0, (10, 10, 30, 30))
    if mode == "I;16":
        image = image.convert("I").point(lambda grey: grey * 200).convert("I;16")
    else:
        image = image.convert("RGBA" if mode == "LA" else "RGB").convert(mode)
    engine = Silent()
    read_document(saved(image, "TIFF" if mode != "LA" else "PNG"), reader=engine)
    picture = engine.pictures[0]
    at = (20 * 40 + 20) * picture.channels
    assert picture.pixels[at] < 20
    assert picture.pixels[0] > 235


def test_letters_on_transparent_paper_are_seen() -> None:
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (10, 10, 30, 30))
    engine = Silent()
    read_document(saved(image, "PNG"), reader=engine)
    assert engine.pictures[0].pixels[0] == 255


def test_a_large_picture_is_reduced_to_what_is_read() -> None:
    engine = Silent()
    read_document(saved(Image.new("L", (6_200, 6_400), 255), "JPEG"), reader=engine)
    picture = engine.pictures[0]
    assert picture.width * picture.height <= limits.READ_PIXELS
    assert picture.width / picture.height == pytest.approx(6_200 / 6_400, abs=0.01)


def test_a_white_page_has_no_text_and_no_confidence() -> None:
    reading = read_document(saved(Image.new("L", (300, 400), 255), "PNG"))
    assert [(page.text, page.lines, page.confidence) for page in reading.pages] == [("", [], 0.0)]
    assert reading.confidence == 0.0


def test_confidence_weighs_pages_by_their_letters() -> None:
    class Unsure:
        def read(self, picture: Picture, *, turned: int = 0) -> Page:
            return Page("ab" if picture.width == 50 else "abcdef", [], picture.width / 100)

    data = camera.as_tiff([Image.new("L", (50, 50), 255), Image.new("L", (90, 50), 255)])
    assert read_document(data, reader=Unsure()).confidence == pytest.approx(0.8)


def test_who_watches_may_end_the_reading() -> None:
    class Cancelled(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done:
            raise Cancelled

    engine = Silent()
    with pytest.raises(Cancelled):
        read_document(
            camera.as_tiff([Image.new("L", (90, 80), 255)] * 3), on_progress=stop, reader=engine
        )
    assert len(engine.pictures) == 1


def test_a_document_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SECONDS_A_DOCUMENT", 0)
    with pytest.raises(Unreadable) as refused:
        read_document(camera.as_tiff([Image.new("L", (90, 80), 255)] * 3), reader=Silent())
    assert (refused.value.reason, refused.value.detail) == (Reason.TOO_COMPLEX, "1 of 3 pages")


def test_too_long_a_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_CHARACTERS", 1_000)
    with pytest.raises(Unreadable) as refused:
        read_document(b"word " * 300)
    assert refused.value.reason is Reason.TOO_MUCH_TEXT


def test_a_language_that_the_models_do_not_know_is_named() -> None:
    with pytest.raises(UnknownLanguage, match="km, tlh"):
        read_document(b"A text", languages=["en", "tlh", "km"])
    assert engine_for(["pt"]) is engine_for(["en", "es"])


def test_the_models_come_from_the_package_and_never_from_the_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from records.ocr.engine import LocalEngine

    def refuse(*arguments: object, **named: object) -> None:
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    page = top_of("allergy_letter").crop((0, 0, 900, 140))
    picture = Picture(page.width, page.height, 1, page.tobytes())
    assert LocalEngine().read(picture).text.startswith("Granite State Allergy Center")


def test_a_web_process_loads_neither_models_nor_decoders() -> None:
    program = (
        "import sys, records.ocr as ocr\n"
        "ocr.recognise(b'A text'); ocr.engine_for(['en'])\n"
        "heavy = {'numpy', 'cv2', 'onnxruntime', 'rapidocr', 'PIL', 'pypdfium2', 'reportlab'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"
