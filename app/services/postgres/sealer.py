"""Seals records while the service runs: calls audit.seal_records() about twice a second, over a connection of its own.

The database decides what is due. Other workers, other machines and `python -m app.seal` may do the same at the same
time: each call passes over the tenants that another one is sealing.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable

from psycopg import AsyncConnection, Error
from psycopg.errors import Diagnostic

from app.services import calls
from app.services.concurrency.deadline import with_deadline
from app.services.db import MAX_SECONDS
from app.services.round_trip import Statement, run_together
from app.telemetry.metrics import SEAL_CALLS, SEAL_SECONDS, SEALED_AT, SEALING_HELD_UP

logger = logging.getLogger("ringfence")

MILLISECONDS = 500
"""Of one call, in which requests find one connection of the server and one of its processors busy."""
_SECONDS_BETWEEN_CALLS = 0.5
_MIN_SECONDS_OF_WORK = 0.02
"""A call that takes less has found next to nothing to seal."""
_SECONDS_AFTER_FIRST_FAILURE = 1.0
_MAX_SECONDS_AFTER_FAILURES = 5.0
_SECONDS_BETWEEN_REMINDERS = 60.0
"""After which the log repeats that a tree contradicts itself."""
_MAX_POSITIONS = 10_000
_CONTRADICTION = "RF009"
_NO_FAULT = ("00", "01")
"""Classes of SQLSTATE of ordinary notices and warnings."""


class Horizon:
    """Tells for how long a transaction that writes has held up sealing. Its numbers never leave this process."""

    def __init__(self) -> None:
        self._ahead: deque[tuple[float, int]] = deque()
        """Numbers that transactions had reached and that are not sealable yet, and when."""

    def seconds(self, reached: int, sealable: int, now: float) -> float:
        """Return it. reached, sealable: audit.sealing_horizon(); now: on the monotonic clock."""
        if len(self._ahead) < _MAX_POSITIONS and (not self._ahead or self._ahead[-1][1] < reached):
            self._ahead.append((now, reached))
        while self._ahead and self._ahead[0][1] <= sealable:
            self._ahead.popleft()
        return now - self._ahead[0][0] if self._ahead else 0.0


class Sealer:
    """Seals until it is cancelled; rests while the database is unavailable, and longer after each failure in a row."""

    def __init__(self, connect: Callable[[], Awaitable[AsyncConnection]], is_up: Callable[[], bool]) -> None:
        """connect: returns a dedicated connection to the primary: the pool's are for requests.

        is_up: whether the circuit breaker lets calls through.
        """
        self._connect = connect
        self._is_up = is_up
        self._connection: AsyncConnection | None = None
        self._failures = 0
        self._warnings: set[str] = set()
        """SQLSTATEs that the call has warned of: of trees that it has left out."""
        self._reminded = float("-inf")
        self._horizon = Horizon()

    async def run(self) -> None:
        """Seal again and again. Never returns; when it is cancelled it closes its connection."""
        SEALED_AT.set_to_current_time()  # a gauge that was never set reads 0, since 1970
        try:
            while True:
                seconds = await self._seal() if self._is_up() else await self._rest()
                await asyncio.sleep(seconds)
        finally:
            await self._disconnect()

    async def _seal(self) -> float:
        """Seal once; return the seconds until the next time."""
        started = time.monotonic()
        try:
            await with_deadline(self._call(), MAX_SECONDS)
        except Exception as error:  # after any error the next call must follow
            return await self._failed(error.sqlstate if isinstance(error, Error) else None, type(error).__qualname__)
        if others := self._warnings - {_CONTRADICTION}:
            return await self._failed(min(others), "")
        self._failures = 0
        seconds = time.monotonic() - started
        SEAL_SECONDS.observe(seconds)
        SEALED_AT.set_to_current_time()
        has_more = seconds >= MILLISECONDS / 1000  # it took all of its time
        if _CONTRADICTION in self._warnings:  # the other trees have grown
            self._tell_of_contradiction()
        else:
            SEAL_CALLS.labels("cut" if has_more else "done").inc()
        if has_more:
            return 0.0
        # A call ends after some tenants, too, and the service is not told what is left. So while there is work, a third
        # of the time is left to others, and what is due is sealed within two seconds.
        return seconds / 2 if seconds > _MIN_SECONDS_OF_WORK else _SECONDS_BETWEEN_CALLS

    async def _call(self) -> None:
        if self._connection is None or self._connection.closed:
            self._connection = await self._connect()
            self._connection.add_notice_handler(self._hear)
        self._warnings.clear()
        # No RESET: the function keeps in the session what it need not look at again, and nobody else uses this one.
        horizon: Statement = (calls.SEALING_HORIZON, {})
        seal: Statement = (calls.SEAL_RECORDS, {"milliseconds": MILLISECONDS})
        _, found, *_ = await run_together(self._connection, [(calls.BEGIN, {}), horizon, seal, (calls.COMMIT, {})])
        SEALING_HELD_UP.set(self._horizon.seconds(found["next"], found["sealable"], time.monotonic()))

    def _hear(self, notice: Diagnostic) -> None:
        if notice.sqlstate and not notice.sqlstate.startswith(_NO_FAULT):
            self._warnings.add(notice.sqlstate)

    def _tell_of_contradiction(self) -> None:
        # Not which tenant: the database tells that to audit_sealer alone, and no log line names a tenant.
        SEAL_CALLS.labels("contradiction").inc()
        if time.monotonic() - self._reminded > _SECONDS_BETWEEN_REMINDERS:
            self._reminded = time.monotonic()
            logger.error("a tree contradicts itself, and is no longer grown: `python -m app.seal --once` names it")

    async def _failed(self, sqlstate: str | None, name: str) -> float:
        if _CONTRADICTION in self._warnings:  # beside what failed
            self._tell_of_contradiction()
        await self._disconnect()
        SEAL_CALLS.labels("failed").inc()
        if self._is_up():  # or the circuit breaker has said it
            logger.warning("sealing failed, and is tried again: %s", f"SQLSTATE {sqlstate}" if sqlstate else name)
        seconds = _SECONDS_AFTER_FIRST_FAILURE * float(2**self._failures)
        self._failures = min(self._failures + 1, 3)
        return min(seconds, _MAX_SECONDS_AFTER_FAILURES)

    async def _rest(self) -> float:
        await self._disconnect()
        return _SECONDS_BETWEEN_CALLS

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
