"""Readers of feeds that wait for news: how many, and when each looks again."""

import asyncio
import json
from collections.abc import Callable, Collection

from app.model.credential import Credential
from app.model.query import FeedQuery
from app.model.refusals import InvalidRequest, StorageUnavailable
from app.services.audit_logger import AuditLogger
from app.services.concurrency.limiter import Limiter
from app.telemetry.metrics import FEED_READERS

MAX_SECONDS = 30
"""That an answer may wait. Proxies close a connection on which nothing comes for sixty."""
MAX_WAITING = 512
"""Readers of one worker that wait at once, of which a tenant has at most half of what the others leave."""
_MAX_LOOKING = 2
"""Of them, how many look again at once: news of one tenant wakes the readers of all."""
_SECONDS_UNTOLD = 3.0
"""After which a reader looks again without news, where it is not known that news arrives."""
_SECONDS_BETWEEN_LOOKS = (0.25, 1.0)
"""Between looks in vain, which double: news of other tenants, however much, costs each reader a look a second."""


class Feeds:
    """Reads feeds; where there is nothing new, waits until there is. A reader that waits holds no connection."""

    def __init__(self, audit_logger: AuditLogger) -> None:
        self._audit_logger = audit_logger
        self._waiting = Limiter(MAX_WAITING, busy="too many readers of feeds are waiting", max_share=0.5)
        # One tenant's readers, however many, hold up the look of another's by one look at most.
        busy = "too many readers of feeds are looking for news"
        self._looking = Limiter(_MAX_LOOKING, busy=busy, max_queued=MAX_WAITING, max_seconds=MAX_SECONDS)
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def read(
        self, credential: Credential, query: FeedQuery, gone: asyncio.Future[None], block: Callable[[], bool] | None
    ) -> str:
        """Return the lines after a position, and a last line; where there are none, wait up to `query.wait` seconds.

        gone: ends when the caller has hung up; then nobody reads the answer. block: moves the request to those that are
        blocked; False when those are too many. Raises InvalidRequest and StorageUnavailable.
        """
        if not 0 <= query.wait <= MAX_SECONDS:
            raise InvalidRequest.field("wait", f"a number of seconds from 0 to {MAX_SECONDS}")
        loop = asyncio.get_running_loop()
        until = loop.time() + query.wait
        news = self._audit_logger.next_sealing()  # before the look: or what is sealed after it would be missed
        lines = await self._audit_logger.read_feed(credential, query)
        if not query.wait or not _is_empty(lines):
            return lines
        tenant = credential.tenant_id or ""
        async with self._waiting.hold(tenant):
            if block is not None and not block():
                raise StorageUnavailable("too many requests are waiting")
            with FEED_READERS.track_inprogress():
                pause, longest = _SECONDS_BETWEEN_LOOKS
                ended = [gone, self._ended]
                not_before = loop.time()
                while _is_empty(lines) and (left := until - loop.time()) > 0:
                    untold = left if self._audit_logger.hears_of_sealing else min(left, _SECONDS_UNTOLD)
                    await _first_of([news, *ended], untold)
                    await _first_of(ended, min(until, not_before) - loop.time())
                    if any(each.done() for each in ended):
                        break
                    async with self._looking.hold(tenant):
                        news = self._audit_logger.next_sealing()
                        lines = await self._audit_logger.read_feed(credential, query)
                    not_before, pause = loop.time() + pause, min(2 * pause, longest)
        return lines

    def end(self) -> None:
        """Answer every reader that waits: the service is to stop."""
        if not self._ended.done():
            self._ended.set_result(None)


async def _first_of(futures: Collection[asyncio.Future[None]], seconds: float) -> None:
    """Return when one of them is done, or after `seconds`."""
    if seconds > 0:
        await asyncio.wait(futures, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)


def _is_empty(lines: str) -> bool:
    """Whether an answer has its last line alone, and nothing is left to read: leaves of pruned records have no line."""
    return lines.find("\n") == len(lines) - 1 and not json.loads(lines)["has_more"]
