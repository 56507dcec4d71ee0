"""Stores records of history, each tenant's with a key of the scope import that lives as long as the import."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, LiteralString

import psycopg
from psycopg import Connection, errors
from psycopg.conninfo import conninfo_to_dict

from app import database_url
from app.model.strict_json import dump

Record = dict[str, Any]
_KEY_LIFETIME = timedelta(hours=1)
_MAX_ATTEMPTS = 8
_ISSUE: LiteralString = (
    "SELECT audit.issue_api_key(p_tenant_id => %(tenant)s, p_label => 'import of history', p_scopes => ARRAY['import'],"
    " p_expires_at => now() + %(lifetime)s)"
)
_ENTER: LiteralString = "SELECT audit.enter_tenant(p_api_key => %(key)s)"
_IMPORT: LiteralString = "SELECT audit.import_audit_log_batch(p_records => %(records)s::json)"


@dataclass
class Outcome:
    """What became of records. stored: how many were not there before. refused: their positions, from 0, and why."""

    stored: int
    refused: list[tuple[int, str]]


class ImportStopped(Exception):
    """The import cannot go on; the message says why. A repeated import stores no record twice."""


class Session:
    """A connection to the database that a variable names, made anew when it is lost. For one thread at a time."""

    def __init__(self, variable: str, role: str) -> None:
        """Connect. role: the role that the variable should name, in words. Raises BadDatabaseUrl and psycopg.Error."""
        self._variable = variable
        url = database_url.from_environment(variable, f"the database, as {role}")
        self._options: dict[str, Any] = {"connect_timeout": 10, **conninfo_to_dict(url)}
        self._connection = self._connect()

    def _connect(self) -> Connection[Any]:
        connection = psycopg.connect(**self._options, autocommit=True, prepare_threshold=None)
        if found := database_url.encoding_fault(connection.info.parameter_status("server_encoding")):
            raise ImportStopped(f"{self._variable}: {found}")
        return connection

    def call(self, *calls: tuple[LiteralString, dict[str, Any]], attempts: int = _MAX_ATTEMPTS) -> list[Any]:
        """Run statements in one transaction and return the rows of the last.

        They are run again after each loss of the connection, for half a minute. Raises ImportStopped and psycopg.Error.
        """
        for attempt in range(attempts):
            try:
                if self._connection.closed:
                    self._connection = self._connect()
                with self._connection.transaction(), self._connection.pipeline():
                    *_, last = [self._connection.execute(*call) for call in calls]
                return last.fetchall()
            except (errors.OperationalError, errors.InternalError) as error:
                self._connection.close()
                lost = error
                if attempt < attempts - 1:
                    time.sleep(0.2 * 2**attempt)
        raise ImportStopped(f"the database does not answer: {database_url.first_line(lost)}") from lost

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Keys:
    """Short-lived keys, one a tenant, issued and revoked as a member of audit_admin. None is ever shown."""

    def __init__(self) -> None:
        """Connect to ADMIN_DATABASE_URL. Raises ImportStopped, BadDatabaseUrl and psycopg.Error."""
        self._session = Session("ADMIN_DATABASE_URL", "a member of audit_admin")
        self._keys: dict[str, tuple[str, float]] = {}
        self._issued: list[str] = []

    def tenants(self) -> set[str]:
        """Return the ids of the registered tenants."""
        return {tenant for (tenant,) in self._session.call(("SELECT id FROM audit.list_tenants()", {}))}

    def create_tenant(self, tenant: str) -> None:
        """Register a tenant, if it is not registered yet."""
        with suppress(errors.UniqueViolation):
            self._session.call(("SELECT audit.create_tenant(p_id => %(id)s)", {"id": tenant}))

    def key_of(self, tenant: str) -> str:
        """Return a key that stays valid for half of its lifetime at least."""
        key, until = self._keys.get(tenant, ("", 0.0))
        if time.monotonic() >= until:
            ((key,),) = self._session.call((_ISSUE, {"tenant": tenant, "lifetime": _KEY_LIFETIME}))
            self._issued.append(key.split("_")[1])
            self._keys[tenant] = key, time.monotonic() + _KEY_LIFETIME.total_seconds() / 2
        return key

    def close(self) -> list[str]:
        """Revoke all keys that were issued, and return the public ids of those that could not be revoked."""
        left: list[str] = []
        for key_id in self._issued:
            try:
                revoke: LiteralString = "SELECT audit.revoke_api_key(p_id => %(id)s)"
                self._session.call((revoke, {"id": key_id}), attempts=1 if left else 4)
            except (ImportStopped, psycopg.Error):
                left.append(key_id)
        self._session.close()
        return left


def service_session() -> Session:
    """Connect to DATABASE_URL. Raises ImportStopped, BadDatabaseUrl and psycopg.Error."""
    session = Session("DATABASE_URL", "audit_app")
    if session.call(("SELECT audit.tenant_source()", {})) != [("api_key",)]:
        raise ImportStopped("DATABASE_URL names a gateway's role; importing needs a member of audit_keyed (audit_app)")
    return session


def store(session: Session, key: str, records: Sequence[Record]) -> Outcome:
    """Store all records that are not refused. Raises ImportStopped.

    A record that is there already is neither stored again nor refused; another record under its id is refused.
    """
    try:
        ((found,),) = session.call((_ENTER, {"key": key}), (_IMPORT, {"records": dump(records)}))
    except psycopg.Error as error:
        raise ImportStopped(f"the database refuses: {database_url.first_line(error)}") from error
    refused = [
        (position, ": ".join(filter(None, (refusal["column"], refusal["message"]))))
        for position, refusal in enumerate(found["refusals"] or ())
        if refusal
    ]
    return Outcome(found["stored"], refused)
