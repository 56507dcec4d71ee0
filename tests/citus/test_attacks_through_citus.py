"""What Citus brings with it opens nothing: from the coordinator, and at a worker, for every role but the nodes' own."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.citus.conftest import Distributed, Statement

INSERT = "SELECT audit.insert_audit_log(p_agent_id => 'secret agent', p_mode => 'LIVE', p_status => 'success')"
# Logins of each group of ours, and one of none.
LOGINS = (
    "audit_app",
    "test_gateway",
    "test_registrar",
    "test_signer",
    "test_sealer",
    "test_keeper",
    "test_eraser",
    "stranger",
)
TRUSTED = "test_gateway"
REFUSED = {
    "42501",  # insufficient privilege
    "RF001",  # no tenant is proven
    "0A000",  # not supported
    "XX000",  # Citus: must be owner, not in a distributed transaction, and the like
    "22023",
    "55000",
    "42P01",  # no such table: a shard is not on the coordinator
    "42704",
}
# {shard} and {number}: that of acme. {here} and {there}: the ports of the node that has it, and of the other worker.
ON_THE_COORDINATOR = [
    "SELECT * FROM master_run_on_worker(ARRAY['127.0.0.1'], ARRAY[{here}], ARRAY['SELECT 1'], false)",
    "SELECT * FROM run_command_on_workers('SELECT 1')",
    "SELECT * FROM run_command_on_all_nodes('SELECT 1')",
    "SELECT * FROM run_command_on_shards('audit.audit_logs', 'SELECT 1')",
    "SELECT * FROM run_command_on_placements('audit.audit_logs', 'SELECT 1')",
    "SELECT * FROM run_command_on_coordinator('SELECT 1')",
    "SELECT undistribute_table('audit.audit_logs')",
    "SELECT alter_table_set_access_method('audit.audit_logs', 'heap')",
    "SELECT alter_distributed_table('audit.audit_logs', shard_count := 2)",
    "SELECT create_reference_table('audit.tenants')",
    "SELECT create_distributed_table('audit.api_keys', 'tenant_id')",
    "SELECT citus_add_local_table_to_metadata('audit.api_keys')",
    "SELECT truncate_local_data_after_distributing_table('audit.audit_logs')",
    "SELECT citus_drop_all_shards('audit.audit_logs', 'audit', 'audit_logs')",
    "SELECT isolate_tenant_to_new_shard('audit.audit_logs', 'acme', shard_transfer_mode := 'block_writes')",
    "SELECT citus_move_shard_placement({number}, '127.0.0.1', {here}, '127.0.0.1', {there}, 'block_writes')",
    "SELECT citus_copy_shard_placement({number}, '127.0.0.1', {here}, '127.0.0.1', {there}, 'block_writes')",
    "SELECT citus_internal_delete_partition_metadata('audit.audit_logs')",
    "SELECT citus_internal_delete_shard_metadata({number})",
    "SELECT citus_internal_update_placement_metadata({number}, 1, 2)",
    "SELECT lock_shard_metadata(7, ARRAY[{number}])",
    "SELECT citus_set_node_property('127.0.0.1', {here}, 'shouldhaveshards', false)",
    "SELECT citus_remove_node('127.0.0.1', {here})",
    "SELECT citus_disable_node('127.0.0.1', {here})",
    "SELECT citus_update_node(1, '127.0.0.1', 1)",
    "SELECT * FROM citus_shards",
    "SELECT * FROM citus_tables",
    "SELECT * FROM citus_shard_sizes()",
    "SELECT citus_shard_cost_by_disk_size({number})",
    "SELECT citus_update_shard_statistics({number})",
    "SELECT * FROM get_rebalance_progress()",
    "SELECT * FROM get_rebalance_table_shards_plan('audit.audit_logs')",
    "SELECT * FROM citus_stat_tenants",
    "SELECT * FROM citus_stat_tenants_local",
    "SELECT * FROM citus_stat_activity",
    "SELECT * FROM citus_dist_stat_activity",
    "SELECT * FROM citus_lock_waits",
    "SELECT * FROM pg_dist_authinfo",
    "UPDATE pg_dist_placement SET groupid = 0",
    "DELETE FROM pg_dist_shard",
    "DELETE FROM pg_dist_partition",
    "INSERT INTO pg_dist_authinfo VALUES (0, 'audit_owner', 'password=known')",
    "TRUNCATE audit.audit_logs",
]
AT_A_WORKER = [
    "SELECT * FROM {shard}",
    "SELECT id FROM audit.audit_logs",
    "DELETE FROM {shard}",
    "UPDATE {shard} SET user_id = NULL",
    "TRUNCATE {shard}",
    "DROP TABLE {shard}",
    "ALTER TABLE {shard} DISABLE ROW LEVEL SECURITY",
    "CREATE POLICY opened ON {shard} USING (true)",
    "COPY {shard} TO STDOUT",
    "SELECT * FROM audit.proof_secrets",
    "SELECT * FROM audit.api_keys",
    "SELECT * FROM audit.facts_of_node()",
    "SELECT audit.tenant_proof('acme', 'read', 'key', '0', '', '1')",
    "SELECT worker_drop_shell_table('audit.audit_logs')",
    "SELECT worker_drop_distributed_table('audit.audit_logs')",
    "SELECT worker_copy_table_to_node('{shard}'::regclass, 1)",
    "SELECT worker_apply_shard_ddl_command({number}, 'ALTER TABLE audit.audit_logs DISABLE ROW LEVEL SECURITY')",
    "SELECT worker_create_or_alter_role('known', 'CREATE ROLE known SUPERUSER', NULL)",
    "SELECT worker_create_or_replace_object('CREATE SCHEMA known')",
    "SELECT * FROM citus_shard_sizes()",
    "SELECT * FROM run_command_on_coordinator('SELECT 1')",
    "SELECT * FROM master_run_on_worker(ARRAY['127.0.0.1'], ARRAY[{there}], ARRAY['SELECT 1'], false)",
]
# What an attacker sets first: Citus hides shards, and keeps hands off them, as long as nobody says otherwise.
SETTINGS = "-c citus.override_table_visibility=off -c citus.enable_manual_changes_to_shards=on -c statement_timeout=10s"
ASSIGN = "SELECT assign_distributed_transaction_id(%s, %s, %s)"
NUMBER = (
    "SELECT ARRAY[initiator_node_identifier::text, transaction_number::text, transaction_stamp::text]"
    " FROM get_current_transaction_id()"
)
PROOF = "SELECT ARRAY[current_setting('app.scopes'), current_setting('app.proof')]"


@pytest.fixture(scope="module", autouse=True)
def _a_record_and_a_stranger(distributed: Distributed) -> None:
    distributed.keyed("acme", INSERT)
    with distributed.cluster.connect() as superuser:
        superuser.execute("CREATE ROLE stranger LOGIN")


@pytest.fixture
def names(distributed: Distributed) -> dict[str, object]:
    """What the statements name."""
    node, shard = distributed.shard_of("acme")
    there = "worker_1" if node == "worker_2" else "worker_2"
    ports = distributed.cluster.ports
    return {"shard": shard, "number": shard.rpartition("_")[2], "here": ports[node], "there": ports[there]}


@pytest.fixture
def untouched(distributed: Distributed) -> Iterator[None]:
    """Nothing has changed at the end: acme has its record, the report is intact, and shards lie where they lay."""
    before = distributed.shard_of("acme")
    yield
    assert distributed.shard_of("acme") == before
    assert '"count":1' in distributed.keyed(
        "acme", "SELECT audit.list_audit_logs(p_agent_id => 'secret agent')"
    ).replace(" ", "")
    report = "SELECT string_agg(r.findings, '; ') FROM audit.isolation_report() AS r WHERE NOT r.intact"
    assert distributed.call("audit_app", (report, [])) is None


def answers(
    distributed: Distributed, login: str, node: str, statements: list[str], names: dict[str, object]
) -> list[str]:
    """Return the statements that are not refused, each with what it answered."""
    done = []
    for statement in statements:
        text = statement.format(**names)
        with psycopg.connect(distributed.cluster.url(login, node), options=SETTINGS) as session:
            try:
                session.execute("SET LOCAL app.tenant_id = 'acme'")
                rows = session.execute(text.encode()).fetchmany(3)
            except psycopg.Error as error:
                if error.sqlstate not in REFUSED or "secret agent" in str(error):
                    done.append(f"{text}: {error.sqlstate} {error}")
            else:
                done.append(f"{text}: {rows}")
            session.rollback()
    return done


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("login", LOGINS)
def test_nobody_calls_what_citus_runs_between_nodes(
    distributed: Distributed, names: dict[str, object], login: str
) -> None:
    assert answers(distributed, login, "coordinator", ON_THE_COORDINATOR, names) == []


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("login", [login for login in LOGINS if login != TRUSTED])
def test_a_worker_and_its_shards_are_closed_to(distributed: Distributed, names: dict[str, object], login: str) -> None:
    node, _ = distributed.shard_of("acme")
    assert answers(distributed, login, node, AT_A_WORKER, names) == []


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("login", ["audit_owner", "audit_keeper", TRUSTED])
def test_those_that_nodes_go_on_as_change_nothing_in_a_shard_without_a_proof(
    distributed: Distributed, login: str
) -> None:
    node, shard = distributed.shard_of("acme")
    own: Statement = ("SET LOCAL app.tenant_id = 'acme'", [])
    seen = distributed.call(login, own, (f"SELECT count(id) FROM {shard}", []), node=node)
    # A login that names its tenants reads the one that it names; the functions' owners read what is proven.
    assert seen == (1 if login == TRUSTED else 0)
    other: Statement = ("SET LOCAL app.tenant_id = 'globex'", [])
    assert (
        distributed.call(login, other, (f"SELECT count(id) FROM {shard} WHERE tenant_id = 'acme'", []), node=node) == 0
    )
    by_hand: Statement = ("SET LOCAL citus.enable_manual_changes_to_shards = on", [])
    for statement in (f"UPDATE {shard} SET agent_id = 'x'", f"TRUNCATE {shard}"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            distributed.call(login, own, by_hand, (statement, []), node=node)


def test_a_superuser_may_what_the_others_may_not(distributed: Distributed, names: dict[str, object]) -> None:
    for statement in ("SELECT 1 FROM citus_shards", "SELECT 1 FROM citus_shard_sizes()", ON_THE_COORDINATOR[0]):
        assert distributed.call("postgres", (statement.format(**names), [])) is not None


def test_a_proof_is_not_replayed_under_the_number_of_its_transaction(distributed: Distributed) -> None:
    enter: Statement = ("SELECT audit.enter_tenant(%s)", [distributed.keys["acme"]])
    with psycopg.connect(distributed.cluster.url("audit_app")) as session:
        session.execute(enter[0].encode(), enter[1])
        ((number,),) = session.execute(NUMBER.encode()).fetchall()
        ((proof,),) = session.execute(PROOF.encode()).fetchall()
        assert "secret agent" in str(session.execute(b"SELECT audit.list_audit_logs()").fetchall())
    again: list[Statement] = [
        ("SELECT audit.set_on_nodes('app.tenant_id', 'acme', true)", []),
        ("SELECT audit.set_on_nodes('app.scopes', %s, true)", [proof[0]]),
        ("SELECT audit.set_on_nodes('app.proof', %s, true)", [proof[1]]),
        ("SELECT audit.list_audit_logs()", []),
    ]
    with pytest.raises(psycopg.Error) as refused:
        distributed.call("audit_app", *again)
    assert refused.value.sqlstate == "RF001"
    for node in distributed.cluster.ports:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            distributed.call("audit_app", (ASSIGN, number), node=node)


def test_a_proof_that_is_set_on_every_node_is_for_its_tenant_scopes_and_text_alone(distributed: Distributed) -> None:
    enter: Statement = ("SELECT audit.enter_tenant(%s)", [distributed.keys["globex"]])
    listing: Statement = ("SELECT audit.list_audit_logs()", [])
    change = "SELECT audit.set_on_nodes(%s, regexp_replace(current_setting(%s), %s, %s), true)"
    assert '"count"' in distributed.call("audit_app", enter, (change, ["app.proof", "app.proof", "$", ""]), listing)
    for name, pattern, other in (
        ("app.tenant_id", ".*", "acme"),
        ("app.scopes", "$", ",admin"),
        ("app.proof", "[0-9a-f]{8}$", "00000000"),
        ("app.proof", ":[0-9a-f]{16}:", ":0123456789abcdef:"),
    ):
        with pytest.raises(psycopg.Error) as refused:
            distributed.call("audit_app", enter, (change, [name, name, pattern, other]), listing)
        assert refused.value.sqlstate == "RF001"


def test_a_key_that_a_worker_was_made_to_issue_opens_nothing(distributed: Distributed) -> None:
    issue = "SELECT audit.issue_api_key(p_tenant_id => 'acme', p_label => 'forged', p_scopes => ARRAY['read'])"
    assert distributed.call("test_registrar", (issue, [])).startswith("rf_")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        distributed.call("test_registrar", (issue, []), node="worker_1")
