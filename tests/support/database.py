"""A migrated database of a test's own."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import Connection
from psycopg.sql import SQL, Identifier


@dataclass(frozen=True)
class TestDatabase:
    """One test's own database."""

    __test__ = False

    administrator: Connection[Any]

    def url(self, role: str = "audit_gateway", **parameters: str) -> str:
        """Return its URL for `role`, with further parameters of libpq."""
        info = self.administrator.info
        more = "".join(f"&{name}={quote(value)}" for name, value in parameters.items())
        return f"postgresql://{role}@/{info.dbname}?host={info.host}&port={info.port}{more}"

    def execute(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run `statement` as the administrator; return its rows."""
        cursor = self.administrator.execute(statement.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []

    def create_tenant(self, name: str) -> str:
        """Register one more tenant and return it."""
        self.execute("SELECT audit.create_tenant(p_id => %s)", name)
        return name

    def issue_api_key(self, tenant: str, *scopes: str, **more: Any) -> str:
        """Issue a key for `tenant`, by default with every scope; `more` may hold expires_at."""
        ((key,),) = self.execute(
            "SELECT audit.issue_api_key(p_tenant_id => %s, p_label => 'test', p_scopes => %s, p_expires_at => %s)",
            tenant,
            list(scopes) or ["read", "write"],
            more.get("expires_at"),
        )
        return str(key)

    def end_sessions(self) -> int:
        """End every other session of this database; return how many there were."""
        return sum(
            ended
            for (ended,) in self.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        )

    def go_down(self) -> None:
        """End every session and refuse new ones, as if the server were gone."""
        self._let_in(allowed=False)
        self.end_sessions()

    def come_up(self) -> None:
        """Let sessions in again."""
        self._let_in(allowed=True)

    def _let_in(self, *, allowed: bool) -> None:
        info = self.administrator.info
        with psycopg.connect(host=info.host, port=info.port, user=info.user, dbname="postgres") as elsewhere:
            name = Identifier(info.dbname)
            elsewhere.execute(SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}").format(name, allowed))
