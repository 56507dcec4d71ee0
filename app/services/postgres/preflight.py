"""Checks of a database before it is served: by this release, and with the role that the service connects as."""

import logging
from typing import LiteralString

from psycopg import AsyncConnection, errors

from app.database_url import encoding_fault
from app.model.refusals import RefusedToServe
from app.release import digest, fingerprints, schema_version
from app.services import calls
from app.services.audit_logger import ISOLATION_IS_BROKEN
from app.services.db import findings

logger = logging.getLogger("ringfence")

_NO_SCHEMA = "the database has no schema of ours"
_OLDER_SCHEMA = "the database's schema is behind this release"
_WRONG_ROLE = "the service's role may not read and write records"


class Preflight:
    """The checks, and what they have found out about the database.

    tenant_source: audit.tenant_source() of the first contact, "" before. rules: audit.record_rules(), by constraint.
    """

    def __init__(self, names_refused: str | None, begin: LiteralString = calls.BEGIN) -> None:
        """names_refused: why a role that names its own tenant is not served; None where it may be.

        begin: begins the transaction of a check.
        """
        self._names_refused = names_refused
        self._begin = begin
        self.tenant_source = ""
        self.rules: dict[str, tuple[str, str]] = {}

    async def quick_check(self, connection: AsyncConnection) -> None:
        """Check that the database takes writes, and that tenants come from where they did. Raises RefusedToServe."""
        await connection.execute(self._begin)
        ((source,),) = await (await connection.execute(calls.TENANT_SOURCE)).fetchall()
        await connection.execute(calls.COMMIT)
        self._check_source(source)

    async def full_check(self, connection: AsyncConnection) -> None:
        """Check release, isolation and role as well: after an outage it may be another server.

        Raises RefusedToServe when there is no schema or an older one, or when tenants are not kept apart.
        """
        if fault := encoding_fault(connection.info.parameter_status("server_encoding")):
            raise RefusedToServe(f"DATABASE_URL: {fault}")
        await connection.execute(self._begin)
        await _check_release(connection)
        try:
            if found := findings(await (await connection.execute(calls.ISOLATION_REPORT)).fetchall()):
                text = "the database does not keep tenants apart for this role: " + "; ".join(found)
                raise RefusedToServe(text, told=ISOLATION_IS_BROKEN)
            ((source,),) = await (await connection.execute(calls.TENANT_SOURCE)).fetchall()
        except errors.InsufficientPrivilege:
            text = "this role may not read and write records: connect as audit_app"
            raise RefusedToServe(text, told=_WRONG_ROLE) from None
        self._check_source(source)
        rules = await (await connection.execute(calls.RECORD_RULES)).fetchall()
        ((warning,),) = await (await connection.execute(calls.OUTDATED_SERVER)).fetchall()
        await connection.execute(calls.COMMIT)
        self.rules.update({constraint: (field, words) for constraint, field, words in rules})
        if warning and not self.tenant_source:
            logger.warning("%s", warning)
        self.tenant_source = source

    def _check_source(self, source: str) -> None:
        if self.tenant_source and source != self.tenant_source:
            raise RefusedToServe("tenants come from somewhere else by now: restart the service")
        if source == "header" and self._names_refused is not None:
            raise RefusedToServe(self._names_refused)


async def _check_release(connection: AsyncConnection) -> None:
    ours = fingerprints()
    try:
        ((version, found),) = await (await connection.execute(calls.SCHEMA_VERSION)).fetchall()
    except (errors.InvalidSchemaName, errors.UndefinedFunction):
        raise RefusedToServe(f"{_NO_SCHEMA}: run `make migrate`", told=_NO_SCHEMA) from None
    except errors.InsufficientPrivilege:
        raise RefusedToServe("the database does not let this role in: connect as audit_app", told=_WRONG_ROLE) from None
    if version < schema_version(ours) or (version == schema_version(ours) and found != digest(ours)):
        raise RefusedToServe(f"{_OLDER_SCHEMA}: run `make migrate`", told=_OLDER_SCHEMA)
    if version > schema_version(ours):
        logger.warning("the database's schema is ahead of this release: version %s", version)
