"""python -m app.admin: view links are issued, listed and revoked."""

import json
import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import CreateRole, TestDatabase
from tests.support.admin_command import Admin, command_of


@pytest.fixture
def admin(database: TestDatabase, create_role: CreateRole) -> Admin:
    return command_of(database.url(create_role(member_of=("audit_admin",))))


def listed(admin: Admin, *arguments: str) -> Any:
    """Return the links as the command lists them for programs."""
    finished = admin("--json", "list-view-links", *arguments)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def open_link(database: TestDatabase, link: str) -> list[tuple[Any, ...]]:
    """Open a link as the service does; return the keys that it opens."""
    with psycopg.connect(database.url("audit_app"), autocommit=True) as app:
        return app.execute("SELECT audit.open_view_link(%s)", [link.rpartition("/")[2]]).fetchall()


def test_a_link_is_shown_once_and_opens_a_key_that_shows_what_was_said(
    admin: Admin, database: TestDatabase, tmp_path: Path
) -> None:
    user = tmp_path / "user"
    user.write_text("jane\n")
    issued = admin(
        "issue-view-link", "--tenant", "acme", "--label", "Auditor", "--url", "https://audit.example/",
        "--agent-id", "credit-scoring", "--trace-id", "t", "--user-file", str(user), "--mode", "LIVE",
        "--status", "success", "--start-time", "2026-01-01T01:00:00+01:00", "--end-time", "2026-02-01T00:00:00Z",
    )  # fmt: skip
    link = issued.stdout.strip()

    assert re.fullmatch(r"https://audit\.example/view/open/rfl_[0-9a-f]{16}_[0-9a-f]{64}", link)
    assert issued.stderr == "Keep it now: it is not shown again, and it works once.\n"
    secret = link.rpartition("_")[2]
    (waiting,) = listed(admin, "--tenant", "acme")
    assert waiting["restriction"] == {
        "agent_id": "credit-scoring", "trace_id": "t", "user_id": "jane", "mode": "LIVE", "status": "success",
        "start_time": "2026-01-01T00:00:00.000000Z", "end_time": "2026-02-01T00:00:00.000000Z",
    }  # fmt: skip
    assert (waiting["label"], waiting["status"], waiting["key_seconds"]) == ("Auditor", "valid", 8 * 3600)
    ((days,),) = database.execute("SELECT extract(epoch FROM expires_at - created_at) / 86400 FROM audit.view_links")
    assert days == 7
    assert secret not in admin("list-view-links").stdout + str(database.execute("TABLE audit.view_links"))
    assert "jane" not in admin("list-events", "--limit", "1000").stdout

    assert len(open_link(database, link)) == 1
    assert open_link(database, link) == []
    (opened,) = listed(admin)
    assert (opened["status"], opened["refused"], opened["id"]) == ("opened", 1, waiting["id"])
    keys = json.loads(admin("--json", "list-keys", "--tenant", "acme").stdout)
    assert [(key["id"], key["restriction"]) for key in keys] == [(opened["api_key_id"], waiting["restriction"])]
    assert admin("revoke-key", opened["api_key_id"]).stdout == "revoked\n"


def test_without_an_address_the_path_is_printed_and_without_filters_the_whole_tenant_is_shown(
    admin: Admin, database: TestDatabase
) -> None:
    issued = admin("--json", "issue-view-link", "--tenant", "acme", "--link-expires-in", "90m", "--expires-in", "12h")
    ((link,),) = [row.values() for row in json.loads(issued.stdout)]

    assert link.startswith("/view/open/rfl_")
    found = database.execute("SELECT restriction, label, key_seconds, expires_at - created_at FROM audit.view_links")
    assert [(*row[:3], row[3].total_seconds()) for row in found] == [(None, "auditor", 12 * 3600, 90 * 60)]
    assert len(open_link(database, link)) == 1


def test_a_link_is_revoked_unless_it_was_opened(admin: Admin, database: TestDatabase) -> None:
    links = [admin("issue-view-link", "--tenant", "acme").stdout.strip() for _ in range(2)]
    ids = [link.split("_")[1] for link in links]
    assert len(open_link(database, links[1])) == 1

    assert admin("revoke-view-link", ids[0]).stdout == "revoked\n"
    assert open_link(database, links[0]) == []
    for public_id in (*ids, "0123456789abcdef"):
        refused = admin("revoke-view-link", public_id)
        assert refused.returncode == 1
        assert refused.stderr == ("no link of this id is left to revoke; a key that it opened is revoked as a key\n")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--tenant", "nobody"], "the tenant is not registered"),
        (["--tenant", "acme", "--expires-in", "13h"], "The key that a link opens lives at most 12 hours."),
        (["--tenant", "acme", "--label", ""], "A link's label has 1 to 200 characters."),
        (["--tenant", "acme", "--agent-id", ""], "A restriction has at least one of start_time, end_time,"),
        (["--tenant", "acme", "--agent-id", "x" * 129], "A restriction has at least one of start_time, end_time,"),
        (
            ["--tenant", "acme", "--start-time", "2026-02-01T00:00:00Z", "--end-time", "2026-01-01T00:00:00Z"],
            "A restriction has at least one of start_time, end_time,",
        ),
    ],
)  # fmt: skip
def test_what_the_database_refuses_is_said_in_one_line(
    admin: Admin, database: TestDatabase, arguments: list[str], reason: str
) -> None:
    refused = admin("issue-view-link", *arguments)

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(reason)
    assert len(refused.stderr.splitlines()) == 1
    assert database.execute("SELECT FROM audit.view_links") == []


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["--tenant", "acme", "--expires-in", "0s"], ["--tenant", "acme", "--link-expires-in", "0d"],
        ["--tenant", "acme", "--link-expires-in", "soon"], ["--tenant", "acme", "--mode", "live"],
        ["--tenant", "acme", "--status", "done"], ["--tenant", "acme", "--start-time", "2026-01-01"],
        ["--tenant", "acme", "--user-id", "jane"], ["--tenant", "acme", "--user-file", "/nowhere"],
        *(["--tenant", "acme", "--url", url] for url in (
            "audit.example", "ftp://audit.example", "https://", "https://a/?b", "https://a/#b", "https://me@a", "https://a:x",
        )),
    ],
)  # fmt: skip
def test_what_no_link_can_be_made_of_is_refused_with_status_2(
    admin: Admin, database: TestDatabase, arguments: list[str]
) -> None:
    refused = admin("issue-view-link", *arguments)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert len(refused.stderr.splitlines()) == 1
    assert database.execute("SELECT FROM audit.view_links") == []
