-- A privilege on shards beyond that of their table: Citus names every column of a row when it hands an INSERT on, also those with a default. Which
-- columns a caller may name is decided on the coordinator, by the privileges on audit.audit_logs. audit_keyed needs none: its records are stored as
-- the owner. A shard that was moved or split is a new table without this privilege, and takes no record of audit_trusted until this is run again.
DO $$
DECLARE
    v_refusal text;
BEGIN
    SELECT p.result INTO v_refusal
    FROM run_command_on_placements('audit.audit_logs', 'GRANT INSERT ON %s TO audit_trusted') AS p WHERE NOT p.success LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'a shard took no privilege: %', v_refusal;
    END IF;
END
$$;
