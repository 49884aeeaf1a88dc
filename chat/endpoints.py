"""Calling an OpenAI-compatible service over HTTP, for embeddings and for answers alike."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import httpx

RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
TRIES = 3
LONGEST_PAUSE = 5.0


class EndpointError(Exception):
    """The service gave no usable answer; the message never holds what was sent."""


class EndpointUnavailable(EndpointError):
    """Not reached, too slow, overloaded or broken: the same call may succeed later."""


class EndpointRefused(EndpointError):
    """The service will not answer this call: address, key or model are wrong."""


class EndpointMalformed(EndpointError):
    """The service answered something that does not follow the protocol."""


@dataclass(frozen=True)
class Endpoint:
    """One address of a service: `url` may be the API's base or the whole address of `path`."""

    url: str
    path: str
    key: str = field(default="", repr=False)
    timeout: float = 30.0
    pause: float = 0.5

    @property
    def address(self) -> str:
        """The whole address that is called."""
        base = self.url.rstrip("/")
        return base if base.endswith(f"/{self.path}") else f"{base}/{self.path}"

    def post(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Send `payload` and return the answer's object, trying again where that can help.

        Raises EndpointUnavailable, EndpointRefused or EndpointMalformed. Redirects are not
        followed, so that patient data goes nowhere but to the configured address.
        """
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        # A client for each call: connections must not be shared with a forked worker.
        with httpx.Client(timeout=self.timeout, headers=headers) as client:
            for left in reversed(range(TRIES)):
                try:
                    response = client.post(self.address, json=payload)
                except httpx.InvalidURL as error:
                    raise EndpointRefused(f"{self.address} is no address") from error
                except httpx.UnsupportedProtocol as error:
                    raise EndpointRefused(f"{self.address} is no http address") from error
                except httpx.TimeoutException as error:
                    raise EndpointUnavailable(f"{self.address} took too long") from error
                except httpx.HTTPError as error:
                    if not left:
                        raise EndpointUnavailable(f"{self.address} cannot be reached") from error
                    time.sleep(self.pause)
                    continue
                if response.status_code not in RETRIED or not left:
                    return self._object(response)
                time.sleep(self._wait(response))
        raise AssertionError("unreachable")

    def _wait(self, response: httpx.Response) -> float:
        asked = response.headers.get("Retry-After", "")
        return min(float(asked), LONGEST_PAUSE) if asked.isdigit() else self.pause

    def _object(self, response: httpx.Response) -> dict[str, Any]:
        status = response.status_code
        if status in RETRIED:
            raise EndpointUnavailable(f"{self.address} answered {status}")
        if not response.is_success:
            raise EndpointRefused(f"{self.address} answered {status}")
        try:
            answer = response.json()
        except ValueError as error:
            raise EndpointMalformed(f"{self.address} did not answer JSON") from error
        if not isinstance(answer, dict):
            raise EndpointMalformed(f"{self.address} did not answer a JSON object")
        return answer
