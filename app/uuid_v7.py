"""Time-ordered identifiers, in the layout of db/functions/uuid_v7.sql."""

import secrets
import time
from uuid import UUID


def uuid_v7() -> UUID:
    """Return a UUID version 7 (RFC 9562): milliseconds since 1970, 12 bits of the next fraction, 62 random bits."""
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    fraction = nanoseconds * 4096 // 1_000_000
    return UUID(int=milliseconds << 80 | 0x7000 << 64 | fraction << 64 | 0b10 << 62 | secrets.randbits(62))
