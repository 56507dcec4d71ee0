"""The trace id of a request: taken from the caller or made, stored with its records, sent back in X-Trace-ID."""

import re
import secrets
from collections.abc import Iterable
from contextvars import ContextVar

# W3C Trace Context: version, trace id, parent id, flags. All-zero ids and version ff are invalid. Version 00 ends with
# the flags; later versions may add fields.
_TRACEPARENT = re.compile(
    rb"(?!ff)(?!00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)


def trace_id_of(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, bytes]:
    """Return the trace id of a valid `traceparent`, else the value of `X-Trace-ID`, else a new one; and its bytes.

    Most callers send header values in UTF-8, HTTP/1.1 says Latin-1: both are taken, and the same bytes come back.
    """
    # The first header of each name counts, as in Starlette's Headers, which would search the list once for each name.
    traceparent = given = None
    for name, value in headers:
        if name == b"traceparent" and traceparent is None:
            traceparent = value
        elif name == b"x-trace-id" and given is None:
            given = value
    if traceparent and (match := _TRACEPARENT.fullmatch(traceparent)):
        return match.group(1).decode("ascii"), match.group(1)
    if not given:
        made = secrets.token_hex(16)
        return made, made.encode()
    try:
        return given.decode(), given
    except UnicodeDecodeError:
        return given.decode("latin-1"), given


current_trace_id: ContextVar[str | None] = ContextVar("trace_id", default=None)
"""Trace id of the request that is being handled, for its log lines."""
