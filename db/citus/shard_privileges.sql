-- The privileges on shards that are not those of their table. Citus names every column of a row when it hands an INSERT on, also those with a
-- default; which columns a caller may name is decided on the coordinator, by the privileges on audit.audit_logs. audit_keyed needs none: its records
-- are stored as the owner. And Citus makes a table with all of its owner's privileges, where the owner of a trail changes no record. A shard that was
-- moved or split is a new table, and takes no record of audit_trusted until this is run again.
DO $$
DECLARE
    v_command text;
    v_refusal text;
BEGIN
    FOREACH v_command IN ARRAY ARRAY['GRANT INSERT ON %s TO audit_trusted', 'REVOKE UPDATE, DELETE, TRUNCATE ON %s FROM audit_owner'] LOOP
        SELECT p.result INTO v_refusal FROM run_command_on_placements('audit.audit_logs', v_command) AS p WHERE NOT p.success LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'a shard took no privilege: %', v_refusal;
        END IF;
    END LOOP;
END
$$;
