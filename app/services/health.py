"""Samples the store every two seconds into the gauges, so that a scrape never blocks on the database."""

import asyncio
import logging
import time

from app.model.refusals import RingfenceError
from app.services.audit_logger import AuditLogger
from app.telemetry import metrics

logger = logging.getLogger("ringfence")

_SECONDS_BETWEEN_SAMPLES = 2.0
_SECONDS_BETWEEN_REPORTS = 30.0
"""The isolation report takes the database some milliseconds."""


async def sample(audit_logger: AuditLogger) -> None:
    """Set the gauges and run the isolation report, again and again. Never returns."""
    reported = float("-inf")
    metrics.ISOLATION_INTACT.set(True)  # a gauge that was never set reads 0, which pages the operator
    while True:
        try:
            await _sample_once(audit_logger)
            if audit_logger.database_state == "up" and time.monotonic() - reported > _SECONDS_BETWEEN_REPORTS:
                reported = time.monotonic()
                record_findings((await audit_logger.db_ping()).findings)
        except (RingfenceError, OSError):
            pass  # an unavailable store has a gauge of its own
        except Exception as error:  # the gauges must not stand still after any error
            logger.error("sampling the store failed: %s", type(error).__qualname__)
        await asyncio.sleep(_SECONDS_BETWEEN_SAMPLES)


def record_findings(findings: list[str]) -> None:
    """Log the findings of the isolation report, and set the gauge."""
    metrics.ISOLATION_INTACT.set(not findings)
    for finding in findings:
        logger.error("isolation is broken: %s", finding)


async def _sample_once(audit_logger: AuditLogger) -> None:
    state = await audit_logger.state()
    metrics.UNDER_WAY.set(metrics.UnderWay.requests)
    metrics.QUEUE.set(state.queue)
    for name, connections in state.pool.items():
        metrics.POOL.labels(name).set(connections)
    metrics.DATABASE_UP.set(audit_logger.database_state != "down")
    if state.spooled is not None:
        metrics.SPOOL_RECORDS.set(state.spooled.records)
        metrics.SPOOL_BYTES.set(state.spooled.bytes)
        metrics.SPOOL_OLDEST_SECONDS.set(state.spooled.oldest_seconds)
        metrics.SPOOL_MOST_BYTES.set(state.spool_max_bytes)
