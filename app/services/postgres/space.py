"""Samples once a minute what the database takes on its disk into the gauges, so that a scrape never blocks on it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from app.model.refusals import RingfenceError
from app.telemetry import metrics

logger = logging.getLogger("ringfence")

_SECONDS_BETWEEN_SAMPLES = 60.0
"""A sample asks the file system for every file of every table, and nobody plans a disk by the second."""


class SpaceUsed(NamedTuple):
    """A row of audit.space_used(). kind: table or index. records: of a table, as last estimated; 0 for an index."""

    relation: str
    kind: str
    bytes: int
    records: int


async def sample_space(space_used: Callable[[], Awaitable[Sequence[SpaceUsed]]], is_up: Callable[[], bool]) -> None:
    """Set the gauges, again and again. Never returns.

    A task of its own: it waits where a migration or VACUUM FULL has a table locked, and no other gauge may stand still.
    """
    while True:
        try:
            if is_up():
                _record(await space_used())
        except RingfenceError:
            pass  # the database is unavailable, which has a gauge of its own, or a table is locked
        except Exception as error:  # the gauges must not stand still after any error
            logger.error("sampling the space failed: %s", type(error).__qualname__)
        await asyncio.sleep(_SECONDS_BETWEEN_SAMPLES)


def _record(found: Sequence[SpaceUsed]) -> None:
    for each in found:
        metrics.DATABASE_BYTES.labels(each.relation, each.kind).set(each.bytes)
        if each.kind == "table":
            metrics.DATABASE_RECORDS.labels(each.relation).set(each.records)
