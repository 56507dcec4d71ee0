"""Transactions that are begun again where that can help, and given up in time where it cannot."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, Protocol, TypeVar

import psycopg
from psycopg import errors
from psycopg_pool import PoolTimeout

from app.model.refusals import DatabaseAway, OutcomeUnknown, RingfenceError, StorageUnavailable
from app.services.postgres.circuit_breaker import Availability
from app.services.postgres.sqlstates import Refusals, cannot_write

Result = TypeVar("Result")

MOST_REPETITIONS = 3
"""Of one transaction. Sessions are ended one by one, and the next may be among them."""


class LostBeforeUse(errors.OperationalError):
    """The connection died while nobody used it."""


class ReplaceConnections(Protocol):
    """Replaces idle connections of the pool."""

    async def __call__(self, *, even_live_ones: bool) -> None:
        """Replace those that are dead, or all of them."""


class Repetition:
    """Runs transactions. Each may be repeated: it is a read, or a write that carries its own id."""

    def __init__(self, availability: Availability, refusals: Refusals, replace_connections: ReplaceConnections) -> None:
        self._availability = availability
        self._refusals = refusals
        self._replace_connections = replace_connections

    async def run(
        self, once: Callable[[], Coroutine[Any, Any, Result]], *, seconds: float | None, writes: bool
    ) -> Result:
        """Run `once`, and again on another connection where its own turns out to be dead.

        seconds: that `once` may take, and ten more until a server that does not answer has been told; None where it
        sees to that itself, by raising TimeoutError. writes: whether it matters if it was committed. Raises
        RingfenceError: DatabaseAway, or OutcomeUnknown where it was possibly committed and that could not be found out.
        """
        if not self._availability.is_up:
            raise DatabaseAway("the database is away")
        in_doubt = False
        try:
            for attempt in range(MOST_REPETITIONS + 1):
                is_last = attempt == MOST_REPETITIONS
                try:
                    # In the same task: another would wait its turns in a busy loop, and the server for it.
                    async with asyncio.timeout(seconds):
                        result = await once()
                    self._availability.note_contact()
                    return result
                except PoolTimeout:
                    # Too much to do, or nothing to do it with.
                    if await self._availability.check():
                        self._give_up(in_doubt, StorageUnavailable("no connection to the database became free in time"))
                    self._give_up(in_doubt, DatabaseAway("the database is away"))
                except TimeoutError:
                    await self._availability.check()
                    self._give_up(writes, DatabaseAway("the database did not answer in time"))
                except (errors.DeadlockDetected, errors.SerializationFailure):
                    if is_last:
                        raise
                except psycopg.Error as error:
                    if not cannot_write(error):
                        raise
                    is_lost = error.sqlstate is None or error.sqlstate.startswith(("08", "57P"))
                    # A session that was lost may have committed; a server that refused to write has not.
                    in_doubt = in_doubt or (writes and is_lost and not isinstance(error, LostBeforeUse))
                    if not await self._availability.check():
                        self._give_up(in_doubt, DatabaseAway("the database is away"))
                    if is_last:
                        raise
                    # A new connection can write, and this one lives and could not: it leads to a server that has become
                    # a standby, and so may others.
                    await self._replace_connections(even_live_ones=not is_lost)
        except (psycopg.Error, UnicodeEncodeError) as error:
            self._give_up(in_doubt, self._refusals.of_error(error), error)
        raise AssertionError("the last repetition returns or raises")

    def _give_up(self, in_doubt: bool, refusal: RingfenceError, cause: Exception | None = None) -> NoReturn:
        if in_doubt and isinstance(refusal, StorageUnavailable):
            raise OutcomeUnknown(
                "the connection was lost, and it is unknown whether this was stored: send it again with the same id"
            ) from cause
        raise refusal from cause
