"""python -m app.admin for retention: terms, legal holds, and tenants that leave."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import CreateRole, TestDatabase
from tests.support.admin_command import Admin, command_of
from tests.support.aged_records import kept, write_aged
from tests.support.sealing import seal, sign

JANE = "jane.doe@bank.example"
HOLD = ("place-hold", "acme", "--reason", "r", "--reference", "7")
NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def admin(database: TestDatabase, create_role: CreateRole) -> Admin:
    return command_of(database.url(create_role(member_of=("audit_admin",))))


def answer(finished: subprocess.CompletedProcess[str]) -> Any:
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def acts(database: TestDatabase) -> list[str]:
    return [act for (act,) in database.execute("SELECT act FROM audit.admin_events ORDER BY id DESC LIMIT 5")]


def terms(admin: Admin) -> list[tuple[str, int | None, int | None]]:
    listed = answer(admin("list-retention", "--json"))
    return [(row["tenant_id"], row["live_days"], row["dry_run_days"]) for row in listed]


def place(admin: Admin, *conditions: str, tenant: str = "acme") -> str:
    (placed,) = answer(
        admin("place-hold", tenant, "--reason", "a lawsuit", "--reference", "case 7", *conditions, "--json")
    )
    return str(placed["hold"])


def test_terms_are_set_listed_and_recorded(admin: Admin, database: TestDatabase) -> None:
    assert terms(admin) == []

    said = admin("set-retention", "acme", "--live-days", "2555", "--dry-run-days", "30")
    assert (said.returncode, said.stdout, said.stderr) == (0, "set\n", "")
    assert answer(admin("set-retention", "globex", "--live-days", "forever", "--dry-run-days", "90", "--json")) == []

    assert terms(admin) == [("acme", 2555, 30), ("globex", None, 90)]
    assert acts(database)[:2] == ["retention set", "retention set"]
    header, acme, globex = admin("list-retention").stdout.splitlines()
    assert header.split() == ["tenant_id", "live_days", "dry_run_days", "set_at", "pruned_at"]
    assert (acme.split()[:3], globex.split()[:3]) == (["acme", "2555", "30"], ["globex", "-", "90"])


def test_a_term_that_is_not_given_stays_as_it_is(admin: Admin) -> None:
    admin("set-retention", "acme", "--live-days", "400", "--dry-run-days", "30")

    admin("set-retention", "acme", "--live-days", "500")
    assert terms(admin) == [("acme", 500, 30)]
    admin("set-retention", "acme", "--dry-run-days", "forever")
    assert terms(admin) == [("acme", 500, None)]
    admin("set-retention", "globex", "--dry-run-days", "7")
    assert ("globex", None, 7) in terms(admin)


def test_a_hold_is_placed_on_what_is_named_and_listed(admin: Admin, database: TestDatabase, tmp_path: Path) -> None:
    file = tmp_path / "user"
    file.write_text(f"{JANE}\n")
    since, until = "2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00"
    conditions = ["--user-file", str(file), "--agent", "kyc", "--trace", "4711", "--since", since, "--until", until]

    placed = place(admin, *conditions)
    other = place(admin, tenant="globex")

    assert acts(database)[:2] == ["hold placed", "hold placed"]
    (listed,) = answer(admin("list-holds", "--tenant", "acme", "--json"))
    assert (listed["id"], listed["status"], listed["reason"], listed["reference"]) == (
        placed, "held", "a lawsuit", "case 7",
    )  # fmt: skip
    assert (listed["user_id"], listed["agent_id"], listed["trace_id"]) == (JANE, "kyc", "4711")
    assert (listed["start_time"], listed["end_time"]) == (since, until)
    assert [row["id"] for row in answer(admin("list-holds", "--json"))] == [placed, other]
    assert admin("list-holds").stdout.splitlines()[0].split()[:4] == ["id", "tenant_id", "status", "user_id"]


def test_a_hold_keeps_records_until_it_is_released(admin: Admin, database: TestDatabase) -> None:
    admin("set-retention", "acme", "--live-days", "365")
    write_aged(database, days=400)
    placed = admin("place-hold", "acme", "--reason", "a lawsuit", "--reference", "case 7").stdout.strip()
    database.execute("SELECT audit.prune_records(10000)")
    assert kept(database) == 1

    released = admin("release-hold", placed, "--reason", "settled")
    assert (released.returncode, released.stdout, released.stderr) == (0, "released\n", "")

    (listed,) = answer(admin("list-holds", "--json"))
    assert (listed["status"], listed["release_reason"]) == ("released", "settled")
    database.execute("SELECT audit.prune_records(10000)")
    assert kept(database) == 0


def test_where_two_release_a_hold_another_login_confirms(
    admin: Admin, database: TestDatabase, create_role: CreateRole
) -> None:
    database.execute("SELECT audit.set_retention_rules(183, true)")
    placed = place(admin)

    asked = admin("release-hold", placed, "--reason", "settled")
    assert (asked.returncode, asked.stdout) == (0, "release asked\n")
    assert asked.stderr == "The hold stays until another login confirms it: confirm-release.\n"
    alone = admin("confirm-release", placed)
    assert (alone.returncode, alone.stdout) == (1, "")
    assert alone.stderr == "a release is confirmed by another login than the one that asked\n"
    assert answer(admin("list-holds", "--json"))[0]["status"] == "release asked"

    second = command_of(database.url(create_role(member_of=("audit_admin",))))
    confirmed = second("confirm-release", placed)
    assert (confirmed.returncode, confirmed.stdout) == (0, "released\n")
    assert answer(admin("list-holds", "--json"))[0]["status"] == "released"
    assert answer(admin("release-hold", place(admin), "--reason", "settled", "--json")) == [
        {"outcome": "release asked"}
    ]


def test_what_is_left_of_a_tenant_that_leaves_is_a_table_and_a_status(admin: Admin, database: TestDatabase) -> None:
    admin("set-retention", "acme", "--live-days", "365")
    write_aged(database, days=400)
    (key,) = answer(admin("list-keys", "--tenant", "acme", "--json"))

    left = admin("offboard", "acme")
    assert (left.returncode, left.stderr) == (1, "")
    header, *steps = left.stdout.splitlines()
    assert header.split() == ["step", "done", "detail"]
    assert [step.split("  ")[0] for step in steps] == [
        "take its last evidence export",
        "revoke its keys",
        "set its terms",
        "release its holds",
        "prune its records",
        "keep its last checkpoint",
    ]
    as_json = admin("offboard", "acme", "--json")
    assert as_json.returncode == 1
    assert {step["step"]: step["is_done"] for step in json.loads(as_json.stdout)} == {
        "take its last evidence export": False,
        "revoke its keys": False,
        "set its terms": True,
        "release its holds": True,
        "prune its records": False,
        "keep its last checkpoint": False,
    }

    admin("revoke-key", key["id"])
    database.execute("SELECT audit.prune_records(10000)")
    sign(database, "acme")
    database.execute(
        "INSERT INTO audit.admin_events (id, act, tenant_id, actor, created_at, detail)"
        " SELECT audit.uuid_v7(), 'records exported', 'acme', 'test', now(),"
        " jsonb_build_object('format', 'evidence', 'epoch', 1, 'size', 99)"
    )
    done = admin("offboard", "acme")
    assert (done.returncode, " no " in done.stdout) == (0, False), done.stdout
    assert re.search(
        r"^take its last evidence export +begun +the last was begun at .*; verify it", done.stdout, re.MULTILINE
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["set-retention", "acme", "--live-days", "182"], "LIVE records are kept at least 183 days"),
        (["set-retention", "acme"], "nothing was set: give --live-days, --dry-run-days, or both"),
        (["set-retention", "nobody", "--live-days", "400"], "Terms are set for a tenant that is registered."),
        (["place-hold", "nobody", "--reason", "r", "--reference", "7"], "the tenant is not registered"),
        (
            ["place-hold", "acme", "--reason", "", "--reference", "7"],
            "A hold and its release have a reason of 1 to 500",
        ),
        (["place-hold", "acme", "--reason", "r", "--reference", ""], "A hold's reference has 1 to 200 characters."),
        (
            [*HOLD, "--agent", "x" * 1025],
            "A hold's user, agent and trace have 1 to 1,024 characters.",
        ),
        (
            [*HOLD, "--since", "2026-01-02T00:00Z", "--until", "2026-01-02T00:00Z"],
            "A hold's start_time lies before its end_time.",
        ),
        (["release-hold", NOBODY, "--reason", "settled"], "no hold of this id is left to release"),
        (["confirm-release", NOBODY], "no release of a hold of this id waits to be confirmed"),
        (["offboard", "nobody"], "the tenant is not registered"),
    ],
)
def test_a_refusal_is_one_plain_line_and_leaves_no_event(
    admin: Admin, database: TestDatabase, arguments: list[str], told: str
) -> None:
    before = acts(database)
    refused = admin(*arguments)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert len(refused.stderr.splitlines()) == 1
    assert told in refused.stderr
    assert acts(database) == before


@pytest.mark.parametrize(
    ("option", "days"),
    [("--dry-run-days", "0"), *(("--live-days", days) for days in ("-1", "36501", "1.5", "\u0663", "9" * 5000, ""))],
)
def test_days_that_are_no_term_are_refused_in_words(admin: Admin, option: str, days: str) -> None:
    refused = admin("set-retention", "acme", f"{option}={days}")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.endswith(f"argument {option}: a number of days from 1 to 36500, or forever\n")
    assert terms(admin) == []
    assert admin("set-retention", "acme", f"{option}=36500").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["place-hold", "acme", "--reference", "7"], "--reason"),
        (["place-hold", "acme", "--reason", "r"], "--reference"),
        ([*HOLD, "--since", "2026-01-01"], "--since"),
        ([*HOLD, "--user", JANE], "--user-file"),
        (["release-hold", NOBODY], "--reason"),
        (["release-hold", "seven", "--reason", "settled"], "the id that list-holds shows"),
    ],
)
def test_a_command_line_that_lacks_something_is_refused(admin: Admin, arguments: list[str], told: str) -> None:
    refused = admin(*arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert told in refused.stderr
    assert JANE not in refused.stderr
    assert answer(admin("list-holds", "--json")) == []


def test_an_administrator_places_holds_and_neither_prunes_nor_erases(
    admin: Admin, database: TestDatabase, create_role: CreateRole
) -> None:
    seal(database)
    operator = database.url(create_role(member_of=("audit_admin",)))
    for call in (
        "prune_records()",
        "count_due_records()",
        f"erase_user('acme', '{JANE}', 'request')",
        f"erase_record('acme', '{NOBODY}', 'request')",
    ):
        with psycopg.connect(operator) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"SELECT audit.{call}".encode())
    place(admin)
