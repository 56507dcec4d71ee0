"""The shipper as a real process, on a file of destinations and a directory of its own."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from app.ship.settings import ShipperSettings
from tests.conftest import TestDatabase
from tests.support.calls import bearer
from tests.support.processes import ROOT
from tests.support.receivers import SECRET
from tests.support.s3_server import BUCKET, KEY, S3Server
from tests.support.sealing import seal


@dataclass(frozen=True)
class Trail:
    """A running service, and a key of acme for it."""

    database: TestDatabase
    http: httpx.Client
    key: str

    @property
    def url(self) -> str:
        """The service's."""
        return str(self.http.base_url).rstrip("/")

    def write(self, records: int) -> None:
        """Write and seal records of acme."""
        bodies = [
            {"agent_id": "kyc", "mode": "LIVE", "status": "success", "user_id": f"user {n}"} for n in range(records)
        ]
        assert self.http.post("/api/v1/audit/logs", headers=bearer(self.key), json=bodies).status_code == 201
        seal(self.database)

    def lines(self, form: str = "ringfence") -> list[bytes]:
        """Return the whole feed of acme."""
        query: dict[str, str | int] = {"limit": 10_000, "format": form}
        answer = self.http.get("/api/v1/audit/feed", headers=bearer(self.key), params=query)
        *lines, last = answer.content.splitlines()
        assert json.loads(last)["has_more"] is False
        return lines


@dataclass
class ShipperAt:
    """folder: of its file and its directory. more: its settings beside them. secrets: its environment."""

    folder: Path
    service: str
    more: dict[str, object] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    def destination(self, name: str, to: dict[str, Any], **entry: Any) -> None:
        """Add a table for acme to its file."""
        table = {"tenant": "acme", "service": self.service, "key": {"env": "ACME_READ_KEY"}, **entry, "to": to}
        with (self.folder / "destinations.toml").open("a") as file:
            file.write(
                f"[destinations.{name}]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in table.items())
            )

    def webhook(self, url: str, name: str = "siem", **entry: Any) -> None:
        """Add a webhook."""
        to = {"kind": "webhook", "url": f"{url}/hook", "secret": {"env": "HOOK_SECRET"}, "seconds": 5}
        self.destination(name, to | entry.pop("to", {}), **entry)

    def s3(self, server: S3Server, name: str = "archive", to: dict[str, Any] | None = None, **entry: Any) -> None:
        """Add the bucket of a server."""
        self.secrets |= {f"S3_{member.upper()}": value for member, value in KEY.items()}
        secrets = {member: {"env": f"S3_{member.upper()}"} for member in KEY}
        at = {"kind": "s3", "bucket": BUCKET, "endpoint": server.url, **secrets}
        self.destination(name, at | (to or {}), **entry)

    def environment(self) -> dict[str, str]:
        """Return the environment that configures it and nothing else."""
        ours = {name.upper() for name in ShipperSettings.model_fields}
        settings = {
            "destinations_file": self.folder / "destinations.toml",
            "shipper_directory": self.folder / "positions",
        }
        return (
            {name: value for name, value in os.environ.items() if name not in ours}
            | {"HOOK_SECRET": SECRET}
            | self.secrets
            | {name.upper(): str(value) for name, value in (settings | self.more).items()}
        )

    def once(self) -> subprocess.CompletedProcess[str]:
        """Ship once; return how it ended."""
        return subprocess.run(
            [sys.executable, "-m", "app.ship", "--once"],
            cwd=ROOT, env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip

    def start(self, output: Any = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start it; the caller ends it."""
        return subprocess.Popen(
            [sys.executable, "-m", "app.ship"],
            cwd=ROOT, env=self.environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip

    @contextmanager
    def running(self) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
        """Run it until the block ends; yield the process and the file of what it prints."""
        with tempfile.NamedTemporaryFile(prefix="ringfence-shipper-") as output:
            process = self.start(output)
            try:
                yield process, Path(output.name)
            finally:
                process.kill()
                process.wait()

    def standing(self, name: str = "siem") -> dict[str, Any]:
        """Return what the file of a destination says."""
        found: dict[str, Any] = json.loads((self.folder / "positions" / f"{name}.json").read_text())
        return found


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + "}"
    return json.dumps(value if isinstance(value, (int, float)) else str(value))
