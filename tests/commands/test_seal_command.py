"""python -m app.seal, run as a process: sealing as a job of its own, and new epochs after a restore or a failover."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import CreateRole, TestDatabase
from tests.support.admin_command import ENVIRONMENT
from tests.support.polling import eventually
from tests.support.sealing import seal, sealed_and_signed, verify_note

COMMAND = (sys.executable, "-m", "app.seal")


@pytest.fixture
def environment(database: TestDatabase, create_role: CreateRole) -> dict[str, str]:
    """The variables of the command, for logins that may do what it does, and no more."""
    return ENVIRONMENT | {
        "SEALER_DATABASE_URL": database.url(create_role(member_of=("audit_sealer",))),
        "ADMIN_DATABASE_URL": database.url(create_role(member_of=("audit_admin",))),
    }


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def write(database: TestDatabase, tenant: str = "acme", count: int = 1) -> None:
    with psycopg.connect(database.url()) as connection:
        connection.execute("SELECT audit.set_tenant(%s)", [tenant])
        for _ in range(count):
            connection.execute(
                "SELECT audit.insert_audit_log(p_agent_id => 'kyc', p_mode => 'DRY_RUN', p_status => 'success')"
            )


def sealed(database: TestDatabase, tenant: str = "acme") -> int:
    ((count,),) = database.execute(
        "SELECT count(*) FROM audit.seals WHERE tenant_id = %s AND record_id IS NOT NULL", tenant
    )
    return int(count)


def test_once_seals_what_is_due_says_how_much_and_ends(database: TestDatabase, environment: dict[str, str]) -> None:
    write(database, count=3)
    write(database, "globex", 2)

    def due() -> str:  # other tests' transactions may hold it up
        ended = run(environment, "--once")
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    printed = ""

    def all_sealed() -> bool:
        nonlocal printed
        printed += due()
        return sealed(database) == 3 and sealed(database, "globex") == 2

    eventually(all_sealed)
    assert " records sealed; " in printed
    assert "acme" not in printed
    assert due() == "nothing to seal\n"


def test_it_names_what_holds_it_up(database: TestDatabase, environment: dict[str, str]) -> None:
    with psycopg.connect(database.url("postgres")) as writer:
        (number,) = writer.execute("SELECT pg_backend_pid() FROM pg_current_xact_id()").fetchone() or (0,)
        write(database)
        ended = run(environment, "--once")
        assert f"held up by transaction of pid {number}, role postgres in database " in ended.stdout
        assert sealed(database) == 0

    def is_sealed() -> bool:
        return run(environment, "--once").returncode == 0 and sealed(database) == 1

    eventually(is_sealed)


def test_until_it_is_stopped_it_seals_and_then_reports(database: TestDatabase, environment: dict[str, str]) -> None:
    process = subprocess.Popen(COMMAND, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        for expected in (1, 2):
            write(database)
            eventually(lambda expected=expected: sealed(database) == expected)  # type: ignore[misc]
    finally:
        process.send_signal(signal.SIGTERM)
        printed, complained = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "2 records sealed; " in printed
    assert complained == "sealing\n"


def test_it_goes_on_after_an_outage(database: TestDatabase, environment: dict[str, str]) -> None:
    process = subprocess.Popen(COMMAND, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        write(database)
        eventually(lambda: sealed(database) == 1)
        database.go_down()
        database.come_up()
        write(database)
        eventually(lambda: sealed(database) == 2)
    finally:
        process.send_signal(signal.SIGTERM)
        _, complained = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "waiting for the database: " in complained


def test_a_broken_tree_is_named_and_the_others_are_sealed(database: TestDatabase, environment: dict[str, str]) -> None:
    write(database)
    seal(database)
    database.execute("UPDATE audit.trees SET root = sha256('') WHERE tenant_id = 'acme'")
    write(database)
    write(database, "globex")

    def others_are_sealed() -> Any:
        ended = run(environment, "--once")
        return sealed(database, "globex") == 1 and ended

    ended = eventually(others_are_sealed)
    assert ended.returncode == 1
    assert "left out: acme: " in ended.stdout
    assert "(RF009)" in ended.stdout
    assert sealed(database) == 1
    ended = run(environment, "--once")  # also where nothing else is due
    assert ended.returncode == 1
    assert "left out: acme: " in ended.stdout


def test_a_login_that_is_told_nothing_is_refused(database: TestDatabase, environment: dict[str, str]) -> None:
    ended = run(environment | {"SEALER_DATABASE_URL": database.url("audit_app")}, "--once")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "connect as a member of audit_sealer" in ended.stderr


def test_a_new_epoch_says_that_nothing_is_lost_and_which_leaves_are(
    database: TestDatabase, environment: dict[str, str], tmp_path: Path
) -> None:
    write(database, count=3)
    size, root = verify_note(sealed_and_signed(database), "acme")
    write(database)  # sealed by the command itself
    known = tmp_path / "known.json"
    head = {"tenant_id": "acme", "epoch": 1, "size": size, "root": root.hex()}
    known.write_text(json.dumps([head]))

    def begun(*arguments: str) -> str:
        """Other tests' transactions may be writing: then the database refuses."""
        found: Any = eventually(
            lambda: (
                (ended := run(environment, "begin-epoch", "--reason", "restore", *arguments)).returncode == 0 and ended
            )
        )
        return str(found.stdout)

    assert begun("--known", str(known)) == "a new epoch has begun for 2 tenants\n  nothing that was signed is lost\n"
    assert sealed(database) == 4

    lost = {**head, "epoch": 2, "size": 9}
    known.write_text(json.dumps([lost, {**lost, "tenant_id": "initech", "epoch": 1, "size": 7}]))
    assert begun("--known", str(known)).splitlines() == [
        "a new epoch has begun for 2 tenants",
        "  acme: 8 leaves are lost, of 9 that were signed in epoch 2",
        "  initech: the tenant is lost, with 7 leaves of epoch 1",
    ]
    assert "so no loss can be told" in begun("--nothing-known")
    (statement,) = database.execute(
        "SELECT line FROM audit.seals WHERE tenant_id = 'acme' AND epoch = 3 AND leaf_index = 0"
    )
    assert json.loads(statement[0])["known_size"] == 9


def test_a_new_epoch_is_refused_while_others_write(database: TestDatabase, environment: dict[str, str]) -> None:
    with psycopg.connect(database.url("postgres")) as writer:
        writer.execute("SELECT pg_current_xact_id()")
        write(database)  # a later transaction has ended: the new epoch would begin after both
        ended = run(environment, "begin-epoch", "--reason", "failover", "--nothing-known")
        assert ended.returncode == 1
        assert "other transactions are writing; Stop the service" in ended.stderr
    eventually(lambda: run(environment, "begin-epoch", "--reason", "failover", "--nothing-known").returncode == 0)


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["begin-epoch", "--reason", "restore"], 2, "--known --nothing-known is required"),
        (["begin-epoch", "--nothing-known"], 2, "--reason"),
        (["begin-epoch", "--reason", "boredom", "--nothing-known"], 2, "invalid choice"),
        (["begin-epoch", "--reason", "restore", "--known", "/nonexistent"], 1, "No such file"),
        (["begin-epoch", "--reason", "restore", "--known", "pyproject.toml"], 1, "not a JSON array"),
    ],
)
def test_what_is_not_said_is_not_guessed(
    database: TestDatabase, environment: dict[str, str], arguments: list[str], status: int, told: str
) -> None:
    ended = run(environment, *arguments)
    assert ended.returncode == status
    assert told in ended.stderr
    assert database.execute("SELECT count(*) FROM audit.trees WHERE epoch > 1") == [(0,)]


def test_an_administrator_does_not_seal_and_a_sealer_begins_no_epoch(environment: dict[str, str]) -> None:
    exchanged = environment | {
        "SEALER_DATABASE_URL": environment["ADMIN_DATABASE_URL"],
        "ADMIN_DATABASE_URL": environment["SEALER_DATABASE_URL"],
    }
    for arguments in (["--once"], ["begin-epoch", "--reason", "restore", "--nothing-known"]):
        ended = run(exchanged, *arguments)
        assert ended.returncode == 1
        assert "permission denied" in ended.stderr


def test_it_wants_its_variable(environment: dict[str, str]) -> None:
    ended = run({"PATH": os.environ["PATH"], "PYTHONPATH": environment["PYTHONPATH"]}, "--once")
    assert (ended.returncode, ended.stderr) == (
        1, "set SEALER_DATABASE_URL to the database, as a member of audit_sealer\n"
    )  # fmt: skip
