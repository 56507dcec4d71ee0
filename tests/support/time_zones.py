"""Time zones that any session can make up."""

from datetime import UTC, datetime, timedelta


def zone(ago: timedelta, hours: int) -> str:
    """Return a zone whose clocks are set back by so many hours around the time that is `ago`, and not now."""
    first = datetime.now(UTC) - ago - timedelta(days=10)
    last = datetime.now(UTC) - ago + timedelta(days=3) - timedelta(hours=hours)  # as the clocks there show it
    return f"<A>0<B>{hours},{first.timetuple().tm_yday - 1},{last.timetuple().tm_yday - 1}"
