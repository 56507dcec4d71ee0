"""The head of a request: refused when RFC 9112 leaves it ambiguous, rewritten when it offers an upgrade.

Two servers in a row must read the same requests from the same bytes. Otherwise one request can hide in another (request
smuggling).
"""

import re
from collections.abc import Sequence

import httptools

Headers = Sequence[tuple[bytes, bytes]]
"""Names in lower case."""

MAX_HEADERS = 100
# RFC 3986, section 3.2.2 and 3.2.3: a registered name, an IPv4 address, or an IPv6 address in brackets; and a port.
_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(:[0-9]{0,5})?")


class HeadRefused(Exception):
    """The request cannot be served. The message is for the caller; status and kind are those of the problem."""

    def __init__(self, detail: str, status: int = 400, kind: str = "bad-request") -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind


def check_head(method: bytes, target: bytes, http_version: str, headers: Headers) -> None:
    """Raise HeadRefused for a request that other servers could read differently, or that this server does not serve."""
    if len(headers) > MAX_HEADERS:
        raise HeadRefused(f"a request has at most {MAX_HEADERS} headers", 431, "head-too-large")
    if http_version not in ("1.1", "1.0"):
        raise HeadRefused("HTTP/1.1 is needed")
    if method == b"CONNECT":
        raise HeadRefused("CONNECT is not served: this is not a proxy")
    try:
        path = httptools.parse_url(target).path
    except httptools.HttpParserInvalidURLError:
        path = None
    if path is None or not path.isascii():
        raise HeadRefused("the target of the request is not valid")
    host = None
    for name, value in headers:
        if name == b"host":
            if host is not None:
                raise HeadRefused("a request has one Host")
            host = value.strip()
        elif name == b"transfer-encoding" and (value.strip().lower() != b"chunked" or http_version == "1.0"):
            raise HeadRefused("the only Transfer-Encoding is chunked, in HTTP/1.1")
    if host is None and http_version == "1.1":
        raise HeadRefused("a request has a Host")
    if host is not None and not _HOST.fullmatch(host):
        raise HeadRefused("the Host is not valid")


def head_bytes(target: bytes, headers: Headers) -> int:
    """Return the approximate size of the head in bytes."""
    return len(target) + sum(len(name) + len(value) + 4 for name, value in headers)


def without_upgrade(method: bytes, target: bytes, http_version: str, headers: Headers) -> bytes:
    """Return the bytes of a parsed head without its offer to upgrade. No part of a parsed head holds a CR or LF."""
    lines = [method + b" " + target + b" HTTP/" + http_version.encode()]
    for name, value in headers:
        kept = value
        if name in (b"upgrade", b"http2-settings"):
            continue
        if name == b"connection":
            options = [option.strip() for option in value.split(b",")]
            kept = b", ".join(option for option in options if option.lower() not in (b"upgrade", b"http2-settings"))
            if not kept:
                continue
        lines.append(name + b": " + kept)
    return b"\r\n".join(lines) + b"\r\n\r\n"
