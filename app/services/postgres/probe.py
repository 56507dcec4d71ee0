"""Checks the database over a connection of its own, outside the pool."""

import logging
from collections.abc import Mapping
from typing import Any, LiteralString

from psycopg import AsyncConnection

from app.database_url import encoding_fault
from app.model.refusals import RefusedToServe
from app.services.audit_logger import ISOLATION_IS_BROKEN
from app.services.concurrency.deadline import bounded
from app.services.postgres.outages import Outage, reason
from app.services.postgres.preflight import refuse_unless_servable
from app.telemetry.metrics import ISOLATION_INTACT

logger = logging.getLogger("ringfence")

_MAX_SECONDS = 3.0
_MAX_SECONDS_OF_ALL_CHECKS = 10.0
"""The isolation report takes some milliseconds, and longer on a server that has just started."""


class Probe:
    """Says whether the database can be written to, and, after an outage, whether it may still be served.

    tenant_source: audit.tenant_source() of the first contact, "" before. rules: audit.record_rules(), by constraint.
    """

    def __init__(
        self, database_url: str, options: Mapping[str, Any], begin: LiteralString, *, names_refused: str | None
    ) -> None:
        """options: of the connection, as libpq and psycopg have them. begin: the start of a transaction that writes.

        names_refused: why no role may be served that names its own tenant; None where it may.
        """
        self._database_url = database_url
        self._options = {**options, "connect_timeout": 2}
        self._begin = begin
        self._names_refused = names_refused
        self.tenant_source = ""
        self.rules: dict[str, tuple[str, str]] = {}

    async def first_outage(self) -> Outage | None:
        """Make all checks; return what keeps the service from using the database, or None.

        Raises RefusedToServe for what waiting does not heal (app/services/postgres/outages.py).
        """
        try:
            await bounded(self._check_all(), _MAX_SECONDS_OF_ALL_CHECKS)
        except Exception as error:
            found = reason(error)
            if isinstance(found, RefusedToServe):
                raise found from None
            return found
        return None

    async def outage(self, *, was_unavailable: bool) -> Outage | None:
        """Return what keeps a new connection from writing, or None. It may be another server after an outage."""
        try:
            if was_unavailable:
                await bounded(self._check_all(), _MAX_SECONDS_OF_ALL_CHECKS)
            else:
                await bounded(self._quick_check(), _MAX_SECONDS)
        except Exception as error:  # whatever it is, the next probe must follow
            found = reason(error)
            if not isinstance(found, RefusedToServe):
                return found
            if found.told == ISOLATION_IS_BROKEN:
                ISOLATION_INTACT.set(False)
            return Outage(found.told, str(found))
        return None

    async def _check_all(self) -> None:
        async with await AsyncConnection.connect(self._database_url, **self._options) as connection:
            if fault := encoding_fault(connection.info.parameter_status("server_encoding")):
                raise RefusedToServe(f"DATABASE_URL: {fault}")

            async def rows(statement: LiteralString) -> list[tuple[Any, ...]]:
                return await (await connection.execute(statement)).fetchall()

            await connection.execute(self._begin)  # refused by a standby
            source = await refuse_unless_servable(rows)
            self._refuse_source(source)
            rules = await rows("SELECT * FROM audit.record_rules()")
            ((warning,),) = await rows("SELECT audit.outdated_server()")
            await connection.execute("COMMIT")
        self.rules.update({constraint: (field, words) for constraint, field, words in rules})
        if warning and not self.tenant_source:
            logger.warning("%s", warning)
        self.tenant_source = source

    async def _quick_check(self) -> None:
        async with await AsyncConnection.connect(self._database_url, **self._options) as connection:
            await connection.execute(self._begin)
            ((source,),) = await (await connection.execute("SELECT audit.tenant_source()")).fetchall()
            await connection.execute("COMMIT")
        self._refuse_source(source)

    def _refuse_source(self, source: str) -> None:
        if self.tenant_source and source != self.tenant_source:
            raise RefusedToServe("tenants come from somewhere else by now: restart the service")
        if source == "header" and self._names_refused is not None:
            raise RefusedToServe(self._names_refused)
