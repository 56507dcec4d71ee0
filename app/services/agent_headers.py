"""Headers for an agent. Secret values come from the environment or a file, since no secret belongs into AGENTS_FILE."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_VALUE = re.compile(rb"[!-~\x80-\xff]([\t -~\x80-\xff]*[!-~\x80-\xff])?")
_PREFIX = re.compile(r"([A-Za-z][A-Za-z-]{0,19}[ =])?")
_MAX_BYTES = 8192
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
    return _checked(prefix + (_variable(source["env"]) if "env" in source else _content(Path(source["file"]))))


def _variable(name: str) -> str:
    if not (value := os.environ.get(name)):
        raise ValueError(f"the environment variable {name} is not set, or empty")
    return value


def _content(path: Path) -> str:
    if not path.is_absolute():
        raise ValueError("file is an absolute path")
    if not path.is_file():  # opening a pipe would block the start
        raise ValueError(f"the file {path} is not there, or no file")
    try:
        with path.open("rb") as file:
            value = file.read(_MAX_BYTES + 1).decode()
    except UnicodeDecodeError:
        raise ValueError(f"the file {path} is not UTF-8") from None
    except OSError as error:
        raise ValueError(f"the file {path} cannot be read: {error.strerror}") from None
    return value.removesuffix("\n").removesuffix("\r")  # added by an editor


def _checked(value: str) -> bytes:
    try:
        encoded = value.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError("its value has a character that is not in Latin-1") from None
    if len(encoded) > _MAX_BYTES:
        raise ValueError(f"its value has at most {_MAX_BYTES:,} bytes")
    if not _VALUE.fullmatch(encoded):
        raise ValueError("its value is empty, has a line end or a control character, or a blank at an end")
    return encoded
