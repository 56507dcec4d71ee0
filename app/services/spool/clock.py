"""The time of day for records that no database gives its own."""

import time
from datetime import UTC, datetime, timedelta


class SteadyClock:
    """Tells the time it was last set to, and what has passed since, whatever the machine's clock does meanwhile."""

    def __init__(self) -> None:
        self.set()

    def set(self) -> None:
        """Take over the machine's time of day."""
        self._set_at = time.monotonic()
        self._time = datetime.now(UTC)

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return self._time + timedelta(seconds=time.monotonic() - self._set_at)
