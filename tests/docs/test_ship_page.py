"""The commands of docs/ship.md, run as they stand there, and its file, which the shipper takes."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.ship import destinations
from tests.conftest import TestDatabase
from tests.support import pages
from tests.support.calls import bearer
from tests.support.processes import running_service
from tests.support.receivers import SECRET, WebhookReceiver, receiving
from tests.support.sealing import seal
from tests.support.shell import Shell

PAGE = "docs/ship.md"


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with receiving(WebhookReceiver()) as receiver:
        yield receiver


def test_a_webhook_is_set_up_and_what_it_gets_is_genuine(
    shell: Shell, database: TestDatabase, receiver: WebhookReceiver
) -> None:
    issue, ship = pages.commands(PAGE, "Set up")
    printed = shell.run(issue)
    (key,) = re.findall(r"rf_[0-9a-f]{16}_[0-9a-f]{64}", printed)
    assert re.search(r"^SIEM_SECRET=whsec_[A-Za-z0-9+/]{43}=$", printed, re.MULTILINE)
    with running_service(database_url=database.url("audit_app")) as service:
        record = {"agent_id": "kyc", "mode": "LIVE", "status": "success"}
        writer = bearer(database.issue_api_key("acme"))
        assert service.http.post("/api/v1/audit/logs", headers=writer, json=[record] * 3).status_code == 201
        seal(database)
        shell.variables |= {
            "RINGFENCE_URL": str(service.http.base_url).rstrip("/"), "SIEM_URL": f"{receiver.url}/hook",
            "ACME_READ_KEY": key, "SIEM_SECRET": SECRET,
        }  # fmt: skip
        shell.run(ship)
    assert len(receiver.lines()) == 3

    ((_, headers, body),) = receiver.asked
    (verify,) = pages.commands(PAGE, "Verify a webhook")
    shell.variables |= {name: headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature")}
    (shell.folder / "body.ndjson").write_bytes(body)
    assert shell.run(verify) == "genuine\n"
    (shell.folder / "body.ndjson").write_bytes(body + b"\n")
    shell.run(verify, status=1)


def test_the_shipper_takes_the_file_that_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACME_READ_KEY", "SPLUNK_TOKEN", "ARCHIVE_KEY_ID", "ARCHIVE_SECRET"):
        monkeypatch.setenv(name, "t0ken")
    (shown,) = pages.shown(PAGE, "The file")
    (tmp_path / "destinations.toml").write_text(shown)
    assert destinations.load(tmp_path / "destinations.toml").keys() == {"splunk", "syslog", "archive"}


def test_the_tables_have_every_member_with_its_default() -> None:
    page = pages.read(PAGE)
    tables = (destinations.WebhookTable, destinations.SplunkTable, destinations.SyslogTable, destinations.S3Table)
    for table in (destinations.Entry, *tables):
        for name, field in table.model_fields.items():
            if name == "kind":
                continue
            rows = [row for row in page.splitlines() if row.startswith("|") and f"`{name}`" in row]
            assert rows, name
            if field.default is not None and not field.is_required():
                default = f"{field.default:g}" if isinstance(field.default, float) else str(field.default)
                default = default.lower() if isinstance(field.default, bool) else default
                assert any(default in row for row in rows), name
