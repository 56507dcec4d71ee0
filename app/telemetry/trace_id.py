"""One trace id for each request: taken from the caller, stored with the record, given back in X-Trace-ID."""

import re
import secrets
from collections.abc import Iterable
from contextvars import ContextVar

# W3C Trace Context: version, trace id, parent id, flags. All-zero ids and version ff are invalid, and version 00 ends
# with the flags; a later one may go on.
_TRACEPARENT = re.compile(
    rb"(?!ff)(?!00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)


def trace_id_of(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, bytes]:
    """Return the trace id of a valid `traceparent`, else `X-Trace-ID` as it stands, else a new one; and its bytes.

    A header's bytes are UTF-8 by custom, and Latin-1 by HTTP/1.1's tradition. What comes back is what was sent.
    """
    # The first of each counts, as everywhere in Starlette, whose Headers would be read once for each name.
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
"""Of the request that is being handled, for what is logged meanwhile."""
