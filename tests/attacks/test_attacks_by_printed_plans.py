"""No function that runs as its owner gives a secret away by failing first and then having its plans printed.

An error inside a simple expression of PL/pgSQL makes the next run of it in the same transaction a query, whose plan
holds the values of its variables; any session can have its plans printed. So each function is called in ways that fail,
in a block that swallows the error, and then again in the same transaction with every plan printed to the caller.
"""

import fcntl
import hashlib
import hmac
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection, sql

from tests.conftest import CreateRole, TestDatabase
from tests.support.attacker import Attack, attacking
from tests.support.failing_calls import BAD, CALLS, INTERNAL, KEYS, LINE
from tests.support.grown_trees import grow, sign
from tests.support.listening import found_in, listen
from tests.support.old_records import set_terms, write
from tests.support.view_links import issue_view_link

PRINT_PLANS = """
    SET LOCAL client_min_messages = log; SET LOCAL debug_print_parse = on; SET LOCAL debug_print_rewritten = on;
    SET LOCAL debug_print_plan = on; SET LOCAL debug_pretty_print = off; SET LOCAL plpgsql.print_strict_params = on;
    SET LOCAL plan_cache_mode = force_custom_plan"""
SWALLOWED = "DO $do$ BEGIN PERFORM {}; EXCEPTION WHEN OTHERS THEN NULL; END $do$"
# What is in force beside the call. All of these can be set by anybody.
ENTERED = (
    "SELECT audit.enter_tenant(current_setting('app.own'));"
    " SELECT audit.continue_export(audit.begin_export(current_setting('app.own')))"
)
SETTINGS = [
    "SELECT set_config('app.tenant_id', 'globex', true)",
    f"SELECT set_config('app.tenant_id', {BAD}, true), set_config('app.scope', {BAD}, true)",
    "SELECT set_config('app.tenant_id', 'globex', true), set_config('app.scopes', 'read,write,replay', true),"
    " set_config('app.proof', '1:1:x:' || repeat('0', 64), true)",
    f"SELECT set_config('app.tenant_id', {BAD}, true), set_config('app.scopes', 'read,write', true),"
    " set_config('app.proof', '1:1:1:' || repeat('0', 64), true)",
]


@pytest.fixture
def attack(database: TestDatabase) -> Iterator[Attack]:
    # Both tenants have something to prove. There, functions hold the hashes and salts of one tenant alone.
    for tenant in ("acme", "globex"):
        for epoch in (1, 2):
            sign(database, tenant, epoch, grow(database, tenant, 1, epoch))
    # A record that is due, a hold, and one whose release another login has asked for.
    set_terms(database, 200)
    write(database, "201 days")
    for reference in ("held", "release asked"):
        database.execute("SELECT audit.place_hold('acme', 'reason', %s)", reference)
    database.execute(
        "UPDATE audit.legal_holds SET release_asked_by = 'another', release_asked_at = now()"
        " WHERE reference = 'release asked'"
    )
    with attacking(database) as attack:
        yield attack


def line_of_globex(attack: Attack) -> str:
    """Return what a forger would have replayed: a record of globex, said to be sent with its key."""
    public_id = attack.keys["globex"].split("_")[1]
    return json.dumps(
        {
            "id": "01900000-0000-7000-8000-000000000001", "tenant_id": "globex", "agent_id": "a", "mode": "LIVE",
            "status": "error", "created_at": "2026-01-01T00:00:00Z", "api_key_id": public_id,
        }
    )  # fmt: skip


def session_of(
    attack: Attack, database: TestDatabase, login: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[Connection[Any], list[str]]:
    """Open a session that has app.bad from its start, and the settings that the calls name; listen to it."""
    monkeypatch.setenv("PGOPTIONS", "-c app.bad=\udcff")
    session = psycopg.connect(database.url(login), autocommit=True)
    monkeypatch.delenv("PGOPTIONS")
    session.prepare_threshold = None  # a prepared statement has a plan already
    for name, value in {
        "app.globex": attack.keys["globex"].split("_")[1],
        "app.own": attack.issue_key("acme", "read", "write", "import"),
        "app.spare": attack.issue_key("acme"),
        "app.line": line_of_globex(attack),
        "app.link": issue_view_link(database, "acme"),
        "app.other_link": issue_view_link(database, "acme").split("_")[1],
    }.items():
        session.execute("SELECT set_config(%s, %s, false)", [name, value])
    return session, listen(session)


def secrets_of(attack: Attack) -> dict[str, bytes]:
    """Return what no caller may be told, by name: every column that holds bytes, and what can be made with them."""
    columns = attack.administrator.execute(
        "SELECT a.attrelid::regclass::text, a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid"
        " WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind = 'r' AND a.atttypid = 'bytea'::regtype"
        " AND NOT a.attisdropped AND c.relname IN ('api_keys', 'proof_secrets', 'view_links')"
    ).fetchall()
    assert ("audit.api_keys", "secret_sha256") in columns
    assert ("audit.view_links", "token_sha256") in columns
    assert len(columns) >= 4
    secrets: dict[str, bytes] = {}
    for table, column in columns:
        rows = attack.administrator.execute(
            sql.SQL("SELECT id::text, {} FROM {}").format(sql.Identifier(column), sql.SQL(table))
        ).fetchall()
        secrets |= {f"{table}.{column} of {name}": bytes(value) for name, value in rows}
    secret = attack.keys["globex"].split("_")[2]
    line = line_of_globex(attack).encode()
    return secrets | {
        "globex's key": secret.encode(),
        "the signature of a forged line": hmac.digest(hashlib.sha256(secret.encode()).digest(), line, "sha256"),
    }


def definers(database: TestDatabase) -> list[str]:
    """Return the names of the functions that run as their owner."""
    return [
        name
        for (name,) in database.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'audit'::regnamespace AND prosecdef ORDER BY proname"
        )
    ]


def tried(session: Connection[Any], statement: str) -> list[Any]:
    """Run a statement under a savepoint that is undone; return its first column, nothing where it fails."""
    session.execute("SAVEPOINT attempt")
    try:
        rows = session.execute(statement.encode()).fetchall()
    except (psycopg.Error, UnicodeDecodeError):
        rows = []
    session.execute("ROLLBACK TO attempt")
    return [row[0] for row in rows]


def fail_and_call_again(session: Connection[Any], calls: list[str], preparation: str) -> list[Any]:
    """Make each call fail first, and then all of them again with plans printed; return what they answered."""
    answers = []
    for failing in calls:
        session.execute("BEGIN")
        tried(session, "SELECT 1")
        session.execute("SAVEPOINT prepared")
        try:
            session.execute(preparation.encode())
        except psycopg.Error:  # not for this login, which goes on without
            session.execute("ROLLBACK TO prepared")
        session.execute(SWALLOWED.format(failing).encode())
        session.execute(PRINT_PLANS.encode())
        answers += [answer for call in calls for answer in tried(session, f"SELECT {call}")]
        session.execute("ROLLBACK")
    return answers


@pytest.fixture
def logins(create_role: CreateRole) -> list[str]:
    groups = ("admin", "sealer", "signer", "retention", "eraser")
    return ["audit_app", "audit_gateway", *(create_role(member_of=(f"audit_{group}",)) for group in groups)]


def test_every_function_that_runs_as_its_owner_is_tried(database: TestDatabase) -> None:
    assert definers(database) == sorted([*CALLS, *INTERNAL])


@pytest.mark.parametrize("function", sorted(CALLS))
def test_a_call_that_failed_and_is_made_again_prints_no_secret(
    attack: Attack, database: TestDatabase, logins: list[str], monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    calls = [f"audit.{function}({arguments})" for arguments in CALLS[function]]
    served = 0
    for login in logins:
        ((may_call,),) = database.execute(
            "SELECT has_function_privilege(%s, oid, 'EXECUTE') FROM pg_proc"
            " WHERE proname = %s AND pronamespace = 'audit'::regnamespace",
            login,
            function,
        )
        if not may_call:
            continue
        session, heard = session_of(attack, database, login, monkeypatch)
        with session:
            if function == "begin_epoch":
                session.execute("SET default_transaction_isolation = 'repeatable read'")
            preparations = ("SELECT 1", ENTERED, *SETTINGS, f"{ENTERED}; {SETTINGS[0]}", f"{ENTERED}; {SETTINGS[1]}")
            answers = [a for prepared in preparations for a in fail_and_call_again(session, calls, prepared)]
        # A key that was made just now is for its result alone.
        fresh = {
            f"fresh key {number}{kind}": value
            for number, answer in enumerate(answers)
            if str(answer).startswith(("rf_", "rfl_"))
            for secret in [str(answer).split("_")[2].encode()]
            for kind, value in {"": secret, "'s hash": hashlib.sha256(secret).digest()}.items()
        }
        assert any("{PLANNEDSTMT" in said for said in heard)
        assert found_in(heard, secrets_of(attack) | fresh) == set(), login
        served += len(answers)
    # Those answer only on a server on which nobody else writes, and for a record that is sealed.
    assert served or function in ("begin_epoch", "erase_record")


def test_a_public_id_and_bytes_that_are_no_text_do_not_print_the_hash_of_a_key(
    attack: Attack, database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, heard = session_of(attack, database, "audit_app", monkeypatch)
    with session:
        session.execute("BEGIN")
        session.execute(SWALLOWED.format(f"audit.enter_tenant({KEYS[0]})").encode())
        session.execute(PRINT_PLANS.encode())
        tried(session, f"SELECT audit.enter_tenant({KEYS[1]})")
        session.execute("ROLLBACK")
    assert found_in(heard, secrets_of(attack)) == set()


@pytest.fixture
def much_memory() -> Iterator[None]:
    """Memory that the runs of `make test`, which are side by side, take one after another: nine gigabytes."""
    with (Path(tempfile.gettempdir()) / "ringfence-test-memory.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.mark.usefixtures("much_memory")
def test_a_text_of_a_gigabyte_prints_no_secret(
    attack: Attack, database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As long as a text can be: what is put before it, to be hashed with it, no longer fits.
    line = r"""{\"api_key_id\":\"' || current_setting('app.globex') || '\"}' || repeat(' ', 1073741750) || '"""
    session, heard = session_of(attack, database, "audit_app", monkeypatch)
    with session:
        session.execute("BEGIN")
        session.execute("SET LOCAL statement_timeout = '5min'")
        call = f"""audit.replay_audit_logs(('[{{"line":"{line}"}}]')::json)"""
        session.execute(SWALLOWED.format(call).encode())
        session.execute(PRINT_PLANS.encode())
        tried(session, f"SELECT audit.replay_audit_logs({LINE.format(chr(39) * 2, 'NULL')})")
        session.execute("ROLLBACK")
    assert found_in(heard, secrets_of(attack)) == set()
