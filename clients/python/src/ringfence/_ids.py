"""Ids of records, made here and not by the service, so that a record that is sent twice is stored once."""

import secrets
import time
from datetime import datetime, timezone
from uuid import UUID


def new_id() -> str:
    """Return a UUID version 7 (RFC 9562): milliseconds since 1970, 12 bits of the next fraction, 62 random bits."""
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    fraction = nanoseconds * 4096 // 1_000_000
    return str(UUID(int=milliseconds << 80 | 0x7000 << 64 | fraction << 64 | 0b10 << 62 | secrets.randbits(62)))


def time_of(id: str) -> datetime:  # noqa: A002  the field's name
    """Return when a record was made, in UTC to the millisecond, by the clock of the machine that made its `id`.

    A record from the spool has the time of its arrival as created_at; its id still says when it was made. Raises
    ValueError for an id that is no UUID version 7.
    """
    value = UUID(id)
    if value.version != 7:
        raise ValueError("only a UUID version 7 holds a time")
    return datetime.fromtimestamp((value.int >> 80) / 1000, tz=timezone.utc)
