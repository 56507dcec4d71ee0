"""Sends records in batches, and finds the one in a batch that the service refuses."""

from collections.abc import Sequence

import httpx

from ringfence import _exchange, _wire
from ringfence._destination import Destination
from ringfence._errors import Forbidden, Problem, Unauthenticated, Unavailable

BATCH_RECORDS = 250
BATCH_BYTES = 524_288
"""Half of what a service takes as one JSON body, by default."""
ABOUT_NO_RECORD = (Unavailable, Unauthenticated, Forbidden)
"""What can change while the records stay as they are: they are kept, and sent again later."""


class Sender:
    """A connection to the service, for one thread. batch_records: how many records a request may have just now."""

    def __init__(self, to: Destination, timeout: float) -> None:
        """timeout: seconds, of each step of a request."""
        self.batch_records = BATCH_RECORDS
        self._timeout = timeout
        self._http = httpx.Client(**_wire.client_options(to, timeout))

    def send(self, records: Sequence[str]) -> str:
        """Return the tenant for which the service has stored the records. Raises Problem and Unavailable."""
        answer = _exchange.send(self._http, records, self._timeout)
        tenant_id = _wire.stored_for(answer, len(records))
        self.batch_records = min(2 * self.batch_records, BATCH_RECORDS)
        return tenant_id

    def refused_place(self, refusal: Problem, count: int) -> int | None:
        """Return which of `count` records is refused for good; None where a smaller request has to tell.

        All of a request are stored, or none, and the first that is refused is named. Where none is named, as in a
        request that is too large, batch_records is halved, down to the one record that the refusal must be about.
        """
        if count == 1:
            return 0
        place = refusal.errors[0].get("index") if refusal.errors else None
        if isinstance(place, int) and 0 <= place < count:
            return place
        self.batch_records = count // 2
        return None

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


def fitting(records: Sequence[str]) -> int:
    """Return how many of the records one request may hold: one at least."""
    size = 0
    for number, record in enumerate(records):
        size += len(record.encode())
        if number and size > BATCH_BYTES:
            return number
    return len(records)
