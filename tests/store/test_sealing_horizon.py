"""What holds sealing back, and what does not; and epochs, which need a server on which nobody else writes."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.support.sealing_server import REGISTRAR, SEAL, SEALER, SealingServer, sealing_server

INSERT = "INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'acme', 'agent')"
BEGIN_EPOCH = "SELECT * FROM audit.begin_epoch(p_reason => 'restore', p_known => NULL)"
UNSEALED = (
    "SELECT count(*) FROM audit.audit_logs WHERE id NOT IN (SELECT record_id FROM audit.seals WHERE line IS NULL)"
)


@pytest.fixture(scope="module")
def server() -> Iterator[SealingServer]:
    with sealing_server("acme") as server:
        server.cluster.query("CREATE DATABASE elsewhere")
        yield server


@pytest.fixture
def superuser(server: SealingServer) -> Iterator[Connection[Any]]:
    with server.connect() as superuser:
        yield superuser
    server.seal()


@pytest.fixture
def sealer(server: SealingServer) -> Iterator[Connection[Any]]:
    with server.connect(SEALER) as sealer:
        yield sealer


def lag(sealer: Connection[Any]) -> tuple[float, list[dict[str, Any]]]:
    ((seconds, held_back_by),) = sealer.execute("SELECT * FROM audit.sealing_lag()").fetchall()
    return seconds, held_back_by


@pytest.mark.parametrize("database", ["ringfence", "elsewhere"])
def test_a_transaction_that_writes_in_any_database_holds_it_back_and_is_named(
    server: SealingServer, superuser: Connection[Any], sealer: Connection[Any], database: str
) -> None:
    with server.connect(database=database) as writer, writer.transaction():
        writer.execute("SELECT pg_current_xact_id()")
        superuser.execute(INSERT)
        assert sealer.execute(SEAL, [1000]).fetchone() == (0,)
        seconds, held_back_by = lag(sealer)
        assert seconds > 0
        assert held_back_by == [
            {
                "kind": "transaction", "pid": writer.info.backend_pid, "gid": None,
                "database": database, "role": "postgres", "since": None,
            }
        ]  # fmt: skip
    assert sealer.execute(SEAL, [1000]).fetchone() == (1,)
    assert lag(sealer) == (0, [])


def test_a_transaction_that_began_after_the_record_is_not_named(
    server: SealingServer, superuser: Connection[Any], sealer: Connection[Any]
) -> None:
    superuser.execute(INSERT)
    with server.connect() as writer, writer.transaction():
        writer.execute("SELECT pg_current_xact_id()")
        assert lag(sealer)[1] == []
        assert sealer.execute(SEAL, [1000]).fetchone() == (1,)


def test_a_prepared_transaction_holds_it_back_and_is_named(superuser: Connection[Any], sealer: Connection[Any]) -> None:
    superuser.execute("BEGIN")
    superuser.execute(INSERT)
    superuser.execute("PREPARE TRANSACTION 'forgotten'")
    superuser.execute(INSERT)
    assert sealer.execute(SEAL, [1000]).fetchone() == (0,)
    _, (held,) = lag(sealer)
    assert (held["kind"], held["gid"], held["database"]) == ("prepared transaction", "forgotten", "ringfence")
    assert held["since"]
    superuser.execute("COMMIT PREPARED 'forgotten'")
    assert sealer.execute(SEAL, [1000]).fetchone() == (2,)


def test_a_transaction_that_only_reads_does_not(
    server: SealingServer, superuser: Connection[Any], sealer: Connection[Any]
) -> None:
    with server.connect() as reader, reader.transaction():
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT count(*) FROM audit.audit_logs")
        superuser.execute(INSERT)
        assert sealer.execute(SEAL, [1000]).fetchone() == (1,)


def test_no_epoch_begins_while_another_transaction_writes(server: SealingServer, superuser: Connection[Any]) -> None:
    superuser.execute(INSERT)
    with server.connect(REGISTRAR) as registrar, server.connect(database="elsewhere") as writer:
        registrar.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        writer.execute("BEGIN")
        writer.execute("SELECT pg_current_xact_id()")
        superuser.execute(INSERT)
        with pytest.raises(psycopg.errors.ObjectInUse, match="other transactions are writing"), registrar.transaction():
            registrar.execute(BEGIN_EPOCH)
        writer.execute("ROLLBACK")
        with registrar.transaction():
            ((tenant, epoch, previous_epoch, *_),) = registrar.execute(BEGIN_EPOCH).fetchall()
    assert (tenant, epoch) == ("acme", previous_epoch + 1)
    assert superuser.execute(UNSEALED).fetchone() == (0,)
    superuser.execute(INSERT)
    server.seal()
    assert superuser.execute("SELECT size FROM audit.trees WHERE epoch = %s", [epoch]).fetchone() == (2,)


def test_a_record_whose_transaction_is_under_way_when_an_epoch_begins_is_sealed_in_it(
    server: SealingServer, superuser: Connection[Any]
) -> None:
    superuser.execute(INSERT)
    with server.connect(REGISTRAR) as registrar, server.connect() as writer, writer.transaction():
        registrar.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        writer.execute(INSERT)
        with registrar.transaction():
            ((_, epoch, *_),) = registrar.execute(BEGIN_EPOCH).fetchall()
        assert superuser.execute(UNSEALED).fetchone() == (0,)
    server.seal()
    assert superuser.execute(UNSEALED).fetchone() == (0,)
    assert superuser.execute("SELECT size FROM audit.trees WHERE epoch = %s", [epoch]).fetchone() == (2,)
