"""The time of day for spooled records, to which no database gives its own."""

import time
from datetime import UTC, datetime, timedelta


class SteadyClock:
    """Tells the time that it was last set to and the seconds since, even when the machine's clock is changed."""

    def __init__(self) -> None:
        self.set()

    def set(self) -> None:
        """Take over the machine's time of day."""
        self._set_at = time.monotonic()
        self._time = datetime.now(UTC)

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return self._time + timedelta(seconds=time.monotonic() - self._set_at)
