"""What an erased person leaves: nothing in files and statistics of the database; the write-ahead log, for a while."""

import json
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import CreateRole, TestDatabase
from tests.support.sealing import seal

_STATISTICS = (
    "SELECT coalesce(string_agg(s::text, ''), '') FROM pg_stats AS s WHERE tablename = 'audit_logs'",
    "SELECT coalesce(string_agg(s::text, ''), '') FROM pg_stats AS s WHERE tablename <> 'audit_logs'",
    "SELECT coalesce(string_agg(s::text, ''), '') FROM pg_stats_ext AS s",
    "SELECT coalesce(string_agg(s::text, ''), '') FROM pg_stats_ext_exprs AS s",
)


@dataclass(frozen=True)
class Person:
    """A person in the records of acme, and what is looked for: each text of a record, and one of the salts."""

    user: str
    texts: dict[str, bytes]


@dataclass(frozen=True)
class Disk:
    """The files of the server."""

    directory: Path
    database: TestDatabase

    def holds(self, folder: str, text: bytes) -> bool:
        """Return whether a file below the folder has the text, once the server has written what it has in memory."""
        self.database.execute("CHECKPOINT")
        return any(text in file.read_bytes() for file in _files(self.directory / folder))


def _files(folder: Path) -> Iterator[Path]:
    yield from (file for file in folder.rglob("*") if file.is_file())


@pytest.fixture
def disk(database: TestDatabase) -> Disk:
    ((directory,),) = database.execute("SHOW data_directory")
    return Disk(Path(directory), database)


@pytest.fixture
def person(database: TestDatabase) -> Person:
    """Records of one person, in the planner's statistics and in extended ones that an administrator made."""
    user, error, approver = (f"{name}-{uuid.uuid4().hex}" for name in ("jane", "error", "jane"))
    long_text = secrets.token_hex(1900)  # beside the row, in the TOAST table
    database.execute("CREATE STATISTICS audit.of_users (mcv) ON tenant_id, user_id FROM audit.audit_logs")
    database.execute("CREATE STATISTICS audit.of_errors ON (upper(error)) FROM audit.audit_logs")
    with psycopg.connect(database.url()) as connection:
        connection.execute("SELECT audit.set_tenant('acme')")
        for number in range(20):
            connection.execute(
                "SELECT audit.insert_audit_log('kyc', 'LIVE', 'error', p_user_id => %s,"
                " p_error => %s, p_context => %s)",
                [
                    user if number % 2 else "joe", error if number % 2 else "no answer",
                    f'{{"approver":"{approver}","resource":"{long_text}"}}' if number % 2 else None,
                ],
            )  # fmt: skip
    for _ in range(2):
        ((hold,),) = database.execute("SELECT audit.place_hold('acme', 'court', 'case 12', p_user_id => %s)", user)
        database.execute("SELECT audit.release_hold(%s, 'closed')", hold)
    seal(database)
    database.execute("VACUUM ANALYZE audit.audit_logs, audit.legal_holds")
    ((salt,),) = database.execute(
        "SELECT s.salt FROM audit.seals AS s JOIN audit.audit_logs AS l ON l.id = s.record_id"
        " WHERE l.user_id = %s ORDER BY s.leaf_index LIMIT 1",
        user,
    )
    texts = {"user": user, "error": error, "approver": approver, "long text": long_text[:64]}
    return Person(user, {name: text.encode() for name, text in texts.items()} | {"salt": bytes(salt)})


def erase(database: TestDatabase, role: str, user: str) -> None:
    """Erase the person, as the command does."""
    with psycopg.connect(database.url(role)) as connection:
        assert connection.execute("SELECT * FROM audit.erase_user('acme', %s, 'request')", [user]).fetchall() == [
            (10, 0, 0, None, None)
        ]
    with psycopg.connect(database.url(role)) as connection:
        connection.execute("SELECT audit.refresh_statistics()")


@pytest.fixture
def eraser(create_role: CreateRole) -> str:
    return create_role(member_of=("audit_eraser",))


def test_no_file_of_the_database_holds_an_erased_text_or_salt_after_vacuum_full(
    database: TestDatabase, disk: Disk, person: Person, eraser: str
) -> None:
    assert [name for name, text in person.texts.items() if not disk.holds("base", text)] == []
    erase(database, eraser, person.user)
    database.execute("VACUUM FULL")
    assert [name for name, text in person.texts.items() if disk.holds("base", text)] == []
    assert [name for name, text in person.texts.items() if disk.holds("global", text)] == []


def test_no_statistics_hold_an_erased_text(database: TestDatabase, person: Person, eraser: str) -> None:
    wanted = [person.user, person.texts["error"].decode().upper(), person.texts["approver"].decode()]

    def found() -> list[list[str]]:
        texts = ["".join(str(text) for ((text,),) in [database.execute(query)]) for query in _STATISTICS]
        return [[name for name in wanted if name in text] for text in texts]

    in_columns, in_holds, in_groups, in_expressions = found()
    assert person.user in in_columns
    assert person.user in in_holds
    assert person.user in in_groups
    assert wanted[1] in in_expressions
    erase(database, eraser, person.user)
    assert found() == [[], [], [], []]


def test_no_row_or_index_shows_an_erased_text(database: TestDatabase, person: Person, eraser: str) -> None:
    tables = [
        table
        for (table,) in database.execute(
            "SELECT c.oid::regclass::text FROM pg_class AS c"
            " WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind = 'r' ORDER BY 1"
        )
    ]

    def found() -> set[str]:
        return {
            table
            for table in tables
            for (row,) in database.execute(f"SELECT t::text FROM {table} AS t")
            if any(text.decode() in row for name, text in person.texts.items() if name != "salt")
        }

    assert found() == {"audit.audit_logs", "audit.legal_holds"}
    erase(database, eraser, person.user)
    assert found() == set()


def test_the_write_ahead_log_holds_it_until_it_is_removed(
    database: TestDatabase, disk: Disk, person: Person, eraser: str
) -> None:
    erase(database, eraser, person.user)
    database.execute("VACUUM FULL")
    assert disk.holds("pg_wal", person.texts["error"])


def test_a_spooled_copy_of_an_erased_record_does_not_bring_the_person_back(database: TestDatabase, eraser: str) -> None:
    line = json.dumps({
        "id": str(uuid.uuid4()), "tenant_id": "acme", "agent_id": "kyc", "mode": "LIVE", "status": "error",
        "user_id": "jane", "created_at": datetime.now(UTC).isoformat(),
    })  # fmt: skip

    def replayed() -> Any:
        with psycopg.connect(database.url()) as gateway:
            call = gateway.execute("SELECT audit.replay_audit_logs(%s)", [json.dumps([{"line": line}])])
            (((outcome,),),) = call.fetchall()
        return outcome and outcome["sqlstate"]

    assert [replayed(), replayed()] == [None, None]  # stored, and repeated
    seal(database)
    with psycopg.connect(database.url(eraser)) as connection:
        connection.execute("SELECT audit.erase_user('acme', 'jane', 'request')")
    assert replayed() == "RF004"
    assert database.execute("SELECT user_id FROM audit.audit_logs") == [(None,)]
