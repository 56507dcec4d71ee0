"""SQL that would reach the server itself, its files, its settings or other sessions: all of it is refused."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import TestDatabase
from tests.support.attacker import Attack, assert_may_do_none, assert_own_alone, attacking

SERVER = [
    "COPY audit.audit_logs FROM '/dev/null'",
    "COPY audit.audit_logs TO '/tmp/stolen'",
    "COPY audit.audit_logs TO PROGRAM 'cat'",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT pg_read_binary_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT pg_ls_logdir()",
    "SELECT pg_ls_waldir()",
    "SELECT pg_stat_file('PG_VERSION')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(lo_creat(-1), '/tmp/stolen')",
    "SELECT pg_reload_conf()",
    "SELECT pg_rotate_logfile()",
    "SELECT pg_switch_wal()",
    "SELECT pg_create_restore_point('mine')",
    "SELECT pg_backup_start('mine')",
    "SELECT pg_create_physical_replication_slot('mine')",
    "SELECT pg_create_logical_replication_slot('mine', 'test_decoding')",
    "SELECT pg_logical_slot_get_changes('mine', NULL, NULL)",
    "SELECT pg_replication_origin_create('mine')",
    "SELECT pg_stat_reset()",
    "SELECT pg_stat_reset_single_table_counters('audit.audit_logs'::regclass)",
    "SELECT pg_ls_tmpdir()",
    "SELECT pg_hba_file_rules()",
    "SELECT pg_current_logfile()",
    "SELECT pg_get_backend_memory_contexts()",
    "SELECT pg_get_shmem_allocations()",
    "SELECT pg_log_backend_memory_contexts(pg_backend_pid())",
    "SELECT pg_promote()",
    "SELECT lo_put(lo_import('PG_VERSION'), 0, '')",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
    "SET log_statement = 'all'",
    "SET log_min_messages = debug5",
    "SET log_min_error_statement = debug5",
    "SET log_parameter_max_length = -1",
    "SET track_functions = 'all'",
    "SET compute_query_id = on",
    "SET jit_dump_bitcode = on",
    "SET backtrace_functions = 'errmsg'",
    "SET plpgsql.variable_conflict = 'use_column'",
    "SET session_preload_libraries = 'auto_explain'",
    "SET zero_damaged_pages = on",
    "SET allow_system_table_mods = on",
    "UPDATE pg_class SET relrowsecurity = false WHERE relname = 'audit_logs'",
]
# Statements that cannot stand in a transaction.
ALONE = [
    "ALTER SYSTEM SET row_security = off",
    "CREATE DATABASE mine",
    "CREATE TABLESPACE mine LOCATION '/tmp'",
    "CREATE SUBSCRIPTION mine CONNECTION 'dbname=postgres' PUBLICATION mine",
    "REINDEX TABLE audit.audit_logs",
    "CLUSTER audit.audit_logs USING audit_logs_pkey",
    "VACUUM FULL pg_authid, audit.audit_logs",
]
# Extensions, languages and functions that some supported server does not have.
ABSENT = [
    "CREATE EXTENSION dblink",
    "CREATE EXTENSION postgres_fdw",
    "CREATE EXTENSION pgcrypto",
    "CREATE LANGUAGE plpython3u",
    "SELECT dblink('dbname=postgres', 'SELECT 1')",
    "SELECT pg_file_write('mine', 'x', false)",
    "DO LANGUAGE plpython3u 'pass'",
    "COPY audit.audit_logs FROM STDIN",
    "SET row_security = off; SELECT FROM audit.audit_logs",
    "SELECT pg_last_committed_xact()",
    "SELECT pg_restore_relation_stats('schemaname', 'audit', 'relname', 'audit_logs', 'reltuples', 1::real)",
    "SELECT pg_clear_attribute_stats('audit', 'audit_logs', 'tenant_id', false)",
    "SELECT pgstattuple('audit.audit_logs')",
    "SELECT get_raw_page('audit.audit_logs', 0)",
    "SELECT * FROM pg_stat_statements",
]


@pytest.fixture
def attack(database: TestDatabase) -> Iterator[Attack]:
    with attacking(database) as attack:
        yield attack


def test_what_reaches_the_server_is_refused(attack: Attack) -> None:
    assert_may_do_none(attack, SERVER)


def test_what_stands_outside_a_transaction_is_refused_too(attack: Attack) -> None:
    session = attack.session()
    for statement in ALONE[:-1]:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute(statement.encode())
    # VACUUM warns of what it leaves out, and does the rest.
    warnings: list[str] = []
    session.add_notice_handler(lambda notice: warnings.append(notice.message_primary or ""))
    session.execute(ALONE[-1].encode())
    assert len(warnings) == 2
    assert all("permission denied" in warning or "skipping" in warning for warning in warnings)
    with attack.request(session) as connection:
        assert_own_alone(connection)


def test_what_would_help_is_absent(attack: Attack) -> None:
    with attack.request() as connection:
        for statement in ABSENT:
            with pytest.raises(psycopg.Error), connection.transaction():
                connection.execute(statement.encode())
            attack.enter(connection)
            assert_own_alone(connection)


@pytest.mark.parametrize("replication", ["database", "true"])
def test_the_service_cannot_replicate(attack: Attack, replication: str) -> None:
    attack.session().execute("SELECT")
    with pytest.raises(psycopg.OperationalError, match=r"replication|WAL sender"):
        attack.session(replication=replication)
