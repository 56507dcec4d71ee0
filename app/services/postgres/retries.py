"""Retries transactions after transient errors, and gives up at a deadline."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, TypeVar

import psycopg
from psycopg import errors
from psycopg_pool import PoolTimeout

from app.model.refusals import DatabaseUnavailable, OutcomeUnknown, RingfenceError, StorageUnavailable
from app.services.db import MAX_SECONDS, Database, StaleConnection
from app.services.postgres.circuit_breaker import CircuitBreaker
from app.services.postgres.sqlstates import Rules, cannot_write, refusal_of_error

Result = TypeVar("Result")

MAX_ATTEMPTS = 5
"""Of one transaction. Sessions are ended one by one, and the next attempt may take another that ends."""
_TRANSIENT = (errors.DeadlockDetected, errors.SerializationFailure)


class Retries:
    """Runs transactions that may be repeated: each is a read, or a write that carries its own id."""

    def __init__(self, database: Database, breaker: CircuitBreaker, rules: Rules) -> None:
        self._database = database
        self._breaker = breaker
        self._rules = rules

    async def run(
        self,
        transaction: Callable[[], Coroutine[Any, Any, Result]],
        *,
        writes: bool,
        seconds: float | None = MAX_SECONDS,
        retry_locks: bool = False,
    ) -> Result:
        """Run `transaction`, and again after a transient error.

        writes: whether it matters that it may have been committed. seconds: of one attempt; None where it raises
        TimeoutError itself. retry_locks: also after a lock timeout. Raises RingfenceError: DatabaseUnavailable, or
        OutcomeUnknown where it may have been committed.
        """
        if not self._breaker.is_closed:
            raise DatabaseUnavailable("the database is unavailable")
        transient = (*_TRANSIENT, errors.LockNotAvailable) if retry_locks else _TRANSIENT
        in_doubt = False
        try:
            for attempt in range(1, MAX_ATTEMPTS + 1):
                try:
                    # In this task: a new one would take several more turns of a busy event loop.
                    async with asyncio.timeout(seconds):
                        result = await transaction()
                    self._breaker.record_contact()
                    return result
                except PoolTimeout:
                    # Overload, or an outage.
                    if await self._breaker.probe():
                        _give_up(in_doubt, StorageUnavailable("no connection to the database became free in time"))
                    _give_up(in_doubt, DatabaseUnavailable("the database is unavailable"))
                except TimeoutError:
                    await self._breaker.probe()
                    _give_up(writes, DatabaseUnavailable("the database did not answer in time"))
                except transient:
                    if attempt == MAX_ATTEMPTS:
                        raise
                except psycopg.Error as error:
                    if not cannot_write(error):
                        raise
                    is_lost = error.sqlstate is None or error.sqlstate.startswith(("08", "57P"))
                    # A lost session may have committed; a server that refused to write has not.
                    in_doubt = in_doubt or (writes and is_lost and not isinstance(error, StaleConnection))
                    if not await self._breaker.probe():
                        _give_up(in_doubt, DatabaseUnavailable("the database is unavailable"))
                    if attempt == MAX_ATTEMPTS:
                        raise
                    # A live connection that cannot write leads to a server that has become a standby, and so may the
                    # others: all of them are replaced.
                    await self._database.replace_connections(even_live_ones=not is_lost)
        except (psycopg.Error, UnicodeEncodeError) as error:
            _give_up(in_doubt, refusal_of_error(error, self._rules), error)
        raise AssertionError("the last attempt returns or raises")


def _give_up(in_doubt: bool, refusal: RingfenceError, cause: Exception | None = None) -> NoReturn:
    if in_doubt and isinstance(refusal, StorageUnavailable):
        raise OutcomeUnknown(
            "the connection was lost, and it is unknown whether this was stored: send it again with the same id"
        ) from cause
    raise refusal from cause
