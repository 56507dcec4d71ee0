"""Stores records of history, each tenant's with a key of the scope import that lives as long as the import."""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import Connection, errors

Record = dict[str, Any]
Refusal = tuple[int, str]
"""The place of a record among those that were handed over, from 0, and why it is refused."""

_KEY_LIFETIME = timedelta(hours=1)
_MOST_LOSSES = 6
_PARTS = 10
"""Into so many is cut what follows a refused record, to find the next."""


class ImportStopped(Exception):
    """It cannot go on; the message says why. What is stored is stored, and is not stored again."""


class Keys:
    """Short-lived keys, one a tenant, issued and revoked as a member of audit_admin. None is ever shown."""

    def __init__(self, administrator: Connection[Any]) -> None:
        self._administrator = administrator
        self._keys: dict[str, tuple[str, float]] = {}
        self._issued: list[str] = []

    def tenants(self) -> set[str]:
        """Return the registered tenants."""
        return {row[0] for row in self._administrator.execute("SELECT * FROM audit.list_tenants()")}

    def create_tenant(self, tenant: str) -> None:
        """Register one more."""
        self._administrator.execute("SELECT audit.create_tenant(p_id => %(id)s)", {"id": tenant})

    def key_of(self, tenant: str) -> str:
        """Return a key that is good for some time yet."""
        key, until = self._keys.get(tenant, ("", 0.0))
        if time.monotonic() >= until:
            ((key,),) = self._administrator.execute(
                "SELECT audit.issue_api_key(p_tenant_id => %(tenant)s, p_label => 'import of history',"
                " p_scopes => ARRAY['import'], p_expires_at => %(expires_at)s)",
                {"tenant": tenant, "expires_at": datetime.now(UTC) + _KEY_LIFETIME},
            ).fetchall()
            self._issued.append(key.split("_")[1])
            self._keys[tenant] = key, time.monotonic() + _KEY_LIFETIME.total_seconds() / 2
        return key

    def revoke(self) -> None:
        """Revoke all that were issued."""
        for key_id in self._issued:
            self._administrator.execute("SELECT audit.revoke_api_key(p_id => %(id)s)", {"id": key_id})
        self._issued.clear()
        self._keys.clear()


class HistoryStore:
    """One connection as the service's role. Not for several threads at once."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._connection: Connection[Any] | None = None

    def connect(self) -> None:
        """Connect. Raises ImportStopped for a role that cannot import, and psycopg.OperationalError."""
        self._connection = psycopg.connect(self._database_url, autocommit=True, prepare_threshold=None)
        ((source,),) = self._connection.execute("SELECT audit.tenant_source()").fetchall()
        if source != "api_key":
            raise ImportStopped(
                "DATABASE_URL names a gateway's role; importing needs a member of audit_keyed (audit_app)"
            )

    def close(self) -> None:
        """Close the connection."""
        if self._connection:
            self._connection.close()

    def store(self, key: str, records: Sequence[Record]) -> list[Refusal]:
        """Store all that are not refused, and return those that are. Raises ImportStopped.

        What is there already is neither stored again nor refused; another record under the same id is.
        """
        refused: list[Refusal] = []
        parts = [(0, list(records))]
        while parts:
            first, part = parts.pop()
            refusal = self._store_all(key, part)
            if refusal is None:
                continue
            place, why = refusal
            refused.append((first + place, why))
            before, after = part[:place], part[place + 1 :]
            if before:
                parts.append((first, before))
            size = max(1, len(after) // _PARTS)
            parts += [(first + place + 1 + at, after[at : at + size]) for at in range(0, len(after), size)]
        return refused

    def _store_all(self, key: str, records: Sequence[Record]) -> Refusal | None:
        """Store all of `records` or none; return the first that is refused."""
        for loss in range(_MOST_LOSSES):
            try:
                if self._connection is None or self._connection.closed:
                    self.connect()
                assert self._connection
                with self._connection.transaction(), self._connection.pipeline():
                    self._connection.execute("SELECT audit.enter_tenant(p_api_key => %(key)s)", {"key": key})
                    self._connection.execute(
                        "SELECT audit.import_audit_logs(p_records => %(records)s::json)",
                        {"records": json.dumps(records)},
                    )
                return None
            except (errors.OperationalError, errors.InternalError) as error:
                if loss == _MOST_LOSSES - 1:
                    raise ImportStopped(f"the database does not answer: {_first_line(error)}") from error
                self.close()
                time.sleep(0.2 * 2**loss)
            except psycopg.Error as error:
                position = (error.diag.message_detail or "").removeprefix("record ")
                if not position.isdigit():
                    raise ImportStopped(f"the database refuses: {_first_line(error)}") from error
                column = f"{error.diag.column_name}: " if error.diag.column_name else ""
                return int(position) - 1, f"{column}{error.diag.message_primary}"
        raise AssertionError("the last attempt returns or raises")


def _first_line(error: psycopg.Error) -> str:
    return (error.diag.message_primary or str(error)).strip().splitlines()[0]
