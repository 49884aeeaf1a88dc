"""How a service out there is called: over HTTP, with patience that ends."""

import httpx

from clinic.channels import Unreached, Unsure

PATIENCE = httpx.Timeout(10.0, connect=5.0)  # seconds
BUSY = 429
FAULT = 500  # from here on the fault is the service's


def call(method: str, url: str, **more) -> httpx.Response:
    """What the service answered. Raises `Unreached` where it certainly does not have what was sent,
    `Unsure` where it may have."""
    try:
        answer = httpx.request(method, url, timeout=PATIENCE, **more)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise Unreached(type(error).__name__) from error
    except httpx.HTTPError as error:
        raise Unsure(type(error).__name__) from error
    if answer.status_code == BUSY:
        raise Unreached("busy")
    if answer.status_code >= FAULT:
        raise Unsure(str(answer.status_code))
    return answer


def said(answer: httpx.Response) -> dict:
    """The object that it answered; an empty one for anything else."""
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
