"""Reads a tenant's feed: docs/feed.md says what it promises."""

import json
import time
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx

from app.model.strict_json import parse
from app.outside import Answer, OutsideFailed, send
from app.ship.batch import Batch, order_of
from app.ship.trail import Trail, log_of

WAIT_SECONDS = 30
"""For which the service lets a reader wait for news, at most."""
_READ_SECONDS = 60.0
_MAX_BYTES = 64 << 20
"""Of one answer. The service ends an answer with the page of up to 1,000 lines in which it reaches four megabytes."""


class FeedFailed(Exception):
    """The feed cannot be read now. The message repeats neither the key nor the answer."""


class PositionLost(Exception):
    """The database was restored and has not what was read. resume_after: the position to go on after."""

    def __init__(self, resume_after: str) -> None:
        super().__init__(resume_after)
        self.resume_after = resume_after


@dataclass(frozen=True, slots=True)
class Part:
    """An answer of the feed.

    has_more: whether there is more behind it. complete_at: a time, in seconds since 1970, of which it has everything
    that the feed had then; None where more is behind it. trail: which it says that it is of.
    """

    batch: Batch
    has_more: bool
    complete_at: float | None
    trail: Trail


class Feed:
    """The feed of one tenant. url: the service's. form: of its lines.

    The tenant is named beside the key: a key of another tenant is refused, instead of its records being shipped.
    """

    def __init__(self, client: httpx.AsyncClient, url: str, tenant: str, key: str, form: str) -> None:
        self._client = client
        self._service = url.rstrip("/")
        self._url = f"{self._service}/api/v1/audit/feed"
        self._tenant = tenant
        self._form = form
        self._headers = {"Authorization": f"Bearer {key}"}

    async def read(self, after: str, limit: int, wait: int = 0) -> Part:
        """Return what comes after a position, at most `limit` lines; wait so many seconds where nothing is there yet.

        Raises FeedFailed and PositionLost.
        """
        query = {"tenant_id": self._tenant, "after": after, "limit": limit, "wait": wait, "format": self._form}
        url = f"{self._url}?{urlencode(query)}"
        try:
            answer = await send(self._client, "GET", url, b"", self._headers, _READ_SECONDS + wait, _MAX_BYTES)
        except OutsideFailed as error:
            raise FeedFailed(str(error)) from None
        if answer.status == 409 and (resume_after := _resume_after(answer)):
            raise PositionLost(resume_after)
        if answer.status != 200:
            raise FeedFailed(f"answer {answer.status}")
        return self._part(after, answer.body)

    async def read_until(self, after: str, until: str, limit: int) -> Part:
        """Return once more what was read between two positions, in `limit` lines then.

        It ends where it ended, so that its receiver knows it again, also where its last leaves have no line: a
        statement in a format that has none, or a record that was pruned meanwhile. Raises FeedFailed and PositionLost.
        """
        lines: list[bytes] = []
        position, trail = after, Trail(self._tenant, None, self._service)
        while order_of(position) < order_of(until):
            part = await self.read(position, limit)
            batch, trail = part.batch, part.trail
            if order_of(batch.position) > order_of(until):
                if limit == 1:  # the next line that is left lies behind it
                    position = until
                    break
                limit //= 2
            elif batch.position == position:
                break  # a restored tree that does not reach so far
            else:
                lines += batch.lines
                position = batch.position
        return Part(Batch(self._tenant, after, position, tuple(lines)), has_more=True, complete_at=None, trail=trail)

    async def close(self) -> None:
        """Give up its connections."""
        await self._client.aclose()

    def _part(self, after: str, body: bytes) -> Part:
        *lines, last = body.removesuffix(b"\n").split(b"\n")
        try:
            end = parse(last)
            position, count, has_more = end["position"], end["count"], end["has_more"]
            if count != len(lines) or order_of(position) < order_of(after) or not isinstance(has_more, bool):
                raise ValueError
            trail = Trail(self._tenant, log_of(end["checkpoint"], self._tenant), self._service)
        except (ValueError, TypeError, KeyError):
            raise FeedFailed("an answer that was cut, or is none of a feed of this tenant") from None
        batch = Batch(self._tenant, after, position, tuple(lines))
        return Part(batch, has_more, None if has_more else time.time(), trail)


def _resume_after(answer: Answer) -> str | None:
    """Return where an answer 409 says that a reader may go on, None where it says nothing of it."""
    try:
        problem = json.loads(answer.body)
        if not problem["type"].endswith(":feed-position-lost"):
            return None
        resume_after = problem["errors"][0]["resume_after"]
        order_of(resume_after)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None
    return str(resume_after)
