-- Commits in two phases what changes a shard and a plain table of the coordinator: a prune and its statement, above all. Citus does so for new records, which
-- it copies to the worker, but not for a DELETE or UPDATE in one shard: it counts only tables that it knows, and would commit the worker's part first. A
-- coordinator that dies in between would have the one without the other. So an INSERT into each of these plain tables touches a table that Citus knows, which
-- is always empty.
DO $$
DECLARE
    v_table text;
BEGIN
    IF to_regclass('audit.two_phases') IS NULL THEN
        CREATE TABLE audit.two_phases (never boolean NOT NULL);
        ALTER TABLE audit.two_phases ENABLE ROW LEVEL SECURITY;
        ALTER TABLE audit.two_phases FORCE ROW LEVEL SECURITY;   -- and no policy: nobody has a row in it
        PERFORM citus_add_local_table_to_metadata('audit.two_phases');
    END IF;
    -- After that: Citus makes a shard of the table that was there, and another one in its place.
    COMMENT ON TABLE audit.two_phases IS 'Always empty. Touching it lets Citus commit this transaction in two phases.';
    COMMENT ON COLUMN audit.two_phases.never IS 'A table needs a column.';
    EXECUTE 'REVOKE TRUNCATE ON audit.two_phases FROM audit_owner';
    FOREACH v_table IN ARRAY ARRAY['idempotency_keys', 'admin_events', 'pruned_ids', 'seals'] LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER commits_in_two_phases BEFORE INSERT ON audit.%I
            FOR EACH STATEMENT EXECUTE FUNCTION audit.commit_in_two_phases()', v_table);
    END LOOP;
END
$$;
