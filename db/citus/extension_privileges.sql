-- Takes from PUBLIC what Citus gives to every role, and what is for its nodes or for nobody.
--
-- What runs a text on other nodes: SQL that got into a request would go on at a worker, past the coordinator. audit.settled_horizon(),
-- audit.findings_of_nodes() and shard_privileges.sql need two of them, as the owner. What gives a transaction a number: with that of another one, a
-- proof that was made in that would hold here too. Citus calls it on a worker as the role that goes on there, so those roles keep it. And what tells
-- how large each shard is: where a shard has one tenant, that tells how many records the tenant has.
REVOKE EXECUTE ON FUNCTION
    run_command_on_all_nodes(text, boolean, boolean), run_command_on_coordinator(text, boolean), run_command_on_workers(text, boolean),
    run_command_on_placements(regclass, text, boolean), run_command_on_shards(regclass, text, boolean),
    run_command_on_colocated_placements(regclass, regclass, text, boolean), master_run_on_worker(text[], int[], text[], boolean),
    assign_distributed_transaction_id(int, bigint, timestamptz),
    citus_shard_sizes(), citus_shard_cost_by_disk_size(bigint), citus_update_shard_statistics(bigint), master_update_shard_statistics(bigint),
    citus_update_table_statistics(regclass), master_update_table_statistics(regclass), get_rebalance_progress(),
    get_rebalance_table_shards_plan(regclass, real, int, bigint[], boolean, name, real)
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    run_command_on_workers(text, boolean), run_command_on_placements(regclass, text, boolean), master_run_on_worker(text[], int[], text[], boolean)
TO audit_owner;
GRANT EXECUTE ON FUNCTION assign_distributed_transaction_id(int, bigint, timestamptz) TO audit_owner, audit_keeper, audit_trusted;
