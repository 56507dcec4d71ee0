"""Requests to places outside of the house: encrypted or on this machine, and bounded in time and size."""

import asyncio
import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

_MAX_ANSWER = 65_536
"""Bytes: cosignatures, or a time-stamp with its certificates."""


class OutsideFailed(Exception):
    """No usable answer. The message repeats neither the URL nor what it answered."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of any status. media_type: as the answer's Content-Type has it."""

    status: int
    media_type: str
    body: bytes


def url_fault(text: str) -> str | None:
    """Return what is wrong with the URL of a place outside, None for a good one."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        return "not a URL"
    if url.username or url.password:
        return "a URL with a user name or a password ends up in logs"
    if not url.host or url.scheme not in ("https", "http"):
        return "not a URL of https"
    if url.scheme == "http" and not _is_loopback(url.host):
        return "http without encryption is for this machine alone: use https"
    return None


def make_client(ca_file: Path | None = None) -> httpx.AsyncClient:
    """Return a client that follows no redirects and uses no proxies of the environment.

    ca_file: PEM file of the only roots that a server's certificate may lead to; None: those of certifi. Raises OSError.
    """
    trusted = ssl.create_default_context(cafile=ca_file) if ca_file else True
    # send() bounds the whole
    return httpx.AsyncClient(verify=trusted, follow_redirects=False, trust_env=False, timeout=None)  # noqa: S113


async def send(
    client: httpx.AsyncClient,
    method: str,
    url: str,
    content: bytes,
    headers: Mapping[str, str],
    seconds: float,
    max_bytes: int = _MAX_ANSWER,
) -> Answer:
    """Send a request and return the whole answer, within so many seconds and bytes. Raises OutsideFailed."""
    try:
        async with (
            asyncio.timeout(seconds),
            client.stream(method, url, content=content, headers={"Accept-Encoding": "identity", **headers}) as response,
        ):
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > max_bytes:
                    raise OutsideFailed(f"an answer of more than {max_bytes} bytes")
            return Answer(response.status_code, response.headers.get("content-type", ""), bytes(body))
    except TimeoutError:
        raise OutsideFailed(f"no answer within {seconds:g} seconds") from None
    except httpx.HTTPError as error:
        raise OutsideFailed(type(error).__name__) from None  # the message may quote the URL


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
