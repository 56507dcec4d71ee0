"""Whether this database may be served: by this release, and for the role that it is reached with."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, LiteralString

from psycopg import errors

from app.model.refusals import RefusedToServe
from app.release import digest, fingerprints, schema_version
from app.services.audit_logger import ISOLATION_IS_BROKEN

logger = logging.getLogger("ringfence")
Rows = Callable[[LiteralString], Awaitable[list[tuple[Any, ...]]]]

_NO_SCHEMA = "the database has no schema of ours"
_OLDER_SCHEMA = "the database's schema is behind this release"
_WRONG_ROLE = "the service's role may not read and write records"


async def findings(rows: Rows) -> list[str]:
    """Return what audit.isolation_report() finds against this role's isolation; rows: runs a statement."""
    report = await rows("SELECT * FROM audit.isolation_report()")
    return [f"{rule}: {finding}" for rule, intact, finding in report if not intact]


async def refuse_unless_servable(rows: Rows) -> str:
    """Return on whose word a transaction gets its tenant; rows: runs a statement.

    Raises RefusedToServe when there is no schema or an older one, or when tenants are not kept apart.
    """
    try:
        await _refuse_unless_current(rows)
        if found := await findings(rows):
            raise RefusedToServe(
                "the database does not keep tenants apart for this role: " + "; ".join(found), told=ISOLATION_IS_BROKEN
            )
        ((source,),) = await rows("SELECT audit.tenant_source()")
        return str(source)
    except errors.InsufficientPrivilege:
        raise RefusedToServe(
            "this role may not read and write records: connect as audit_app", told=_WRONG_ROLE
        ) from None


async def _refuse_unless_current(rows: Rows) -> None:
    ours = fingerprints()
    try:
        version, found = (await rows("SELECT * FROM audit.schema_version()"))[0]
    except (errors.InvalidSchemaName, errors.UndefinedFunction):
        raise RefusedToServe(f"{_NO_SCHEMA}: run `make migrate`", told=_NO_SCHEMA) from None
    except errors.InsufficientPrivilege:
        raise RefusedToServe("the database does not let this role in: connect as audit_app", told=_WRONG_ROLE) from None
    if version < schema_version(ours) or (version == schema_version(ours) and found != digest(ours)):
        raise RefusedToServe(f"{_OLDER_SCHEMA}: run `make migrate`", told=_OLDER_SCHEMA)
    if version > schema_version(ours):
        logger.warning("the database's schema is ahead of this release: version %s", version)
