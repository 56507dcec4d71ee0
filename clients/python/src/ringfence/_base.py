"""What both clients are made of, and what neither of them has to wait for."""

from __future__ import annotations

import logging
import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import httpx

from ringfence import _spool, _wire
from ringfence._delivery import Delivery
from ringfence._destination import destination
from ringfence._errors import OutcomeNotRecorded, RingfenceError
from ringfence._execution import Execution

logger = logging.getLogger("ringfence")

Http = TypeVar("Http", httpx.Client, httpx.AsyncClient)


class BaseClient(ABC, Generic[Http]):
    """A destination, a connection to it, and the records that are not sent at once."""

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        allow_unencrypted: bool = False,
        spool: str | os.PathLike[str] | Literal[False] | None = None,
        spool_max_bytes: int = _spool.MAX_BYTES,
        spool_max_seconds: float = _spool.MAX_SECONDS,
        queue_size: int = 10_000,
        timeout: float = 5.0,
        unrecorded: Literal["raise", "proceed"] = "raise",
    ) -> None:
        """Use a service and one of its keys: by default RINGFENCE_URL and RINGFENCE_API_KEY of the environment.

        allow_unencrypted: send the key in clear text to another machine, where the URL says http; so does
        RINGFENCE_ALLOW_UNENCRYPTED=true. spool: the file for records while the service is unavailable, by default
        $XDG_STATE_HOME/ringfence/spool.sqlite3; False for none. spool_max_bytes: its size, beyond which it takes no
        more. spool_max_seconds: it takes no more while its oldest record has waited for longer. queue_size: records
        that enqueue() holds at most. timeout: seconds, of each step of a request, and of waiting for room in the queue.
        unrecorded: what happens to work that cannot be recorded: raise, so that it is not begun, or proceed, with an
        error in the log.

        Raises ValueError for a URL or a key of another form, and for http to another machine; NotRecorded for a spool
        that is there and unusable.
        """
        if unrecorded not in ("raise", "proceed"):
            raise ValueError("unrecorded has to be raise or proceed")
        self._to = destination(url, api_key, allow_unencrypted=allow_unencrypted)
        self._may_proceed = unrecorded == "proceed"
        self._timeout = timeout
        kept = None
        if spool is not False:
            path = Path(spool or _spool.default_path())
            kept = _spool.Spool(path, self._to, max_bytes=spool_max_bytes, max_seconds=spool_max_seconds)
        self._delivery = Delivery(self._to, kept, queue_size=queue_size, timeout=timeout)
        self._http: Http = self._connect(_wire.client_options(self._to, timeout))

    def __repr__(self) -> str:
        return f"<ringfence.{type(self).__name__} {self._to.url}, key {self._to.key_id}>"

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._delivery.is_closed

    @abstractmethod
    def _connect(self, options: dict[str, Any]) -> Http:
        """Return the connection for requests of callers; the thread has one of its own."""

    def _proceed_despite(self, error: RingfenceError) -> None:
        """Raise the error, for which work must not begin, or log it where the author has said that it may."""
        if not self._may_proceed:
            raise error
        logger.error("work proceeds unrecorded: %s", error)

    def _lose_outcome(self, execution: Execution, error: RingfenceError, exception: BaseException | None) -> None:
        """Raise OutcomeNotRecorded, or log it where an exception matters more."""
        if exception is None and not self._may_proceed:
            raise OutcomeNotRecorded(f"the outcome of {execution.trace_id} is not recorded: {error}") from error
        logger.error("the outcome of %s is not recorded: %s", execution.trace_id, error)
