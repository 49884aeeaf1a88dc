"""Services out there, as tests have them: what speaks SMTP, Twilio's REST API and WhatsApp's Cloud
API, and is strict about what it is sent. They are for tests only.

Each keeps what it took. `troubles` are what happens to the next requests, one each: a status and a
body to answer with, or `"taken"`: it takes the message and the line breaks before it says so.
"""

import json
import logging
import re
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from urllib.parse import parse_qsl, urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

logging.getLogger("mail.log").setLevel(logging.ERROR)
E164 = re.compile(r"\+[1-9][0-9]{6,14}")
TAKEN = "taken"


@dataclass
class Service:
    """What the two that speak HTTP share."""

    took: list[dict] = field(default_factory=list)
    troubles: list = field(default_factory=list)
    asked: int = 0
    when_taken: Callable[[], None] = lambda: None  # called once it has a message, before it answers
    port: int = 0

    def __post_init__(self):
        self.lock = Lock()

    def answer(self, method: str, path: str, headers, body: bytes) -> tuple[int, dict] | None:
        raise NotImplementedError

    def trouble(self):
        with self.lock:
            return self.troubles.pop(0) if self.troubles else None

    def take(self, made: dict) -> bool:
        """Keep a message; False where the line is to break after that."""
        trouble = self.trouble()
        with self.lock:
            self.took.append(made)
        self.when_taken()
        return trouble != TAKEN


class TextService(Service):
    """Speaks as Twilio does, version 2010-04-01: create and list messages."""

    SID, TOKEN, NUMBER = "AC" + "0" * 32, "text-token", "+15550100100"

    @property
    def settings(self) -> dict[str, str]:
        return {
            "url": f"http://127.0.0.1:{self.port}", "sid": self.SID, "token": self.TOKEN,
            "from": self.NUMBER,
        }  # fmt: skip

    @property
    def url(self) -> str:
        number = self.NUMBER.replace("+", "%2B")
        return f"twilio+http://{self.SID}:{self.TOKEN}@127.0.0.1:{self.port}?from={number}"

    def answer(self, method, path, headers, body):
        login = b64encode(f"{self.SID}:{self.TOKEN}".encode()).decode()
        if headers.get("Authorization") != f"Basic {login}":
            return 401, {"code": 20003, "message": "Authenticate", "status": 401}
        url = urlsplit(path)
        if url.path != f"/2010-04-01/Accounts/{self.SID}/Messages.json":
            return 404, {"code": 20404, "status": 404}
        if method == "GET":
            self.asked += 1
            if (trouble := self.trouble()) is not None:
                return trouble
            query = dict(parse_qsl(url.query))
            found = [one for one in reversed(self.took) if one["to"] == query["To"]]
            return 200, {"messages": found[: int(query.get("PageSize", 50))]}
        if self.troubles and self.troubles[0] != TAKEN:
            return self.trouble()
        form = dict(parse_qsl(body.decode(), strict_parsing=True))
        wrong = not E164.fullmatch(form.get("To", "")) or form.get("From") != self.NUMBER
        if wrong or not 0 < len(form.get("Body", "")) <= 1600:
            return 400, {"code": 21211, "message": "Invalid 'To'", "status": 400}
        made = {
            "sid": f"SM{len(self.took):032x}", "to": form["To"], "body": form["Body"],
            "date_created": format_datetime(datetime.now(UTC)), "status": "queued",
            "callback": form.get("StatusCallback", ""),
        }  # fmt: skip
        return (201, made) if self.take(made) else None


class WhatsAppService(Service):
    """Speaks as WhatsApp's Cloud API: takes template messages, and has states to post."""

    TOKEN, SECRET, VERIFY = "whatsapp-token", "app-secret", "verify-me"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v23.0/1122334455667"

    @property
    def settings(self) -> dict[str, str]:
        return {"url": self.url, "token": self.TOKEN}

    def answer(self, method, path, headers, body):
        if headers.get("Authorization") != f"Bearer {self.TOKEN}":
            return 401, {"error": {"code": 190, "message": "Invalid token"}}
        if (method, path) != ("POST", "/v23.0/1122334455667/messages"):
            return 404, {"error": {"code": 100}}
        if self.troubles and self.troubles[0] != TAKEN:
            return self.trouble()
        sent = json.loads(body)
        template = sent.get("template", {})
        (component,) = template.get("components", [{}])
        values = [place["text"] for place in component.get("parameters", [])]
        right = (
            sent.get("messaging_product") == "whatsapp"
            and sent.get("type") == "template"
            and E164.fullmatch("+" + sent.get("to", ""))
            and re.fullmatch(r"[a-z0-9_]+", template.get("name", ""))
            and template["language"]["code"] in {"en", "pt_BR", "es"}
            and all(value and not re.search(r"[\n\t]| {4}", value) for value in values)
        )
        if not right:
            return 400, {"error": {"code": 100, "message": "Invalid parameter"}}
        name = f"wamid.{len(self.took)}"
        made = sent | {"id": name, "values": values, "name": sent["biz_opaque_callback_data"]}
        if not self.take(made):
            return None
        return 200, {
            "messaging_product": "whatsapp",
            "contacts": [{"input": sent["to"], "wa_id": sent["to"]}],
            "messages": [{"id": name}],
        }

    def state(self, made: dict, status: str = "sent", **more) -> dict:
        """What is posted to us of a message that was taken."""
        event = {
            "id": made["id"], "status": status, "timestamp": str(int(time.time())),
            "recipient_id": made["to"], "biz_opaque_callback_data": made["name"],
        }  # fmt: skip
        return payload("statuses", event | more)


def payload(kind: str, *events: dict) -> dict:
    """A payload of Meta's."""
    value = {"messaging_product": "whatsapp", "metadata": {}, kind: list(events)}
    changes = [{"value": value, "field": "messages"}]
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}


@contextmanager
def serving(service: Service):
    """The service on a port of its own, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def reply(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = service.answer(self.command, self.path, self.headers, body)
            if answer is None:
                self.close_connection = True
                return
            status, said = answer
            data = json.dumps(said).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except OSError:
                return  # whoever asked is dead

        do_GET = do_POST = reply

        def log_message(self, *args):
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Mailbox:
    """A mail server that wants STARTTLS, and keeps what it took."""

    def __init__(self, folder: Path):
        self.letters: list[Message] = []
        self.when_taken: Callable[[], None] = lambda: None
        self.refused: dict[str, str] = {}  # what is said to a recipient
        self.certificate = folder / "mail.pem"
        key = _certificate(self.certificate)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, key)

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.letters.append(message_from_bytes(envelope.content))
        self.when_taken()
        return "250 OK"

    @property
    def names(self) -> list[str]:
        return [letter["Message-ID"] for letter in self.letters]

    @contextmanager
    def open(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        controller = _StartTls(self, hostname="127.0.0.1", port=port, ready_timeout=10)
        controller.tls = self.context
        controller.start()
        try:
            yield f"smtp://127.0.0.1:{port}?from=clinic@example.org"
        finally:
            controller.stop()


class _StartTls(Controller):
    def factory(self):
        return SMTP(self.handler, tls_context=self.tls, require_starttls=True, hostname="mail")


def _certificate(path: Path) -> Path:
    """A certificate of 127.0.0.1 that nobody else has; answers where its key lies."""
    import ipaddress

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    place = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([place]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret = path.with_suffix(".key")
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return secret


@contextmanager
def all_of_them(folder: Path):
    """Text messages, WhatsApp, a mail server and its address."""
    with ExitStack() as stack:
        text, whatsapp = TextService(), WhatsAppService()
        stack.enter_context(serving(text))
        stack.enter_context(serving(whatsapp))
        mailbox = Mailbox(folder)
        address = stack.enter_context(mailbox.open())
        yield text, whatsapp, mailbox, address
