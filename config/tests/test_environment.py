"""What an operator sets: read as documented, refused by name, and passed on by the compose file."""

import ipaddress
import re

import pytest
import yaml
from django.core.exceptions import ImproperlyConfigured

from config import environment
from config.embedded.home import ROOT

PAGE = (ROOT / "docs" / "operator.md").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
# Documented, and for another way of running it, or for the migration alone.
ELSEWHERE = {
    "DATABASE_OWNER_URL", "STATIC_ROOT", "DEBUG", "PORT", "WEB_WORKERS", "WEB_THREADS",
    "POSTGRES_BIN",
}  # fmt: skip
# Made of the passwords in compose.env.
COMPOSED = {"DATABASE_URL", "CELERY_BROKER_URL"}


def documented() -> set[str]:
    table = PAGE.split("## Variables")[1].split("##")[0]
    names = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    return {name for cell in names for name in re.findall(r"`(\w+)`", cell)}


@pytest.mark.parametrize("service", ["web", "worker", "scheduler"])
def test_compose_passes_on_what_is_documented(service):
    given = COMPOSE["services"][service]["environment"]
    assert set(given) == documented() - ELSEWHERE
    for name in set(given) - COMPOSED:
        assert re.fullmatch(rf"\$\{{{name}:[-?][^}}]*\}}", given[name]), name


def test_compose_names_one_proxy_that_nobody_else_is():
    (network,) = COMPOSE["networks"]["default"]["ipam"]["config"]
    gateway = ipaddress.ip_address(network["gateway"])
    assert gateway in ipaddress.ip_network(network["subnet"])
    trusted = COMPOSE["services"]["web"]["environment"]["TRUSTED_PROXIES"]
    assert trusted == f"${{TRUSTED_PROXIES:-{gateway}}}" and f"`{gateway}`" in PAGE
    assert not any("TRUSTED_PROXIES=" in block for block in PAGE.split("```")[1::2])


def test_an_empty_variable_is_as_good_as_none(monkeypatch):
    monkeypatch.setenv("EMPTY", "")
    assert environment.text("EMPTY", "default") == "default"
    assert environment.number("EMPTY", 7) == 7 and environment.listed("EMPTY", "a,b") == ["a", "b"]
    for read in (environment.text, environment.keys, environment.database):
        with pytest.raises(ImproperlyConfigured, match="EMPTY"):
            read("EMPTY")


def test_proxies_are_addresses_or_networks(monkeypatch):
    monkeypatch.setenv("PROXIES", "192.0.2.1, 2001:db8::/32,,10.0.0.7/8")
    assert environment.networks("PROXIES") == ["192.0.2.1", "2001:db8::/32", "10.0.0.7/8"]
    monkeypatch.setenv("PROXIES", "192.0.2.1,proxy.example.org")
    with pytest.raises(ImproperlyConfigured, match=r"PROXIES.*proxy"):
        environment.networks("PROXIES")


class TestServices:
    def test_text_messages(self, monkeypatch):
        monkeypatch.delenv("SMS_URL", raising=False)
        assert environment.sms("SMS_URL") == {}
        for sender in ("+15550100", "%2B15550100", "15550100"):
            monkeypatch.setenv("SMS_URL", f"twilio://AC1:to%2Fken@api.twilio.com/?from={sender}")
            assert environment.sms("SMS_URL") == {
                "url": "https://api.twilio.com", "sid": "AC1", "token": "to/ken",
                "from": "+15550100",
            }  # fmt: skip
        monkeypatch.setenv("SMS_URL", "twilio://AC1:token@api.twilio.com?from=MG0123456")
        assert environment.sms("SMS_URL")["from"] == "MG0123456"

    @pytest.mark.parametrize(
        "wrong",
        [
            "https://AC1:token@api.twilio.com?from=+15550100",
            "twilio://api.twilio.com?from=+15550100",
            "twilio://AC1:token@api.twilio.com",
            "twilio+http://AC1:token@api.twilio.com?from=+15550100",
        ],
    )
    def test_an_address_that_cannot_be_is_refused(self, monkeypatch, wrong):
        monkeypatch.setenv("SMS_URL", wrong)
        with pytest.raises(ImproperlyConfigured, match="SMS_URL") as refused:
            environment.sms("SMS_URL")
        assert "token@" not in str(refused.value).replace("account:token@host", "")

    def test_whatsapp(self, monkeypatch):
        names = ("WHATSAPP_API_URL", "WHATSAPP_API_TOKEN")
        for name in names:
            monkeypatch.delenv(name, raising=False)
        assert environment.whatsapp(*names) == {}
        monkeypatch.setenv("WHATSAPP_API_URL", "https://graph.facebook.com/v23.0/1/")
        with pytest.raises(ImproperlyConfigured, match="WHATSAPP_API_TOKEN"):
            environment.whatsapp(*names)
        monkeypatch.setenv("WHATSAPP_API_TOKEN", "secret")
        assert environment.whatsapp(*names) == {
            "url": "https://graph.facebook.com/v23.0/1", "token": "secret",
        }  # fmt: skip
        monkeypatch.setenv("WHATSAPP_API_URL", "http://graph.facebook.com/v23.0/1")
        with pytest.raises(ImproperlyConfigured, match="WHATSAPP_API_URL"):
            environment.whatsapp(*names)
