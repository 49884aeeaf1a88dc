"""Unmistakable values, planted through the API in committed data, stand in the clear nowhere: not
in a dump of the database, in its files, in documents, in the broker, in tasks or in logs.

What is in the clear by design is told in docs/security.md: the e-mail address by which an account
signs in, times, statuses, and the numbers of readings.
"""

import base64
import io
import json
import logging
import os
import re
import shutil
import subprocess
from datetime import time
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from celery import current_app
from django.conf import settings as django_settings
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client
from redis import Redis

from chat import indexing
from clinic import invitations
from clinic.models import LogEntry
from clinic.security import tenancy
from clinic.tests.people import PASSWORD, make_cast
from clinic.tests.programs import Program
from config.logs import LineFormatter
from patients import registration
from records import documents
from records.models import Document
from scheduling import hours, kinds

MARK = b"qzplant"  # every planted word begins with it
WORDS = {
    what: f"Qzplant{what}"
    for what in (
        "first", "last", "street", "contact", "insurer", "reason", "cancel", "note", "diagnosis",
        "treatment", "allergen", "reaction", "medicine", "indication", "problem", "vaccine", "lab",
        "labtext", "filename", "content", "question", "message", "title", "staff", "surname",
        "crash", "refused", "tag", "grant", "prescriber", "department",
    )
}  # fmt: skip
NUMBERS = {
    "ssn": "219-09-7341", "cpf": "529.982.247-25", "phone": "+1 212 555 0187",
    "policy": "8842119937", "contact phone": "+1 212 555 0193", "staff phone": "+1 212 555 0171",
}  # fmt: skip
OPEN = b"Harbor Family Clinic"  # stands in the clear, and shows that the search finds what does
EMAIL, BORN, LOGIN = "qzplantmail@example.test", "1931-03-17", "qzplantlogin@example.test"
QUESTIONS = (
    f"What dose of {WORDS['content']} should she take?",
    f"Does the letter speak of {WORDS['question']}?",
)


def needles() -> dict[str, re.Pattern]:
    """What is looked for: words in any case, numbers with or without their punctuation."""
    found = {"a word": re.compile(MARK + rb"\w+", re.I)}
    for what, number in NUMBERS.items():
        digits = re.findall(r"\d", number)
        found[what] = re.compile(rb"(?<!\d)" + rb"[ ().-]{0,2}".join(d.encode() for d in digits))
    return found | {"born": re.compile(BORN.encode())}


NEEDLES = needles()


def leaks(place: str, data: bytes) -> list[str]:
    """What of the planted stands in the data, with a little of what is around it."""
    told = []
    for what, needle in NEEDLES.items():
        if what == "a word" and MARK not in data.lower():
            continue  # quicker than a pattern that ignores case
        if match := needle.search(data):
            around = data[max(0, match.start() - 60) : match.end() + 20]
            told.append(f"{what} in {place}: {around!r}")
    return told


def pdf(*lines: str) -> bytes:
    """A PDF of one page with a text layer."""
    shown = "".join(f"({line}) Tj 0 -18 Td " for line in lines)
    stream = f"BT /F1 12 Tf 60 760 Td {shown} ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
        b"/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj%s endobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return (
        body
        + b"xref\n0 6\n0000000000 65535 f \n%strailer<</Size 6/Root 1 0 R>>\n" % table
        + (b"startxref\n%d\n%%%%EOF" % len(body))
    )


@pytest.fixture
def logged():
    """What the product writes to its log, as it writes it."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(LineFormatter())
    loggers = [logging.getLogger(name) for name in ("", "django")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    yield text
    for logger, level in zip(loggers, before, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)


@pytest.fixture
def tasks(monkeypatch):
    """The names and arguments of all tasks that are sent, which are sent all the same."""
    sent, send = [], current_app.send_task

    def noted(name, args=None, kwargs=None, **options):
        sent.append((name, args, kwargs))
        return send(name, args, kwargs, **options)

    monkeypatch.setattr(current_app._get_current_object(), "send_task", noted)
    return sent


def plant(api: Program, kind, specialist, colleague, start: str) -> dict:
    """A patient and all that a day adds to her, through the API; each with its key."""
    number = iter(range(100))

    def post(path: str, body: dict) -> dict:
        answer = api.post(path, body, Idempotency_Key=f"planting {next(number)}")
        assert answer.status_code in {200, 201}, (path, answer.content)
        return answer.json()

    w, n = WORDS, NUMBERS
    patient = post("patients/", {
        "first_name": w["first"], "last_name": w["last"], "date_of_birth": BORN, "email": EMAIL,
        "ssn": n["ssn"], "cpf": n["cpf"], "phone": n["phone"], "address": {"line1": w["street"]},
        "emergency_contact": {"name": w["contact"], "phone": n["contact phone"]},
        "insurance_info": {"insurer": w["insurer"], "number": n["policy"]},
    })["id"]  # fmt: skip
    post(
        f"patients/{patient}/allergies/", {"allergen": w["allergen"], "reactions": [w["reaction"]]}
    )
    post(f"patients/{patient}/medications/", {
        "generic_name": w["medicine"], "indication": w["indication"],
        "prescribed_by": w["prescriber"],
    })  # fmt: skip
    post(f"patients/{patient}/conditions/", {"display": w["problem"]})
    post(f"patients/{patient}/immunizations/", {"vaccine": w["vaccine"]})
    post(f"patients/{patient}/readings/", {
        "reading_type": "laboratory", "display": w["lab"], "text": w["labtext"],
        "taken_at": "2026-01-05T10:00:00Z",
    })  # fmt: skip
    post(f"patients/{patient}/care-team/", {"user": colleague, "reason": w["grant"]})
    visit = post("appointments/", {
        "patient": patient, "specialist": specialist, "appointment_type": kind,
        "start_datetime": start, "reason": w["reason"],
    })["id"]  # fmt: skip
    post("medical-records/", {
        "patient": patient, "primary_diagnosis": w["diagnosis"],
        "secondary_diagnoses": [w["diagnosis"]], "treatment": w["treatment"], "notes": w["note"],
        "department": w["department"],
    })  # fmt: skip
    post(f"appointments/{visit}/cancel/", {"reason": w["cancel"]})
    about = {"patient": patient, "title": w["title"], "tags": [w["tag"]]}
    talk = post("conversations/", about)["id"]
    post(f"conversations/{talk}/messages/", {"content": w["message"]})
    return {"patient": patient, "talk": talk}


@pytest.mark.django_db(transaction=True)
def test_nothing_planted_stands_in_the_clear_anywhere(
    transactional_db, settings, tmp_path, logged, tasks, monkeypatch
):
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain}
    settings.DOCUMENT_STORAGE_URL = tmp_path.as_uri()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cache.clear()
    with transaction.atomic():
        cast = make_cast()
        token = cast.token("sarah")
        with cast.acting("alma"):
            kind = kinds.offer(name="Visit", minutes=30, by=cast.alma)
            week = {day: [(time(0), time(23, 30))] for day in range(1, 8)}
            hours.set_week(specialist=cast.specialists["sarah"], week=week, by=cast.alma)
            invitations.invite(
                email="new@harbor.test", first_name=WORDS["staff"], last_name=WORDS["surname"],
                role="nurse", department="", by=cast.alma,
            )  # fmt: skip
        with tenancy.system(cast.harbor):
            cast.sarah.phone = NUMBERS["staff phone"]
            cast.sarah.save()
    api = Program(token)
    planted = plant(
        api, str(kind.pk), str(cast.specialists["sarah"].pk), str(cast.omar.pk),
        "2026-12-07T15:00:00Z",
    )  # fmt: skip
    letter = pdf(
        f"We started {WORDS['content']} 5 mg, one tablet each morning.", "Come back in March."
    )
    answer = api.upload("documents/", {
        "patient": planted["patient"],
        "file": SimpleUploadedFile(f"{WORDS['filename']}.pdf", letter),
    }, Idempotency_Key="planting a letter")  # fmt: skip
    assert answer.status_code == 201, answer.content
    document = answer.json()["id"]
    with tenancy.system(cast.harbor):
        documents.read(document)
        indexing.index(document)
        with transaction.atomic():
            assert Document.objects.get(pk=document).processing_status == "completed"
    asked = [
        api.post(f"conversations/{planted['talk']}/ask/", {"question": question}).json()
        for question in QUESTIONS
    ]
    assert WORDS["content"] in asked[0]["answer"], "the planted words are what was read"
    look(api, planted, document)
    fail(api, cast, monkeypatch)
    refuse(cast)

    found = {
        "the log": logged.getvalue().encode(),
        "the tasks": json.dumps(tasks, default=str).encode(),
        "the dump": dump(),
        "the broker": broker(),
    }
    assert "exception=builtins.RuntimeError" in logged.getvalue(), "the crash is in the log"
    assert tasks and b"records.read_document" in found["the tasks"]
    assert found["the dump"].count(b"c1.") > 50, "sealed values are in the dump"
    assert OPEN in found["the dump"], "what is open is found"
    assert document.encode() in found["the broker"], "the task is in the broker"
    told = [leak for place, data in found.items() for leak in leaks(place, data)]
    files = {path: readable(path) for path in [*tmp_path.rglob("*"), *server_files()]}
    told += [
        leak for path, data in files.items()
        for leak in leaks(str(path), path.name.encode() + b"\n" + data)
    ]  # fmt: skip
    assert not told, "\n".join(told)
    assert sum(OPEN in data for data in files.values()) >= 2, "tables and log of changes are read"
    assert any(document.encode() in data for path, data in files.items() if "valkey" in str(path))
    trail_tells(cast, planted)


def look(api: Program, planted: dict, document: str) -> None:
    """Read everything once, so that the readings are on the trail."""
    patient = planted["patient"]
    pages = [
        api.get(f"patients/{patient}/"), api.get(f"patients/{patient}/chart/"),
        api.get("patients/", q=WORDS["last"]), api.get("patients/", q=NUMBERS["ssn"]),
        api.get("patients/", q=EMAIL), api.get("search/", q=WORDS["content"]),
        api.get(f"documents/{document}/"), api.get(f"documents/{document}/content/"),
        api.get(f"conversations/{planted['talk']}/messages/"), api.get("medical-records/"),
        api.get(f"patients/{patient}/care-team/"),
    ]  # fmt: skip
    assert all(page.status_code == 200 for page in pages)
    assert (
        WORDS["first"].encode() in pages[2].content
        and WORDS["content"].encode() in pages[5].content
        and WORDS["grant"].encode() in pages[-1].content
    )


def fail(api: Program, cast, monkeypatch) -> None:
    """Requests that end in a fault while they hold what somebody typed."""

    def crash(**identity):
        raise RuntimeError(f"cannot register {identity} {WORDS['crash']}")

    body = {"first_name": WORDS["first"], "last_name": WORDS["crash"], "date_of_birth": BORN}
    with monkeypatch.context() as broken:
        broken.setattr(registration, "register", crash)
        assert api.post("patients/", body).status_code == 500
        browser = Client(raise_request_exception=False)
        with transaction.atomic():
            browser.force_login(cast.sarah, backend=django_settings.AUTHENTICATION_BACKENDS[0])
        form = body | {"gender": "female", "preferred_language": "en", "is_active": "on"}
        assert browser.post("/admin/patients/patient/add/", form).status_code in {200, 500}
    again = {"ssn": NUMBERS["ssn"], **body}
    assert api.post("patients/", again).status_code == 409


def refuse(cast) -> None:
    """Refusals of what holds planted words: without a token, a role, a password; nonsense."""
    with transaction.atomic():
        auditor = Program(cast.token("aud"))
    assert auditor.get("patients/", q=WORDS["refused"]).status_code == 403
    assert Program("").get("patients/", q=WORDS["refused"]).status_code == 401
    assert auditor.post("patients/", {"first_name": WORDS["refused"]}).status_code == 403
    client = Client()
    client.post("/accounts/login/", {"login": LOGIN, "password": WORDS["refused"]})
    body = {"email": LOGIN, "password": PASSWORD}
    client.post("/api/v1/auth/token/", body, content_type="application/json")
    client.get("/portal/", {"q": WORDS["refused"]})
    client.get("/no/such/page/", {"q": WORDS["refused"]})
    raw = b'{"first_name": "' + WORDS["refused"].encode() + b'"'
    assert Program("").raw("POST", "patients/", raw).status_code in {400, 401}


def dump() -> bytes:
    """All of the database, as its superuser sees it: no policy hides a row from a dump. What is
    still in memory only is written to the files first."""
    address = os.environ.get("DATABASE_SUPERUSER_URL")
    if not address:
        pytest.skip("needs the superuser of an embedded database")
    url = urlsplit(address)._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    with psycopg.connect(url, autocommit=True) as superuser:
        superuser.execute("CHECKPOINT")
    command = [program("pg_dump"), "--inserts", "--dbname", url]
    return subprocess.run(command, capture_output=True, check=True).stdout


def program(name: str) -> str:
    home = server_home()
    beside = list(home.rglob(f"bin/{name}")) if home else []
    return str(beside[0]) if beside else shutil.which(name) or pytest.skip(f"{name} is not here")


def server_home() -> Path | None:
    """The folder of the embedded servers, where the broker's socket lies too."""
    socket = urlsplit(django_settings.CELERY_BROKER_URL)
    return Path(socket.path).parents[1] if "socket" in socket.scheme else None


def server_files() -> list[Path]:
    """The files of database and broker as they lie on the disk: tables, log of changes, logs."""
    home = server_home()
    if home is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_filepath('clinic_logentry')")
        folder = Path(cursor.fetchone()[0]).parent
    data = home / "postgres" / "data"
    places = [data / folder, data / "pg_wal", home / "log", home / "valkey"]
    return [path for place in places for path in place.rglob("*")]


def readable(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # a socket, or a file that the server has just removed
        return b""


def broker() -> bytes:
    """Every key of the broker and of the cache, with its value as it is stored."""
    found = []
    url = urlsplit(django_settings.CELERY_BROKER_URL)
    for number in (0, 1):
        redis = (
            Redis(unix_socket_path=url.path, db=number)
            if "socket" in url.scheme
            else Redis.from_url(url._replace(path=f"/{number}").geturl())
        )
        for key in redis.scan_iter(count=1000):
            found += [key, redis.dump(key) or b"", *plain(redis, key)]
    return b"\n".join(found)


def plain(redis: Redis, key: bytes) -> list[bytes]:
    """The value opened: what Celery sends is base64 inside JSON."""
    kind = redis.type(key)
    if kind == b"list":
        values = redis.lrange(key, 0, -1)
    elif kind == b"hash":
        values = list(redis.hgetall(key).values())
    else:
        values = [redis.get(key)] if kind == b"string" else []
    opened = []
    for value in filter(None, values):
        for piece in re.findall(rb"[A-Za-z0-9+/]{24,}={0,2}", value):
            opened.append(base64.b64decode(piece + b"=" * (-len(piece) % 4), validate=False))
    return [*values, *opened]


def trail_tells(cast, planted: dict) -> None:
    """The trail knows that it all happened, and repeats none of it."""
    with tenancy.system(cast.harbor), transaction.atomic():
        entries = LogEntry.entries.filter(patient_id=planted["patient"])
        resources = set(entries.values_list("resource", flat=True))
        text = json.dumps(
            list(entries.values("changes", "additional_data", "object_repr", "changes_text")),
            default=str,
        )
    assert {"patients.patient", "patients.allergy", "patients.accessgrant"} <= resources
    assert "records.document" in resources
    assert "\\u2022" in text, "sealed values are masked"
    assert not leaks("the trail", text.encode())
