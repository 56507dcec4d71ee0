"""Running python -m app.import_jsonl on a file of old records."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import TestDatabase
from tests.support.processes import ROOT

RECORD = {
    **{"tenant_id": "acme", "agent_id": "kyc", "mode": "LIVE", "status": "success"},
    "created_at": "2026-01-02T03:04:05.123456Z",
}


class Importing:
    """Runs the command on one file."""

    def __init__(self, database: TestDatabase, file: Path, role: str = "audit_app") -> None:
        self.database, self.file = database, file
        self.environment = os.environ | {
            "DATABASE_URL": database.url(role),
            "ADMIN_DATABASE_URL": database.url("postgres"),
        }

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "app.import_jsonl", "--json", *arguments, str(self.file)]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )

    def run_for_people(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it without --json."""
        command = [each for each in self.command(*arguments) if each != "--json"]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, errors="replace", check=False
        )

    def report(self, *arguments: str, status: int = 0) -> dict[str, Any]:
        ended = self.run(*arguments)
        assert ended.returncode == status, ended.stderr + ended.stdout
        found: dict[str, Any] = json.loads(ended.stdout)
        return found

    def stored(self) -> list[tuple[Any, ...]]:
        return self.database.execute("SELECT * FROM audit.audit_logs ORDER BY created_at, id")

    def keys_left(self) -> int:
        return len(self.database.execute("SELECT 1 FROM audit.api_keys WHERE revoked_at IS NULL"))


def write(file: Path, *lines: Any) -> None:
    file.write_bytes(b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines))
