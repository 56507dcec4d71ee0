"""python -m app.retain, run as a process: pruning by a member of audit_retention, erasing by one of audit_eraser."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from app import retain
from tests.conftest import CreateRole, TestDatabase
from tests.support.admin_command import ENVIRONMENT
from tests.support.aged_records import kept, write_aged
from tests.support.polling import eventually
from tests.support.sealing import seal

COMMAND = (sys.executable, "-m", "app.retain")
JANE = "jane.doe@bank.example"
REFERENCE = ("--reference", "request 7")


@pytest.fixture
def environment(database: TestDatabase, create_role: CreateRole) -> dict[str, str]:
    """The variables of the command, for two logins that may do what it does, and no more."""
    return ENVIRONMENT | {
        "RETENTION_DATABASE_URL": database.url(create_role(member_of=("audit_retention",))),
        "ERASER_DATABASE_URL": database.url(create_role(member_of=("audit_eraser",))),
    }


def run(environment: dict[str, str], *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run it with `given` on standard input."""
    return subprocess.run(
        [*COMMAND, *arguments], env=environment, input=given, capture_output=True, text=True, timeout=60, check=False
    )


def start(environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(COMMAND, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def set_terms(database: TestDatabase, tenant: str = "acme", live: int | None = 365, dry_run: int | None = 30) -> None:
    database.execute("SELECT audit.set_retention(%s, %s, %s)", tenant, live, dry_run)


def hold(database: TestDatabase, tenant: str = "acme", user: str | None = None) -> None:
    database.execute("SELECT audit.place_hold(%s, 'a lawsuit', 'case 7', %s)", tenant, user)


def test_once_prunes_what_is_due_says_how_much_and_ends(database: TestDatabase, environment: dict[str, str]) -> None:
    set_terms(database)
    write_aged(database, count=3)
    write_aged(database, days=100)
    write_aged(database, days=100, mode="DRY_RUN")
    write_aged(database, "globex", count=2)  # which has no terms

    ended = run(environment, "--once")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.endswith("Z  4 records pruned\n")
    assert (kept(database), kept(database, "globex")) == (1, 2)
    assert run(environment, "--once").stdout == "nothing to prune\n"


def test_once_waits_for_a_transaction_that_has_the_tree_locked(
    database: TestDatabase, environment: dict[str, str]
) -> None:
    set_terms(database)
    write_aged(database)
    with psycopg.connect(database.url("postgres")) as sealing:
        sealing.execute("SELECT FROM audit.trees WHERE tenant_id = 'acme' FOR UPDATE")
        process = subprocess.Popen([*COMMAND, "--once"], env=environment, stdout=subprocess.PIPE, text=True)
        eventually(lambda: has_called(database))
        assert kept(database) == 1
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "1 records pruned" in printed
    assert kept(database) == 0


def has_called(database: TestDatabase) -> bool:
    """Whether a call of the command has ended, and the command waits."""
    return bool(
        database.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle'"
            " AND application_name = 'ringfence-retain' AND query LIKE '%prune_records%'",
        )
    )


def test_a_dry_run_says_what_is_due_and_deletes_nothing(database: TestDatabase, environment: dict[str, str]) -> None:
    set_terms(database)
    write_aged(database, count=3)
    write_aged(database, days=40, mode="DRY_RUN", user_id=JANE)
    hold(database, user=JANE)

    as_json = run(environment, "--dry-run", "--json")
    assert as_json.returncode == 0, as_json.stderr
    dry_run, live = json.loads(as_json.stdout)
    assert (live["tenant_id"], live["mode"], live["due"], live["held"], live["unsealed"]) == ("acme", "LIVE", 3, 0, 0)
    assert live["first_created_at"] == live["last_created_at"]
    assert (dry_run["mode"], dry_run["due"], dry_run["held"]) == ("DRY_RUN", 0, 1)

    header, *rows = run(environment, "--dry-run").stdout.splitlines()
    assert header.split()[:3] == ["tenant_id", "mode", "due"]
    assert [row.split()[:3] for row in rows] == [["acme", "DRY_RUN", "0"], ["acme", "LIVE", "3"]]
    assert kept(database) == 4


def test_until_it_is_stopped_it_prunes_and_then_reports(database: TestDatabase, environment: dict[str, str]) -> None:
    set_terms(database)
    write_aged(database, count=3)
    process = start(environment)
    try:
        eventually(lambda: kept(database) == 0)
    finally:
        process.send_signal(signal.SIGTERM)
        printed, complained = process.communicate(timeout=30)
    assert process.returncode == 0
    assert printed.endswith("Z  3 records pruned\n")
    assert complained == "pruning\n"


def test_it_begins_again_after_an_outage(database: TestDatabase, environment: dict[str, str]) -> None:
    set_terms(database)
    write_aged(database)
    database.go_down()
    process = start(environment)
    try:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("waiting for the database: ")
        assert kept(database) == 1
        database.come_up()
        eventually(lambda: kept(database) == 0)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_a_tenant_that_fails_is_named_and_the_others_are_pruned(
    database: TestDatabase, environment: dict[str, str]
) -> None:
    for tenant in ("acme", "globex"):
        set_terms(database, tenant)
        write_aged(database, tenant)
    database.execute("UPDATE audit.trees SET root = sha256('') WHERE tenant_id = 'acme'")

    ended = run(environment, "--once")

    assert ended.returncode == 1
    assert "left out: acme: " in ended.stdout
    assert "(RF009)" in ended.stdout
    assert (kept(database), kept(database, "globex")) == (1, 0)


def test_after_a_call_that_pruned_it_pauses_for_half_as_long_as_that_took(
    database: TestDatabase, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call prunes batches of 5,000 records until its time is up, which it is here after one."""
    set_terms(database)
    write_aged(database, count=6_000)
    monkeypatch.setattr("app.retain._MILLISECONDS", 1)
    url = environment["RETENTION_DATABASE_URL"]
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        pruning = retain.Pruning(connection)
        began = time.monotonic()
        pause = pruning.work()
        took = time.monotonic() - began
        assert (pruning.records, pruning.is_done) == (5_000, False)
        assert took / 4 < pause <= took / 2
        while not pruning.is_done:
            pause = pruning.work()
        assert pause == 60
    assert kept(database) == 0


def private_part(database: TestDatabase, record: str) -> tuple[Any, ...]:
    ((*found,),) = database.execute("SELECT user_id, error, context FROM audit.audit_logs WHERE id = %s::uuid", record)
    return tuple(found)


def references(database: TestDatabase) -> list[tuple[str, str]]:
    """Return the acts of erasing, and the references of their requests."""
    found = database.execute(
        "SELECT act, detail ->> 'reference' FROM audit.admin_events WHERE act LIKE '% erased' ORDER BY id"
    )
    return [(str(act), str(reference)) for act, reference in found]


def test_a_person_is_erased_by_an_id_that_is_neither_an_argument_nor_printed(
    database: TestDatabase, environment: dict[str, str], tmp_path: Path
) -> None:
    (hers,) = write_aged(database, days=1, user_id=JANE, error="no such account")
    (approved,) = write_aged(database, days=1, user_id="john", context={"approver": JANE})
    (other,) = write_aged(database, days=1, user_id="john")

    ended = run(environment, "erase-user", "acme", *REFERENCE, given=f"{JANE}\n")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "2 records erased; 0 held, 0 not sealed yet\n"
    assert private_part(database, hers) == private_part(database, approved) == (None, None, None)
    assert private_part(database, other)[0] == "john"

    file = tmp_path / "user"
    file.write_text("john\n")
    again = run(environment, "erase-user", "acme", *REFERENCE, "--user-file", str(file), "--json")
    assert json.loads(again.stdout) == [{"erased": 1, "held": 0, "unsealed": 0}]
    assert private_part(database, other)[0] is None
    assert references(database) == [("person erased", "request 7")] * 2


def test_erasing_goes_on_where_a_call_has_ended(
    database: TestDatabase,
    environment: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A call reads pages of 5,000 records until its time is up, which it is here after one."""
    (first,) = write_aged(database, days=9, user_id=JANE, sealed=False)
    write_aged(database, days=8, count=6_000, sealed=False)
    (last,) = write_aged(database, days=7, user_id=JANE)
    file = tmp_path / "user"
    file.write_text(JANE)
    monkeypatch.setattr("app.retain._MILLISECONDS", 1)
    monkeypatch.setattr("sys.argv", ["retain", "erase-user", "acme", *REFERENCE, "--user-file", str(file)])
    monkeypatch.setenv("ERASER_DATABASE_URL", environment["ERASER_DATABASE_URL"])

    assert retain.main() == 0

    assert capsys.readouterr().out == "2 records erased; 0 held, 0 not sealed yet\n"
    assert private_part(database, first)[0] is private_part(database, last)[0] is None
    assert database.execute("SELECT count(*) FROM audit.admin_events WHERE act = 'person erased'") == [(2,)]


def test_what_is_held_or_not_sealed_is_not_erased_and_the_status_says_so(
    database: TestDatabase, environment: dict[str, str]
) -> None:
    write_aged(database, days=1, user_id=JANE)
    hold(database, user=JANE)
    held = run(environment, "erase-user", "acme", *REFERENCE, given=JANE)
    assert (held.returncode, held.stdout) == (1, "0 records erased; 1 held, 0 not sealed yet\n")
    assert held.stderr == "A legal hold keeps records of this person. Erase them when it is released.\n"

    write_aged(database, "globex", days=1, user_id=JANE, sealed=False)
    unsealed = run(environment, "erase-user", "globex", *REFERENCE, given=JANE)
    assert (unsealed.returncode, unsealed.stdout) == (1, "0 records erased; 0 held, 1 not sealed yet\n")
    assert unsealed.stderr == "Records are erased once they are sealed, which takes seconds. Run the same again.\n"
    seal(database)
    assert run(environment, "erase-user", "globex", *REFERENCE, given=JANE).returncode == 0


def test_one_record_is_erased_unless_it_is_held(database: TestDatabase, environment: dict[str, str]) -> None:
    one, other = write_aged(database, days=1, count=2, user_id=JANE)

    erased = run(environment, "erase-record", "acme", one, *REFERENCE)
    assert (erased.returncode, erased.stdout, erased.stderr) == (0, "erased\n", "")
    assert private_part(database, one) == (None, None, None)
    assert private_part(database, other)[0] == JANE
    assert references(database) == [("record erased", "request 7")]

    hold(database)
    held = run(environment, "erase-record", "acme", other, *REFERENCE)
    assert (held.returncode, held.stdout, held.stderr) == (1, "", "a legal hold keeps this record\n")
    assert run(environment, "erase-record", "acme", one, *REFERENCE).returncode == 1


@pytest.mark.parametrize(
    ("arguments", "given", "status", "told"),
    [
        (["erase-user", "acme", *REFERENCE], "", 1, "standard input holds no user's id: it is empty"),
        (["erase-user", "acme", *REFERENCE], "\n", 1, "it is empty"),
        (["erase-user", "acme", *REFERENCE], "ja\0ne", 1, "it has a NUL character"),
        (["erase-user", "acme", *REFERENCE, "--user-file", "/nonexistent"], "", 2, "the file cannot be read"),
        (
            ["erase-user", "acme", *REFERENCE, "--user-file", "/dev/null"],
            "",
            2,
            "the file holds no user's id: it is empty",
        ),
        (["erase-user", "acme", JANE, *REFERENCE], "", 2, "unrecognized arguments"),
        (["erase-user", "nobody", *REFERENCE], "jane", 1, "the tenant is not registered"),
        (["erase-record", "acme", "no-uuid", *REFERENCE], "", 2, "invalid UUID"),
        (["erase-record", "acme", "0" * 32, *REFERENCE], "", 1, "the tenant has no record of this id"),
        (["erase-record", "nobody", "0" * 32, *REFERENCE], "", 1, "the tenant is not registered"),
        (["--dry-run", "erase-user", "acme", *REFERENCE], "jane", 1, "--once and --dry-run are about pruning"),
        (["erase-user", "acme"], "jane", 2, "the following arguments are required: --reference"),
        (["erase-record", "acme", "0" * 32], "", 2, "the following arguments are required: --reference"),
        (["erase-user", "acme", "--reference", ""], "jane", 1, "a reference of 1 to 200 characters"),
        (["erase-user", "acme", "--reference", "of Jane"], "jane", 1, "a reference does not name the person"),
        (["erase-record", "acme", "0" * 32, "--reference", "x" * 201], "", 1, "a reference of 1 to 200 characters"),
        (["--dry-run", "--once"], "", 2, "not allowed with argument"),
    ],
)
def test_what_it_cannot_do_is_one_line(
    database: TestDatabase, environment: dict[str, str], arguments: list[str], given: str, status: int, told: str
) -> None:
    (record,) = write_aged(database, days=1, user_id="jane")
    refused = run(environment, *arguments, given=given)
    assert (refused.returncode, refused.stdout) == (status, "")
    assert len(refused.stderr.splitlines()) == 1
    assert told in refused.stderr
    assert private_part(database, record)[0] == "jane"


def test_an_id_that_is_no_text_is_not_repeated(environment: dict[str, str]) -> None:
    refused = subprocess.run(
        [*COMMAND, "erase-user", "acme", *REFERENCE],
        env=environment,
        input=b"jane\xff",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (refused.returncode, refused.stdout) == (1, b"")
    assert refused.stderr == b"standard input holds no user's id: it is not UTF-8\n"


@pytest.mark.parametrize("role", ["audit_app", "audit_gateway"])
def test_a_login_of_the_service_prunes_and_erases_nothing(
    database: TestDatabase, environment: dict[str, str], role: str
) -> None:
    set_terms(database)
    write_aged(database, user_id=JANE)
    as_service = environment | dict.fromkeys(("RETENTION_DATABASE_URL", "ERASER_DATABASE_URL"), database.url(role))
    for arguments in (["--once"], [], ["--dry-run"], ["erase-user", "acme", *REFERENCE]):
        refused = run(as_service, *arguments, given=JANE)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "permission denied for function " in refused.stderr
        assert JANE not in refused.stderr
    assert kept(database) == 1
    assert run(environment, "--once").returncode == 0
    assert kept(database) == 0


def test_the_login_that_prunes_erases_nobody_and_the_one_that_erases_prunes_nothing(
    database: TestDatabase, environment: dict[str, str]
) -> None:
    set_terms(database)
    write_aged(database, user_id=JANE)
    swapped = environment | {
        "RETENTION_DATABASE_URL": environment["ERASER_DATABASE_URL"],
        "ERASER_DATABASE_URL": environment["RETENTION_DATABASE_URL"],
    }
    for arguments in (["--once"], ["--dry-run"], ["erase-user", "acme", *REFERENCE]):
        refused = run(swapped, *arguments, given=JANE)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "permission denied for function " in refused.stderr
    assert "1 records erased" in run(environment, "erase-user", "acme", *REFERENCE, given=JANE).stdout
    assert run(environment, "--once").returncode == 0
    assert kept(database) == 0
