"""A service with a spool, its database, and a key that has been seen at work."""

from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from pydantic import SecretStr

from app.model.uuid_v7 import uuid_v7
from tests.conftest import Serve, TestDatabase
from tests.support.calls import bearer
from tests.support.polling import eventually
from tests.support.spool_directory import dead_letters, spooled_lines

LOGS = "/api/v1/audit/logs"


class Bank:
    """A service with a spool, its database, and a key of acme that has been seen at work."""

    def __init__(self, serve: Serve, database: TestDatabase, directory: Path, **settings: Any) -> None:
        self.database, self.directory = database, directory
        self.key = database.issue_api_key("acme")
        self.client: TestClient = serve(
            database_url=SecretStr(database.url("audit_app")), spool=True, spool_path=directory, **settings
        )

    def execute(self, key: str | None = None, **body: Any) -> Any:
        return self.client.post(
            "/api/v1/agents/credit-scoring/execute", headers=bearer(key or self.key), json={"input": {}} | body
        )

    def send(self, *records: dict[str, Any], key: str | None = None, **headers: str) -> Any:
        body: Any = records[0] if len(records) == 1 else list(records)
        return self.client.post(LOGS, headers=bearer(key or self.key) | headers, json=body)

    def be_known(self, key: str | None = None) -> str:
        """Have a record stored with the key; return the record's id."""
        answer = self.execute(key)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def lose_database(self) -> None:
        self.database.go_down()
        eventually(lambda: self.client.get(LOGS, headers=bearer(self.key)).status_code == 503)

    def get_database_back(self) -> None:
        self.database.come_up()
        eventually(lambda: not self.spooled())

    def spooled(self) -> list[bytes]:
        return spooled_lines(self.directory)

    def dead_letters(self) -> list[dict[str, Any]]:
        return dead_letters(self.directory)

    def stored(self) -> dict[str, tuple[str, datetime]]:
        rows = self.database.execute("SELECT id::text, tenant_id, created_at FROM audit.audit_logs")
        return {record_id: (tenant, created_at) for record_id, tenant, created_at in rows}


def record(**fields: Any) -> dict[str, Any]:
    return {"id": str(uuid_v7()), "agent_id": "kyc", "mode": "LIVE", "status": "success"} | fields
