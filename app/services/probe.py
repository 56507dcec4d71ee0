"""Looks at the database over a connection of its own, which no pool has a say in."""

from collections.abc import Mapping
from typing import Any, LiteralString

import psycopg
from psycopg import AsyncConnection

from app.database_url import encoding_fault
from app.services.bounded import bounded
from app.services.database_check import RefusedToServe, refuse_unless_servable

_MOST_SECONDS = 3.0


class Probe:
    """Says whether the database can be written to, and, once it has been away, whether it may still be served."""

    def __init__(self, database_url: str, options: Mapping[str, Any], begin: LiteralString) -> None:
        """options: of the connection, as libpq and psycopg have them. begin: the start of a transaction that writes."""
        self._database_url = database_url
        self._options = {**options, "connect_timeout": 2}
        self._begin = begin
        self.tenant_source = ""

    async def first_look(self) -> None:
        """Learn where tenants come from. Raises RefusedToServe, and psycopg.OperationalError when it cannot connect."""
        self.tenant_source = await self._look()

    async def what_is_wrong(self, *, was_away: bool) -> str | None:
        """Return what keeps a new connection from writing, or None. It may be another server, where it `was_away`."""
        try:
            source = await bounded(self._look() if was_away else self._glance(), _MOST_SECONDS)
        except TimeoutError:
            return "it does not answer"
        except RefusedToServe as refusal:
            return str(refusal)
        except (psycopg.Error, OSError) as error:
            return (str(error).splitlines() or [type(error).__name__])[0]
        except Exception as error:  # whatever it is, the next probe must follow
            return type(error).__qualname__
        return None if source == self.tenant_source else "tenants come from somewhere else by now: restart the service"

    async def _look(self) -> str:
        async with await AsyncConnection.connect(self._database_url, **self._options) as connection:
            if fault := encoding_fault(connection.info.parameter_status("server_encoding")):
                raise RefusedToServe(f"DATABASE_URL: {fault}")

            async def rows(statement: LiteralString) -> list[tuple[Any, ...]]:
                return await (await connection.execute(statement)).fetchall()

            await connection.execute(self._begin)  # refused by a server that only reads
            source = await refuse_unless_servable(rows)
            await connection.execute("COMMIT")
            return source

    async def _glance(self) -> str:
        async with await AsyncConnection.connect(self._database_url, **self._options) as connection:
            await connection.execute(self._begin)
            ((source,),) = await (await connection.execute("SELECT audit.tenant_source()")).fetchall()
            await connection.execute("COMMIT")
            return str(source)
