"""Files that are broken or meant to harm are refused, and their reader lives on."""

import io
import os
import signal
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image
from reportlab.pdfgen import canvas

from records.ocr import kinds, limits, pages, pictures, read_document
from records.ocr.errors import DecoderUnavailable, Reason, Unreadable

ROOT = Path(__file__).resolve().parents[2]
READY = "import sys,time,os;out=sys.stdout.buffer;out.write(b'R'+bytes(4));out.flush();"


def refusal(data: bytes) -> Unreadable:
    """The refusal of a document; no process is left behind."""
    with pytest.raises(Unreadable) as refused:
        read_document(data)
    assert not decoders()
    return refused.value


def decoders() -> list[str]:
    """The decoding processes that this one has started and not ended."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    commands = [Path(f"/proc/{child}/cmdline") for child in children]
    return [
        command.read_text()
        for command in commands
        if command.exists() and "records.ocr.decoder" in command.read_text()
    ]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(width: int, height: int) -> bytes:
    """A white PNG, in grey, made without ever holding its pixels."""
    packer = zlib.compressobj(1)
    row = b"\x00" + b"\xff" * width
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def pdf_of(objects: list[bytes]) -> bytes:
    """A PDF of these objects, the first of which is the catalogue."""
    body, places = b"%PDF-1.7\n", []
    for number, thing in enumerate(objects, start=1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, thing)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    return body + head + table + end % (len(objects) + 1, len(body))


def stream(content: bytes, more: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), more, content)


def one_page(content: bytes, *others: bytes, resources: bytes = b"", box: bytes = b"") -> bytes:
    box = box or b"[0 0 595 842]"
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox %s /Contents 4 0 R /Resources << %s >> >>"
    return pdf_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            page % (box, resources),
            stream(content),
            *others,
        ]
    )


def locked_pdf() -> bytes:
    target = io.BytesIO()
    page = canvas.Canvas(target, encrypt="secret")
    page.drawString(72, 700, "Ferritin 18 ng/mL")
    page.save()
    return target.getvalue()


def jpeg() -> bytes:
    target = io.BytesIO()
    Image.effect_noise((400, 300), 60).save(target, "JPEG")
    return target.getvalue()


def test_a_picture_of_177_million_pixels_is_refused_from_its_header() -> None:
    program = (
        "import sys\n"
        "from records.ocr import pictures, Unreadable\n"
        "try:\n"
        "    pictures.open_picture(sys.stdin.buffer.read(), 'image/png')\n"
        "except Unreadable as refusal:\n"
        "    print(refusal.reason)\n"
        "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])\n"
    )
    data = png_of(13_300, 13_300)
    assert len(data) < 1_000_000
    assert refusal(data).reason is Reason.TOO_MANY_PIXELS
    done = subprocess.run(
        [sys.executable, "-c", program], input=data, capture_output=True, cwd=ROOT, check=True
    )
    reason, kilobytes = done.stdout.decode().split()
    assert reason == Reason.TOO_MANY_PIXELS
    assert int(kilobytes) < 80_000


def test_the_pixels_of_all_pages_are_counted_before_any_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "MAX_PIXELS_IN_ALL", 9_999)
    target = io.BytesIO()
    page = Image.new("1", (50, 50), 1)
    page.save(target, "TIFF", save_all=True, append_images=[page] * 3, compression="group4")
    with pytest.raises(Unreadable) as refused:
        pictures.open_picture(target.getvalue(), kinds.TIFF)
    assert refused.value.reason is Reason.TOO_MANY_PIXELS


def test_a_tiff_of_too_many_pages_is_counted_no_further_than_allowed() -> None:
    target = io.BytesIO()
    page = Image.new("1", (40, 40))
    page.save(target, "TIFF", save_all=True, append_images=[page] * limits.MAX_PAGES)
    refused = refusal(target.getvalue())
    assert (refused.reason, refused.detail) == (Reason.TOO_MANY_PAGES, "at least 201 pages")


def test_a_tiff_whose_pages_go_round_in_a_circle_ends() -> None:
    target = io.BytesIO()
    Image.new("L", (40, 40), 255).save(target, "TIFF")
    data = bytearray(target.getvalue())
    first = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, first + 2 + 12 * entries, first)
    assert len(read_document(bytes(data)).pages) == 1


def test_a_pdf_of_a_hundred_thousand_pages_is_refused() -> None:
    tree = b"<< /Type /Pages /Kids [%s] /Count 100000 >>" % (b"3 0 R " * 100_000)
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"
    assert refusal(pdf_of([b"<< /Type /Catalog /Pages 2 0 R >>", tree, page])).reason is (
        Reason.TOO_MANY_PAGES
    )


@pytest.mark.parametrize("count", [b"2147483647", b"-5", b"0"])
def test_a_pdf_that_lies_about_its_pages_is_refused(count: bytes) -> None:
    tree = b"<< /Type /Pages /Kids [] /Count %s >>" % count
    reason = refusal(pdf_of([b"<< /Type /Catalog /Pages 2 0 R >>", tree])).reason
    assert reason in (Reason.BROKEN, Reason.TOO_MANY_PAGES, Reason.TOO_COMPLEX)


def test_a_pdf_with_a_password_is_refused_and_says_why() -> None:
    assert refusal(locked_pdf()).reason is Reason.ENCRYPTED


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7\n" + b"nothing in here is an object\n" * 40 + b"%%EOF\n",
        b"\x89PNG\r\n\x1a\n" + bytes(40),
        b"\xff\xd8\xff\xe0" + bytes(400),
        b"II*\x00" + b"\xff" * 60,
        one_page(b"BT", box=b"[0 0 0 0]")[:-40] + b"%%EOF",
    ],
)
def test_a_damaged_file_is_refused(data: bytes) -> None:
    assert refusal(data).reason in (Reason.BROKEN, Reason.TRUNCATED)


@pytest.mark.parametrize("data", [jpeg(), png_of(800, 600)])
def test_half_a_picture_is_refused(data: bytes) -> None:
    assert refusal(data[: len(data) * 2 // 3]).reason is Reason.TRUNCATED


def test_a_pdf_that_draws_for_ever_is_stopped_by_the_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "SECONDS_WAITING", 1.5)
    # Each form draws the next one twenty times: 20 ** 8 strokes.
    forms = [
        stream(
            b"/F Do " * 20,
            b"/Type /XObject /Subtype /Form /BBox [0 0 595 842] "
            b"/Resources << /XObject << /F %d 0 R >> >>" % (number + 1),
        )
        for number in range(5, 13)
    ]
    forms.append(stream(b"0 0 m 500 500 l S", b"/Type /XObject /Subtype /Form /BBox [0 0 595 842]"))
    data = one_page(b"/F Do", *forms, resources=b"/XObject << /F 5 0 R >>")
    refused = refusal(data)
    assert refused.reason in (Reason.TOO_COMPLEX, Reason.CRASHED)


def test_a_stream_that_unpacks_to_gigabytes_is_stopped_by_the_memory_limit() -> None:
    packer = zlib.compressobj(9)
    start = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b" " * (1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = start + block * 3000 + packer.flush()
    data = one_page(b"")
    data = data.replace(stream(b""), stream(packed, b"/Filter /FlateDecode"))
    assert refusal(data).reason in (Reason.TOO_COMPLEX, Reason.CRASHED)


def test_a_page_of_the_size_of_a_city_is_drawn_small() -> None:
    data = one_page(b"BT ET", box=b"[0 0 14400 14400]")
    with pages.open_document(data, "application/pdf") as (count, found):
        picture = next(found)
    assert count == 1
    assert picture.width * picture.height <= limits.READ_PIXELS


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (READY + "time.sleep(600)", Reason.TOO_COMPLEX),
        (READY + "sys.stdin.buffer.read();time.sleep(600)", Reason.TOO_COMPLEX),
        (READY + "sys.stdin.buffer.read();os.abort()", Reason.CRASHED),
        (READY + "os.kill(os.getpid(), 9)", Reason.CRASHED),
        (READY + f"os.kill(os.getpid(), {int(signal.SIGXCPU)})", Reason.TOO_COMPLEX),
        (READY + "sys.stdin.buffer.read();out.write(b'N'+bytes([0,0,0,4])+b'aa')", Reason.CRASHED),
        (READY + "sys.stdin.buffer.read();out.write(b'P'+b'\\xff'*90)", Reason.CRASHED),
        (READY + "sys.stdin.buffer.read();out.write(b'T'+bytes(4))", Reason.CRASHED),
        (READY + "sys.stdin.buffer.read();out.write(b'E'+bytes([0,0,0,2])+b'no')", Reason.CRASHED),
    ],
)
def test_a_decoder_that_hangs_dies_or_lies_harms_only_its_document(
    program: str, reason: Reason, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SECONDS_WAITING", 0.6)
    monkeypatch.setattr(pages, "DECODER", (sys.executable, "-c", program))
    with pytest.raises(Unreadable) as refused:
        read_document(jpeg() * 8)
    assert refused.value.reason is reason


@pytest.mark.parametrize(
    "body",
    [
        b"b'P'+bytes([0,0,0,10])+bytes([0,0,0,9,0,0,0,9,1,0])",
        b"b'T'+bytes([0,0,0,4])+b'[{}]'",
        b"b'R'+bytes(4)",
    ],
)
def test_a_page_that_is_no_page_is_not_believed(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = f"sys.stdin.buffer.read();out.write(b'N'+bytes([0,0,0,4,0,0,0,1])+{body.decode()})"
    monkeypatch.setattr(pages, "DECODER", (sys.executable, "-c", READY + said))
    assert refusal(jpeg()).reason is Reason.CRASHED


@pytest.mark.parametrize("program", ["import nothing_of_that_name", "print('hello')"])
def test_a_decoder_that_cannot_start_is_not_the_documents_fault(
    program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "DECODER", (sys.executable, "-c", program))
    with pytest.raises(DecoderUnavailable):
        read_document(jpeg())


def test_the_decoder_is_confined_and_has_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTER_KEYS", "planted-master-key")
    with pages.open_document(jpeg(), "image/jpeg"):
        (child,) = [
            number
            for number in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
            if "records.ocr.decoder" in Path(f"/proc/{number}/cmdline").read_text()
        ]
        bounds = Path(f"/proc/{child}/limits").read_text()
        environment = Path(f"/proc/{child}/environ").read_text()
        files = [os.readlink(link) for link in Path(f"/proc/{child}/fd").iterdir()]
    rows = {line[:26].strip(): line[26:].split()[:2] for line in bounds.splitlines()}
    assert rows["Max address space"] == [str(limits.MEMORY)] * 2
    assert rows["Max cpu time"] == [str(limits.CPU_SECONDS)] * 2
    assert rows["Max file size"] == rows["Max core file size"] == ["0", "0"]
    assert "planted-master-key" not in environment
    # Nothing but pipes: the document never lies on a disk.
    assert all(file.startswith(("pipe:", "/dev/null")) for file in files)
    assert not decoders()
