"""A file is what its bytes say."""

import io
import struct
import zipfile
import zlib

import pytest
from PIL import Image

from records.ocr import limits
from records.ocr.errors import Reason, Unreadable
from records.ocr.kinds import JPEG, PDF, PNG, TEXT, TIFF, recognise, require_end

PDF_BYTES = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"


def picture(format: str) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (40, 30), "white").save(target, format)
    return target.getvalue()


def archive(*, comment: bytes = b"") -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        packed.writestr("run.bat", "echo")
        packed.comment = comment
    return target.getvalue()


def refusal(data: bytes) -> Reason:
    with pytest.raises(Unreadable) as refused:
        recognise(data)
    return refused.value.reason


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PDF_BYTES, PDF),
        (b"\xef\xbb\xbf\r\n" + PDF_BYTES, PDF),
        (PDF_BYTES + b"\x00" * 9000, PDF),
        (picture("PNG"), PNG),
        (picture("JPEG"), JPEG),
        (picture("TIFF"), TIFF),
        (struct.pack(">2sHI", b"MM", 42, 8), TIFF),
        ("Prontuário: pressão 12/8, glicemia < 99 mg/dL".encode(), TEXT),
        ("\ufeffFerritin 18 ng/mL\r\n".encode(), TEXT),
        ("첫 번째 줄".encode(), TEXT),
        (b"<5 colonies were seen", TEXT),
    ],
)
def test_the_kinds_that_are_read(data: bytes, kind: str) -> None:
    assert recognise(data) == kind


@pytest.mark.parametrize(
    "data",
    [
        picture("GIF"),
        picture("BMP"),
        picture("WEBP"),
        archive(),
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"\xef\xbb\xbf  \n<!DOCTYPE html><html></html>",
        b"<?xml version='1.0'?><ClinicalDocument/>",
        b"{\\rtf1\\ansi Dear Dr. Smith}",
        b"%!PS-Adobe-3.0\nshowpage",
        b"\x7fELF" + bytes(200),
        b"MZ\x90\x00" + bytes(200),
        "UTF-16 text".encode("utf-16"),
        b"text with\x00a NUL",
        b"\x01\x02\x03\x04 mostly controls \x05\x06",
        bytes(1000),
    ],
)
def test_everything_else_is_refused(data: bytes) -> None:
    assert refusal(data) is Reason.UNSUPPORTED


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b" \r\n\t\n"])
def test_an_empty_file_is_called_empty(data: bytes) -> None:
    assert refusal(data) is Reason.EMPTY


@pytest.mark.parametrize("data", [b"\x89PNG\r\n", b"\xff\xd8"])
def test_half_a_beginning_is_no_picture(data: bytes) -> None:
    assert refusal(data) in (Reason.NOT_UTF8, Reason.UNSUPPORTED)


def test_a_text_in_an_old_encoding_is_told_to_be_saved_anew() -> None:
    assert refusal("Pressão arterial".encode("latin-1")) is Reason.NOT_UTF8


@pytest.mark.parametrize(
    "data",
    [
        picture("PNG") + archive(),
        picture("JPEG") + archive(comment=b"x" * 300),
        PDF_BYTES + archive() + b"",
        b"Dear colleague,\n%PDF-1.4\n1 0 obj\n",
        b"\xff\xd8\xff\xe0\x00\x10" + PDF_BYTES,
    ],
)
def test_a_file_of_two_kinds_at_once_is_refused(data: bytes) -> None:
    assert refusal(data) is Reason.AMBIGUOUS


def test_the_letters_that_end_a_zip_are_allowed_inside_a_file() -> None:
    assert recognise(b"The marker PK\x05\x06 in a sentence" + b" and on" * 40) == TEXT
    inside = zlib.compress(bytes(50)) + b"PK\x05\x06" + bytes(100)
    assert recognise(PDF_BYTES[:20] + inside + PDF_BYTES[20:]) == PDF


def test_a_pdf_without_its_end_is_incomplete() -> None:
    cut = PDF_BYTES[:-6] + b" " * 5000
    assert recognise(cut) == PDF
    with pytest.raises(Unreadable) as refused:
        require_end(cut, PDF)
    assert refused.value.reason is Reason.TRUNCATED


def test_size_is_checked_first() -> None:
    assert recognise(b"a" * limits.MAX_BYTES) == TEXT
    assert refusal(b"a" * (limits.MAX_BYTES + 1)) is Reason.TOO_LARGE
