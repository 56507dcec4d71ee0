-- Takes from PUBLIC what runs a text on other nodes. Citus gives these to every role: SQL that got into a request would go on at a worker, past
-- the coordinator. audit.settled_horizon() and shard_privileges.sql need two of them, as the owner. And what tells how large each shard is: where a
-- shard has one tenant, that tells how many records the tenant has.
REVOKE EXECUTE ON FUNCTION
    run_command_on_all_nodes(text, boolean, boolean), run_command_on_coordinator(text, boolean), run_command_on_workers(text, boolean),
    run_command_on_placements(regclass, text, boolean), run_command_on_shards(regclass, text, boolean),
    run_command_on_colocated_placements(regclass, regclass, text, boolean), citus_shard_sizes()
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION run_command_on_workers(text, boolean), run_command_on_placements(regclass, text, boolean) TO audit_owner;
