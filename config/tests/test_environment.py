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
