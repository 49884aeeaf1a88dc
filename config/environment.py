"""The environment as settings read it: typed, and refused by name when it is missing or wrong."""

import base64
import ipaddress
import os
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from dotenv import load_dotenv

load_dotenv(Path(__file__).resolve().parent.parent / ".env")


def text(name: str, default: str | None = None) -> str:
    """What a variable says; one that is empty counts as one that is not set."""
    value = os.environ.get(name) or default
    if value is None:
        raise ImproperlyConfigured(f"{name} is not set. See docs/operator.md.")
    return value


def flag(name: str) -> bool:
    return os.environ.get(name, "").lower() in {"1", "true", "yes", "on"}


def number(name: str, default: int) -> int:
    try:
        return int(text(name, str(default)))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number.") from error


def listed(name: str, default: str | None = "") -> list[str]:
    return [item.strip() for item in text(name, default).split(",") if item.strip()]


def secret(name: str, shortest: int = 50) -> str:
    """Letters that nobody guesses."""
    value = text(name)
    if len(value) < shortest:
        raise ImproperlyConfigured(f"{name} must have {shortest} characters or more.")
    return value


def networks(name: str) -> list[str]:
    """Addresses and networks, comma-separated."""
    found = listed(name)
    for item in found:
        try:
            ipaddress.ip_network(item, strict=False)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} must list addresses, not {item!r}.") from error
    return found


def key(name: str, value: str) -> bytes:
    """32 bytes in base64."""
    try:
        raw = base64.b64decode(value, validate=True)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be base64 of 32 bytes.") from error
    if len(raw) != 32:
        raise ImproperlyConfigured(f"{name} must be base64 of 32 bytes, not of {len(raw)}.")
    return raw


def keys(name: str) -> list[bytes]:
    found = [key(name, value) for value in listed(name, None)]
    if not found:
        raise ImproperlyConfigured(f"{name} is not set. See docs/operator.md.")
    return found


def database(name: str) -> dict[str, object]:
    """`postgresql://user:password@host:port/name` as Django's settings."""
    url = urlsplit(text(name))
    if url.scheme not in {"postgres", "postgresql"} or not url.path.strip("/"):
        raise ImproperlyConfigured(f"{name} must read postgresql://user:password@host:port/name.")
    return {
        "ENGINE": "clinic.security.database",
        "NAME": unquote(url.path.lstrip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": unquote(url.hostname or ""),
        "PORT": str(url.port or ""),
    }


def cache_url(broker: str) -> str:
    """The cache beside the broker, in its second database."""
    if broker.startswith("redis+socket://"):
        return f"unix://{urlsplit(broker).path}?db=1"
    if broker.startswith(("redis://", "rediss://")):
        return urlsplit(broker)._replace(path="/1").geturl()
    raise ImproperlyConfigured("CELERY_BROKER_URL must read redis://… or redis+socket://….")


def public_url(name: str, hosts: list[str], *, secure: bool, port: int) -> str:
    """The address by which people reach the house, without a path: the first of its hosts where
    nothing is said."""
    host = hosts[0].removeprefix(".")
    if secure and host == "*" and not os.environ.get(name):
        raise ImproperlyConfigured(f"{name} is not set, and ALLOWED_HOSTS names no host.")
    here = f"http://{'localhost' if host == '*' else host}:{port}"
    url = urlsplit(text(name, f"https://{host}" if secure else here))
    if url.scheme not in {"http", "https"} or not url.hostname or url.path.strip("/"):
        raise ImproperlyConfigured(f"{name} must read https://chartroom.example.org.")
    return f"{url.scheme}://{url.netloc}"


def sms(name: str) -> dict[str, str]:
    """`twilio://account:token@api.twilio.com?from=+15550100` as what `clinic.channels.sms` needs;
    empty where it is not set. `twilio+http://` speaks without TLS, to a service on this machine.
    The sender is a number or the name of a messaging service (`MG…`)."""
    if not text(name, ""):
        return {}
    url = urlsplit(text(name))
    # A plus sign in a query means a space; nobody should have to know.
    (sender,) = parse_qs(url.query).get("from", [""])[-1:]
    sender = sender.strip() if sender.startswith("MG") else f"+{sender.strip().lstrip('+')}"
    is_local = url.scheme == "twilio+http" and url.hostname in {"localhost", "127.0.0.1", "::1"}
    if not (url.scheme == "twilio" or is_local) or not url.hostname or not url.password:
        raise ImproperlyConfigured(f"{name} must read twilio://account:token@host?from=+15550100.")
    if len(sender) < 8:
        raise ImproperlyConfigured(f"{name} names no sender: add ?from=+15550100.")
    place = url.netloc.rpartition("@")[2]
    return {
        "url": f"{'http' if is_local else 'https'}://{place}",
        "sid": unquote(url.username or ""),
        "token": unquote(url.password),
        "from": sender,
    }


def whatsapp(name: str, token_name: str) -> dict[str, str]:
    """The address of a phone number at Meta's Cloud API and the token for it; empty where it is not
    set."""
    if not text(name, ""):
        return {}
    url = urlsplit(text(name))
    is_local = url.scheme == "http" and url.hostname in {"localhost", "127.0.0.1", "::1"}
    if not (url.scheme == "https" or is_local) or not url.path.strip("/"):
        raise ImproperlyConfigured(
            f"{name} must read https://graph.facebook.com/v23.0/PHONE_NUMBER_ID."
        )
    return {"url": text(name).rstrip("/"), "token": text(token_name)}


def email(name: str, sender: str) -> dict[str, object]:
    """`smtp://user:password@host:port?from=clinic@example.org` or `smtps://…` as Django's settings.
    Where no sender is named it is the user, if that is an address, else the one given here."""
    url = urlsplit(text(name))
    if url.scheme not in {"smtp", "smtps"} or not url.hostname:
        raise ImproperlyConfigured(f"{name} must read smtp://user:password@host:port.")
    user = unquote(url.username or "")
    (named,) = parse_qs(url.query).get("from", [user if "@" in user else sender])[-1:]
    return {
        "DEFAULT_FROM_EMAIL": named,
        "EMAIL_HOST": url.hostname,
        "EMAIL_PORT": url.port or (465 if url.scheme == "smtps" else 587),
        "EMAIL_HOST_USER": user,
        "EMAIL_HOST_PASSWORD": unquote(url.password or ""),
        "EMAIL_USE_SSL": url.scheme == "smtps",
        "EMAIL_USE_TLS": url.scheme == "smtp",
    }
