"""Ships one feed to one destination: reads a batch, writes down that it is on its way, sends it, and goes on."""

import asyncio
import logging
import random
import time
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import TypeVar

from app.ship.batch import Batch, Destination, NotTaken
from app.ship.blocks import whole_blocks
from app.ship.feed import WAIT_SECONDS, Feed, FeedFailed, Part, PositionLost
from app.ship.metrics import Metrics
from app.ship.positions import BadPositions, Positions, Standing

logger = logging.getLogger("ringfence.ship")

T = TypeVar("T")

_FIRST_PAUSE = 0.5
_MAX_PAUSE = 60.0
"""Seconds between two tries of what failed: twice as many each time, and a random part of them, so that many shippers
do not come back at once."""


@dataclass(frozen=True, slots=True)
class Shipment:
    """One table of DESTINATIONS_FILE at work.

    limit: lines of a batch. block_seconds: for which an unfinished block waits for the rest of it; None: a batch ends
    wherever the feed does.
    """

    name: str
    feed: Feed
    destination: Destination
    positions: Positions
    limit: int
    metrics: Metrics
    block_seconds: float | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Ship until told to stop; what is being sent then is finished."""
        pause, caught_up = _FIRST_PAUSE, 0.0
        while not stop.is_set():
            try:
                standing = await self._load(caught_up)
                wait, block_seconds = 0, 0.0  # nothing waits before the destination has had everything once
                while not stop.is_set():
                    standing, has_more = await self._step(standing, stop, wait, block_seconds)
                    pause, caught_up, wait = _FIRST_PAUSE, standing.caught_up, 0 if has_more else WAIT_SECONDS
                    if not has_more:
                        block_seconds = self.block_seconds or 0.0
            except Exception as error:  # whatever it is, the other destinations go on
                self.metrics.failures.labels(self.name).inc()
                seconds = pause * random.uniform(0.5, 1)  # noqa: S311  no secret
                trace = None if isinstance(error, (FeedFailed, NotTaken, BadPositions)) else error
                logger.warning("%s: %s; again in %.1f seconds", self.name, _describe(error), seconds, exc_info=trace)
                pause = min(pause * 2, _MAX_PAUSE)
                await _told(stop, seconds)

    async def run_once(self) -> bool:
        """Ship what there is, without a second try; return whether the destination has everything."""
        try:
            standing, has_more = await self._load(), True
            while has_more:
                standing, has_more = await self._step(standing, asyncio.Event(), 0, 0)
        except (FeedFailed, NotTaken, BadPositions) as error:
            logger.error("%s: %s", self.name, _describe(error))
            return False
        return True

    async def _load(self, caught_up: float = 0.0) -> Standing:
        """Return where the destination stands. caught_up: when it last had everything, where that is known better."""
        standing = await self.positions.load()
        if not standing.caught_up:
            # Kept at once: its lag must not begin anew with each start.
            standing = replace(standing, caught_up=time.time())
            await self.positions.save(standing)
        standing = replace(standing, caught_up=max(standing.caught_up, caught_up))
        self.metrics.caught_up.labels(self.name).set(standing.caught_up)
        return standing

    async def _step(
        self, standing: Standing, stop: asyncio.Event, wait: int, block_seconds: float
    ) -> tuple[Standing, bool]:
        """Ship one batch, or wait for news; return where the destination stands then, and whether there is more."""
        try:
            part = await self._next(standing, stop, wait, block_seconds)
        except PositionLost as lost:
            return await self._resume(standing, lost.resume_after), True
        if part is None:
            return standing, True
        batch, bound = part.batch, _bind(standing, part)
        if batch.lines:
            await self._send(batch, bound)
        caught_up = part.complete_at or standing.caught_up
        after = replace(bound, position=batch.position, sending=None, lines=0, caught_up=caught_up)
        if replace(after, caught_up=standing.caught_up) != standing:  # an idle feed writes nothing
            await self.positions.save(after)
        self.metrics.caught_up.labels(self.name).set(caught_up)
        return after, part.has_more

    async def _next(self, standing: Standing, stop: asyncio.Event, wait: int, block_seconds: float) -> Part | None:
        """Return what is to be sent next, as it was where it is on its way; None where it is told to stop before."""
        if standing.sending is not None and standing.lines <= self.limit:
            return await self.feed.read_until(standing.position, standing.sending, standing.lines)
        part = await _unless(stop, self.feed.read(standing.position, self.limit, wait))
        if part is None or self.block_seconds is None:
            return part
        if (cut := _cut(part)) is not None:
            return cut
        if not part.batch.lines or part.has_more or not block_seconds:
            return part
        if await _told(stop, block_seconds):
            return None
        later = await _unless(stop, self.feed.read(standing.position, self.limit))
        if later is None:
            return None
        later = _cut(later) or later
        # Even where more is behind it, it has what there was before.
        return replace(later, complete_at=later.complete_at or part.complete_at)

    async def _resume(self, standing: Standing, resume_after: str) -> Standing:
        """Return the standing with which to go on after a restore, once the feed is seen to be that of its trail."""
        if resume_after == standing.position:
            raise FeedFailed("it has lost the position that it named itself")
        try:
            bound = _bind(standing, await self.feed.read(resume_after, 1))
        except PositionLost:
            raise FeedFailed("it has lost the position that it named itself") from None
        logger.warning(
            "%s: the database was restored; going on after %s instead of %s, so records may come again",
            self.name, resume_after, standing.position,
        )  # fmt: skip
        return replace(bound, position=resume_after, sending=None, lines=0)

    async def _send(self, batch: Batch, standing: Standing) -> None:
        if standing.sending != batch.position:
            await self.positions.save(replace(standing, sending=batch.position, lines=len(batch.lines)))
        await self.destination.send(batch)
        self.metrics.shipped.labels(self.name).inc(len(batch.lines))
        self.metrics.succeeded.labels(self.name).set_to_current_time()


def _bind(standing: Standing, part: Part) -> Standing:
    """Return the standing as one of the trail that was read. Raises BadPositions where it is one of another."""
    if standing.trail is not None and not standing.trail.is_continued_by(part.trail):
        raise BadPositions(
            f"nothing is shipped: its position is one of {standing.trail}, and the feed is now that of {part.trail}."
            " Put back what DESTINATIONS_FILE said, or give this feed a destination of another name"
        )
    return replace(standing, trail=part.trail)


def _cut(part: Part) -> Part | None:
    """Return the whole blocks of what was read, None where no block ends in it."""
    batch = whole_blocks(part.batch)
    if batch is None:
        return None
    if batch is part.batch:
        return part
    return replace(part, batch=batch, has_more=True, complete_at=None)


def _describe(error: Exception) -> str:
    match error:
        case FeedFailed():
            return f"the feed cannot be read: {error}"
        case NotTaken():
            return f"not taken: {error}"
        case BadPositions():
            return str(error)
    return "an error of the shipper"  # whose message may quote a record


async def _told(stop: asyncio.Event, seconds: float) -> bool:
    """Wait for so long; return whether it is told to stop meanwhile."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True


async def _unless(stop: asyncio.Event, reading: Coroutine[None, None, T]) -> T | None:
    """Return what is read; None, and read no more, where it is told to stop before."""
    task, stopped = asyncio.create_task(reading), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        for each in (task, stopped):
            each.cancel()
        await asyncio.gather(task, stopped, return_exceptions=True)
