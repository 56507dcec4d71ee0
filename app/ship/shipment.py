"""Ships one feed to one destination: reads a batch, writes down that it is on its way, sends it, and goes on."""

import asyncio
import logging
import random
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from app.ship.batch import Batch, Destination, NotTaken
from app.ship.feed import WAIT_SECONDS, Feed, FeedFailed, PositionLost
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
    """One table of DESTINATIONS_FILE at work. limit: lines of a batch."""

    name: str
    feed: Feed
    destination: Destination
    positions: Positions
    limit: int
    metrics: Metrics

    async def run(self, stop: asyncio.Event) -> None:
        """Ship until told to stop; what is being sent then is finished."""
        pause = _FIRST_PAUSE
        while not stop.is_set():
            try:
                standing = await self.positions.load()
                while not stop.is_set():
                    standing, _ = await self._step(standing, stop, WAIT_SECONDS)
                    pause = _FIRST_PAUSE
            except Exception as error:  # whatever it is, the other destinations go on
                self.metrics.failures.labels(self.name).inc()
                seconds = pause * random.uniform(0.5, 1)  # noqa: S311  no secret
                trace = None if isinstance(error, (FeedFailed, NotTaken, BadPositions)) else error
                logger.warning("%s: %s; again in %.1f seconds", self.name, _describe(error), seconds, exc_info=trace)
                pause = min(pause * 2, _MAX_PAUSE)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), seconds)

    async def run_once(self) -> bool:
        """Ship what there is, without a second try; return whether the destination has everything."""
        try:
            standing, has_more = await self.positions.load(), True
            while has_more:
                standing, has_more = await self._step(standing, asyncio.Event(), 0)
        except (FeedFailed, NotTaken, BadPositions) as error:
            logger.error("%s: %s", self.name, _describe(error))
            return False
        return True

    async def _step(self, standing: Standing, stop: asyncio.Event, wait: int) -> tuple[Standing, bool]:
        """Ship one batch, or wait for news; return where the destination stands then, and whether there is more."""
        has_more = True
        try:
            if standing.sending is not None and standing.lines <= self.limit:
                batch = await self.feed.read_until(standing.position, standing.sending, standing.lines)
            else:
                part = await _unless(stop, self.feed.read(standing.position, self.limit, wait))
                if part is None:
                    return standing, True
                batch, has_more = part.batch, part.has_more
        except PositionLost as lost:
            if lost.resume_after == standing.position:
                raise FeedFailed("it has lost the position that it named itself") from None
            logger.warning(
                "%s: the database was restored; going on after %s instead of %s, so records may come again",
                self.name, lost.resume_after, standing.position,
            )  # fmt: skip
            return Standing(lost.resume_after), True
        read_at = time.time()
        if batch.lines:
            await self._send(batch, standing)
        if batch.position != standing.position or standing.sending is not None:
            standing = Standing(batch.position)
            await self.positions.save(standing)
        if not has_more:
            self.metrics.caught_up.labels(self.name).set(read_at)
        return standing, has_more

    async def _send(self, batch: Batch, standing: Standing) -> None:
        if standing.sending != batch.position:
            await self.positions.save(replace(standing, sending=batch.position, lines=len(batch.lines)))
        await self.destination.send(batch)
        self.metrics.shipped.labels(self.name).inc(len(batch.lines))
        self.metrics.succeeded.labels(self.name).set_to_current_time()


def _describe(error: Exception) -> str:
    match error:
        case FeedFailed():
            return f"the feed cannot be read: {error}"
        case NotTaken():
            return f"not taken: {error}"
        case BadPositions():
            return str(error)
    return "an error of the shipper"  # whose message may quote a record


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
