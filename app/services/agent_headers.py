"""Headers for an agent. Secret values come from the environment or a file, since no secret belongs into AGENTS_FILE."""

import re
from collections.abc import Mapping

from app.secret_source import MAX_BYTES, read_secret

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_VALUE = re.compile(rb"[!-~\x80-\xff]([\t -~\x80-\xff]*[!-~\x80-\xff])?")
_PREFIX = re.compile(r"([A-Za-z][A-Za-z-]{0,19}[ =])?")
_REFUSED = re.compile(
    # Of one connection (RFC 9110, 7.6.1), of the body, or set by the service.
    "connection|keep-alive|te|trailers?|transfer-encoding|upgrade|expect|http2-settings|host|accept-encoding|x-trace-id"
    "|proxy-(authenticate|authorization|connection)|content-.*"
)
_SECRET = re.compile(r"auth|token|key|secret|passw|credential|cookie|session|signature|jwt|bearer")


def read_headers(headers: object) -> dict[str, bytes]:
    """Return the headers of one agent, with names in lower case.

    A value is a text, `{env = "VARIABLE"}` or `{file = "/path"}`, the last two with a `prefix` such as "Bearer " or
    without. Raises ValueError, which names the header and does not repeat its value.
    """
    if not isinstance(headers, Mapping):
        raise ValueError("is a table of headers")
    found: dict[str, bytes] = {}
    for given, source in headers.items():
        name = given.lower()
        try:
            if not _NAME.fullmatch(given):
                raise ValueError("is not a valid header name")
            if _REFUSED.fullmatch(name):
                raise ValueError("is not for an agent: it belongs to the connection, the body or the service")
            if name in found:
                raise ValueError("is given more than once")
            found[name] = _value(name, source)
        except ValueError as error:
            raise ValueError(f"header {given}: {error}") from None
    return found


def _value(name: str, source: object) -> bytes:
    if isinstance(source, str):
        if _SECRET.search(name):
            raise ValueError("its value is a secret, which does not belong into this file: name it with env or file")
        return _checked(source)
    if not isinstance(source, Mapping) or not all(isinstance(each, str) for each in source.values()):
        raise ValueError('is a text, {env = "VARIABLE"} or {file = "/path"}')
    if source.keys() - {"prefix"} not in ({"env"}, {"file"}):
        raise ValueError("needs exactly one of env and file; prefix is optional")
    prefix = source.get("prefix", "")
    if not _PREFIX.fullmatch(prefix):
        raise ValueError('prefix is a word of letters and a blank, "Bearer " for one')
    return _checked(prefix + read_secret(source))


def _checked(value: str) -> bytes:
    try:
        encoded = value.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError("its value has a character that is not in Latin-1") from None
    if len(encoded) > MAX_BYTES:
        raise ValueError(f"its value has at most {MAX_BYTES:,} bytes")
    if not _VALUE.fullmatch(encoded):
        raise ValueError("its value is empty, has a line end or a control character, or a blank at an end")
    return encoded
