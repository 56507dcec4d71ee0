"""Stores records of history, each tenant's with a key of the scope import that lives as long as the import."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import Connection, errors
from psycopg.conninfo import conninfo_to_dict

from app import database_url

Record = dict[str, Any]
Refusal = tuple[int, str]
"""The place of a record among those that were handed over, from 0, and why it is refused."""

_KEY_LIFETIME = timedelta(hours=1)
_MOST_LOSSES = 8
Result = TypeVar("Result")


@dataclass
class Outcome:
    """Of records that were handed over: how many were stored that were not there before, and which are refused."""

    stored: int
    refused: list[Refusal]


class ImportStopped(Exception):
    """It cannot go on; the message says why. What is stored is stored, and is not stored again."""


class _Session:
    """A connection to the database that a variable names, made anew when it is lost. For one thread at a time."""

    def __init__(self, variable: str, role: str) -> None:
        """Read the variable; role: whom it is to name, in words. Raises ImportStopped when it names no database."""
        try:
            self._url = database_url.from_environment(variable, f"the database, as {role}")
        except database_url.BadDatabaseUrl as error:
            raise ImportStopped(str(error)) from None
        self._variable = variable
        is_given = "connect_timeout" in conninfo_to_dict(self._url)
        self._options: dict[str, Any] = {} if is_given else {"connect_timeout": 10}
        self._connection: Connection[Any] | None = None

    def connect(self) -> Connection[Any]:
        """Return the connection. Raises psycopg.OperationalError."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._url, autocommit=True, prepare_threshold=None, **self._options)
            if found := database_url.encoding_fault(self._connection.info.parameter_status("server_encoding")):
                raise ImportStopped(f"{self._variable}: {found}")
        return self._connection

    def close(self) -> None:
        """Close the connection."""
        if self._connection:
            self._connection.close()

    def run(self, work: Callable[[Connection[Any]], Result], *, losses: int = _MOST_LOSSES) -> Result:
        """Do `work`, and again after each loss of the connection, for half a minute. Raises ImportStopped."""
        for loss in range(losses):
            try:
                return work(self.connect())
            except (errors.OperationalError, errors.InternalError) as error:
                self.close()
                if loss == losses - 1:
                    raise ImportStopped(f"the database does not answer: {first_line(error)}") from error
                time.sleep(0.2 * 2**loss)
        raise AssertionError("the last attempt returns or raises")


class Keys:
    """Short-lived keys, one a tenant, issued and revoked as a member of audit_admin. None is ever shown."""

    def __init__(self) -> None:
        """Connect to ADMIN_DATABASE_URL. Raises ImportStopped and psycopg.OperationalError."""
        self._session = _Session("ADMIN_DATABASE_URL", "a member of audit_admin")
        self._session.connect()
        self._keys: dict[str, tuple[str, float]] = {}
        self._issued: list[str] = []

    def tenants(self) -> set[str]:
        """Return the registered tenants."""
        rows = self._session.run(lambda connection: connection.execute("SELECT * FROM audit.list_tenants()").fetchall())
        return {row[0] for row in rows}

    def create_tenant(self, tenant: str) -> None:
        """Register one more, if it is not registered yet."""
        with suppress(errors.UniqueViolation):
            self._call("SELECT audit.create_tenant(p_id => %(id)s)", {"id": tenant})

    def key_of(self, tenant: str) -> str:
        """Return a key that is good for some time yet."""
        key, until = self._keys.get(tenant, ("", 0.0))
        if time.monotonic() >= until:
            key = self._call(
                "SELECT audit.issue_api_key(p_tenant_id => %(tenant)s, p_label => 'import of history',"
                " p_scopes => ARRAY['import'], p_expires_at => %(expires_at)s)",
                {"tenant": tenant, "expires_at": datetime.now(UTC) + _KEY_LIFETIME},
            )
            self._issued.append(key.split("_")[1])
            self._keys[tenant] = key, time.monotonic() + _KEY_LIFETIME.total_seconds() / 2
        return key

    def close(self) -> list[str]:
        """Revoke all that were issued, and return the public ids of those that could not be."""
        left: list[str] = []
        for key_id in self._issued:
            try:
                self._call("SELECT audit.revoke_api_key(p_id => %(id)s)", {"id": key_id}, losses=1 if left else 4)
            except (ImportStopped, psycopg.Error):
                left.append(key_id)
        self._session.close()
        return left

    def _call(self, statement: LiteralString, parameters: Mapping[str, Any], *, losses: int = _MOST_LOSSES) -> Any:
        ((value,),) = self._session.run(
            lambda connection: connection.execute(statement, parameters).fetchall(), losses=losses
        )
        return value


class HistoryStore:
    """One connection as the service's role. Not for several threads at once."""

    def __init__(self) -> None:
        """Connect to DATABASE_URL. Raises ImportStopped, for a role that cannot import too, and OperationalError."""
        self._session = _Session("DATABASE_URL", "audit_app")
        ((source,),) = self._session.connect().execute("SELECT audit.tenant_source()").fetchall()
        if source != "api_key":
            raise ImportStopped(
                "DATABASE_URL names a gateway's role; importing needs a member of audit_keyed (audit_app)"
            )

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def store(self, key: str, records: Sequence[Record]) -> Outcome:
        """Store all that are not refused. Raises ImportStopped.

        What is there already is neither stored again nor refused; another record under the same id is.
        """

        def work(connection: Connection[Any]) -> Any:
            with connection.transaction(), connection.pipeline():
                connection.execute("SELECT audit.enter_tenant(p_api_key => %(key)s)", {"key": key})
                result = connection.execute(
                    "SELECT audit.import_audit_log_batch(p_records => %(records)s::json)",
                    {"records": json.dumps(records)},
                )
            return result.fetchall()

        try:
            ((found,),) = self._session.run(work)
        except psycopg.Error as error:
            raise ImportStopped(f"the database refuses: {first_line(error)}") from error
        refusals = [(place, why) for place, why in enumerate(found["refusals"] or []) if why is not None]
        return Outcome(
            found["stored"],
            [(place, ": ".join(filter(None, (why["column"], why["message"])))) for place, why in refusals],
        )


def first_line(error: psycopg.Error) -> str:
    """Return the message of an error, without what stands around it."""
    lines = (error.diag.message_primary or str(error)).strip().splitlines()
    return lines[0] if lines else type(error).__name__
