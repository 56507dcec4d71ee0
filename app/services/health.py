"""Looks at the store again and again, for the gauges of app/telemetry/metrics.py: so that a scrape waits for nobody."""

import asyncio
import logging
import time

from app.model.refusals import RingfenceError
from app.services.audit_logger import AuditLogger
from app.telemetry import metrics

logger = logging.getLogger("ringfence")

_BETWEEN_LOOKS = 2.0
_BETWEEN_REPORTS = 30.0
"""Seconds; the isolation report takes the database some milliseconds."""


async def observe(audit_logger: AuditLogger) -> None:
    """Set the gauges, and log what the isolation report finds. Never returns."""
    reported = float("-inf")
    metrics.ISOLATION_INTACT.set(True)  # nothing has been found; a gauge that was never set says 0, and pages somebody
    while True:
        try:
            await _look(audit_logger)
            if audit_logger.database_state == "up" and time.monotonic() - reported > _BETWEEN_REPORTS:
                reported = time.monotonic()
                note_findings((await audit_logger.db_ping()).findings)
        except (RingfenceError, OSError):
            pass  # that it is away is a gauge of its own
        except Exception as error:  # whatever it is, the gauges must not stand still
            logger.error("the store could not be looked at: %s", type(error).__qualname__)
        await asyncio.sleep(_BETWEEN_LOOKS)


def note_findings(findings: list[str]) -> None:
    """Log what was found against isolation, and set the verdict."""
    metrics.ISOLATION_INTACT.set(not findings)
    for finding in findings:
        logger.error("isolation is broken: %s", finding)


async def _look(audit_logger: AuditLogger) -> None:
    state = await audit_logger.state()
    metrics.UNDER_WAY.set(metrics.UnderWay.requests)
    metrics.QUEUE.set(state.queue)
    for name, connections in state.pool.items():
        metrics.POOL.labels(name).set(connections)
    metrics.DATABASE_UP.set(audit_logger.database_state != "down")
    if state.waiting is not None:
        metrics.SPOOL_RECORDS.set(state.waiting.records)
        metrics.SPOOL_BYTES.set(state.waiting.bytes)
        metrics.SPOOL_OLDEST_SECONDS.set(state.waiting.oldest_seconds)
        metrics.SPOOL_MOST_BYTES.set(state.spool_most_bytes)
